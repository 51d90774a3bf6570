import { untilAborted } from '../../../core/aborted.js';
import type { Role } from '../../../core/strategy.js';
import { Breach } from '../breach.js';
import type { Conduct } from '../end.js';
import { forbiddenAddresses, hostilities } from '../hostile-messages.js';
import { expectStrategyError } from '../rejection.js';
import type { Rule } from '../rule.js';
import { attemptLimitMs, other, type Trial } from '../trial.js';

/** Attempts at once: an agent takes up to 16 from one peer. */
const batch = 14;

export const withstandsHostileMessages: Rule = {
  name: 'withstands whatever a hostile peer sends it over the channel',
  why: 'A peer is a stranger. What it says is parsed, and nothing is sent to this machine or its link because it said so.',
  async check(trial) {
    const atOnce = (trial.supports.several ?? true) ? batch : 1;
    for (const role of ['controlling', 'controlled'] as const) {
      const all = Object.entries(hostilities);
      for (let at = 0; at < all.length; at += atOnce) {
        await Promise.all(
          all.slice(at, at + atOnce).map(([what, make]) => suffer(what, { [role]: { hear: make() } }, role, trial)),
        );
      }
      await suffer('more messages than may wait', { [other(role)]: { instead: flood } }, role, trial);
      await trial.end(role).expectNothingHeld('attempts with a hostile peer have ended');
      for (const { address, port } of trial.end(role).ledger.contacts) {
        if (!forbiddenAddresses.has(address)) continue;
        throw new Breach(
          'an address that a peer names is dialled only if it can be the peer’s (see isPublicAddress)',
          `the ${role} end sent to ${address}, port ${port}`,
        );
      }
    }
  },
};

/** Sends what the core lets through at once, and more. */
const flood: Conduct['instead'] = async ({ channel, signal }) => {
  for (let count = 0; count < 70; count++) await channel.send({ count });
  return untilAborted(signal);
};

async function suffer(what: string, conduct: Partial<Record<Role, Conduct>>, role: Role, trial: Trial): Promise<void> {
  const { [role]: victim } = trial.start(conduct);
  const expected = `attempt ends at the ${role} end when a peer sends ${what}`;
  try {
    const path = await trial.within(victim.raw, attemptLimitMs - 1, expected);
    path.destroy();
  } catch (error) {
    if (error instanceof Breach) throw error;
    expectStrategyError(error, { when: `at the ${role} end when a peer sends ${what}`, reason: peersOwn(error) });
  }
}

/** The peer gave up first, and this end rejects with what it heard. */
function peersOwn(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code === 'PEER_ENDED' ? error : undefined;
}
