import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { AgentView } from '../patient.js';
import { listOf } from '../words.js';

/** A difference that certificates and credentials with a time limit may fail for, in milliseconds. */
const toleratedMs = 60_000;

/** How far is this machine's clock from those of the peers' agents? One that most of them agree against is wrong. */
export function clockFinding(agent: AgentView | undefined): Finding {
  if (!agent || agent.clocks.length === 0) {
    return unchecked('clock', 'There is no linked agent of a peer to compare the clock with.');
  }
  const off = agent.clocks.filter(({ aheadMs }) => Math.abs(aheadMs) > toleratedMs);
  if (off.length === 0) {
    const count = agent.clocks.length;
    return ok(
      'clock',
      `The clock is within a minute of ${count === 1 ? 'the one peer’s that is' : `those of ${count} peers that are`} linked.`,
    );
  }
  if (off.length * 2 < agent.clocks.length) {
    return ok('clock', `The clock agrees with most peers’; ${listOf(off.map(({ address }) => address))} is off.`);
  }
  const [{ aheadMs, address } = { aheadMs: 0, address: '' }] = off;
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const whose =
    agent.clocks.length === 1
      ? `that of ${address}: one of the two is wrong`
      : `those of ${off.length} of ${agent.clocks.length} peers`;
  return problem('clock', 'CLOCK_WRONG', `This machine’s clock is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} ${whose}.`);
}
