import { dynamicPort } from '../../discovery/listening-port.js';
import { examineNat, type NatExamination } from '../../discovery/nat-behaviour/examine-nat.js';
import { discoverExternalAddress } from '../../discovery/stun/external-address.js';
import { locateServer, type ServerAnswers, type ServerFailure } from '../../discovery/stun/server-search.js';
import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { Patient } from '../patient.js';
import { listOf } from '../words.js';

/** Time that servers have after the first has answered, in milliseconds: each is to be compared. */
const graceMs = 500;

/** What the configured servers say over UDP and TCP; undefined where the configuration names none or there is no IPv4. */
export interface StunAnswers {
  readonly udp: NatExamination | undefined;
  readonly tcp: ServerAnswers;
  /** Servers that the others contradict, as the configuration names them. */
  readonly contradicted: readonly string[];
}

export async function askStun(patient: Patient): Promise<StunAnswers | undefined> {
  const { services, config, signal } = patient;
  const { net, clock, random } = services;
  const { stun: servers } = config;
  if (servers.length === 0) return undefined;
  const options = { net, clock, random, servers, family: 4 as const, signal };
  const [udp, tcp] = await Promise.all([
    examineNat(options).catch(() => {
      signal.throwIfAborted();
      // The system gives no UDP socket.
      return undefined;
    }),
    discoverExternalAddress({ ...options, local: { port: dynamicPort(random.fraction()) }, parallel: servers.length, graceMs }),
  ]);
  tcp.close();
  const doubtful = udp?.behaviour.doubtful ?? [];
  const located = await Promise.all(
    servers.map(async (name) => {
      const places = doubtful.length === 0 ? [] : await locateServer(name, options).catch(() => []);
      return places.some(({ address }) => doubtful.includes(address)) ? [name] : [];
    }),
  );
  return { udp, tcp, contradicted: located.flat() };
}

/** Where the servers see this machine, those that are contradicted left out. */
export function addressesSeenIn(answers: StunAnswers | undefined): readonly string[] {
  if (!answers) return [];
  const trusted = answers.tcp.observations.filter(({ server }) => !answers.contradicted.includes(server));
  return [...new Set(trusted.map(({ mapped }) => mapped.address))];
}

/** Do the servers answer, and do they agree on where this machine is? */
export function stunFinding(answers: StunAnswers | undefined, hasIpv4: boolean): Finding {
  if (!answers) return unchecked('stun', 'The configuration names no STUN server: peers that answer STUN are asked instead.');
  if (!hasIpv4) return unchecked('stun', 'There is no IPv4 to ask the STUN servers by.');
  const { udp, tcp, contradicted } = answers;
  if (contradicted.length > 0) {
    const message = `${listOf(contradicted)} contradicts what the other STUN servers say of this machine.`;
    return problem(
      'stun',
      'STUN_CONTRADICTED',
      message,
      `Take ${listOf(contradicted)} out of stun, or off --stun, and name others.`,
    );
  }
  const addresses = [...new Set(tcp.observations.map(({ mapped }) => mapped.address))];
  const overUdp = udp !== undefined && udp.behaviour.translated !== 'unknown';
  if (addresses.length === 0 && !overUdp) {
    const reasons = tcp.failures.map(({ server, message }) => `${server}: ${message}`).slice(0, 4);
    const help = tcp.failures.every(isUnresolved)
      ? 'See that this machine can resolve names (DNS): none of the servers’ was.'
      : undefined;
    return problem('stun', 'STUN_UNREACHABLE', `No STUN server answers. ${reasons.join('; ')}`, help);
  }
  if (addresses.length > 1) {
    const views = tcp.observations.map(({ server, mapped }) => `${server} sees ${mapped.address}`);
    const message = `The STUN servers see this machine at several addresses: ${listOf(views)}.`;
    return problem('stun', 'STUN_CONTRADICTED', message);
  }
  if (addresses.length === 0)
    return problem('stun', 'STUN_UNREACHABLE', 'The STUN servers answer over UDP, and none over TCP, which TCP strategies need.');
  const count = tcp.observations.length;
  return ok(
    'stun',
    `${count === 1 ? 'One server says' : `${count} servers agree`} that the internet sees this machine at ${addresses[0]}.`,
  );
}

function isUnresolved({ code, message }: ServerFailure): boolean {
  return code === 'ENOTFOUND' || code === 'EAI_AGAIN' || /not resolved/.test(message);
}
