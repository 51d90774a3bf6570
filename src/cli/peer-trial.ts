import { trialSchema } from '../control/schemas.js';
import { describeError } from '../core/errors.js';
import { type Finding, ok, unchecked } from '../doctor/finding.js';
import { milliseconds } from '../figures.js';
import type { ControlClient } from './control-client.js';

/** Has the running agent try a peer. @param agent undefined where none runs */
export async function peerFinding(peer: string, agent: ControlClient | undefined): Promise<Finding> {
  if (!agent) return unchecked('peer', `Only a running agent can try ${peer}.`, 'Start one with ratatoskr run.');
  try {
    const { bridge, failure } = await agent.post(`/v1/peers/${encodeURIComponent(peer)}/trial`, trialSchema);
    if (bridge) {
      const { kind, relay, strategy, rttMs, overlayRttMs } = bridge;
      const way = kind === 'direct' ? 'a direct path' : `a path through the relay ${relay ?? ''}`.trimEnd();
      const times = `${milliseconds(rttMs)} instead of ${milliseconds(overlayRttMs)}`;
      return ok('peer', `There is ${way} to ${peer}, by ${strategy}: ${times}.`);
    }
    if (!failure) return unchecked('peer', `The bridge with ${peer} went as soon as it was up.`);
    return { check: 'peer', state: 'problem', code: failure.code, message: failure.message, help: failure.help ?? null };
  } catch (error) {
    const { code, message, help = null } = describeError(error);
    return { check: 'peer', state: 'unchecked', code, message, help };
  }
}
