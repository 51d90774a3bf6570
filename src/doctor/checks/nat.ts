import type { NatBehaviour } from '../../discovery/nat-behaviour/behaviour.js';
import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { StunAnswers } from './stun.js';

/** Can a peer foresee where this machine's packets come from? */
export function natFinding(answers: StunAnswers | undefined, mapsPorts: boolean): Finding {
  if (!answers?.udp) return unchecked('nat', 'Without a STUN server that can be asked the NAT does not show.');
  const { behaviour } = answers.udp;
  if (behaviour.translated === 'unknown') {
    return answers.tcp.observations.length > 0
      ? problem(
          'nat',
          'UDP_BLOCKED',
          'The STUN servers answer over TCP and not over UDP: UDP does not pass, so only TCP strategies can work.',
        )
      : unchecked('nat', 'No STUN server answers, so the NAT does not show.');
  }
  if (behaviour.translated === 'no') return ok('nat', 'There is no NAT: this machine’s own address is seen on the internet.');
  if (behaviour.mapping === 'endpoint-independent')
    return ok('nat', `The NAT keeps one port for all destinations${filteringOf(behaviour)}: holes can be punched.`);
  if (behaviour.mapping === 'unknown')
    return unchecked(
      'nat',
      'A NAT is there, and one STUN server alone does not show how it chooses ports.',
      'Name a second STUN server.',
    );
  const { kind } = behaviour.portAllocation;
  if (kind === 'preserving' || kind === 'sequential')
    return ok(
      'nat',
      `The NAT takes another port for each destination, but ${kind === 'sequential' ? 'one after the other' : 'the same as here'}, so that it can be foreseen.`,
    );
  const random = 'The NAT takes a random port for each destination';
  if (mapsPorts) return ok('nat', `${random}, but the gateway maps ports on request.`);
  return problem('nat', 'NAT_RANDOM_PORTS', `${random} (symmetric NAT): with a peer behind another such NAT only a relay works.`);
}

function filteringOf({ filtering }: NatBehaviour): string {
  if (filtering === 'endpoint-independent') return ' and lets anyone in there';
  if (filtering === 'unknown') return '';
  return ' and lets in only whom this machine has sent to';
}
