import { describeError } from '../../core/errors.js';
import type { Gateway } from '../../discovery/gateway/default-gateway.js';
import type { MappingProtocol, MappingRequest } from '../../discovery/gateway/mapping-protocol.js';
import { mappingProtocols } from '../../discovery/gateway/mapping-protocols.js';
import { findDescription } from '../../discovery/gateway/ssdp.js';
import { stackedNat } from '../../discovery/gateway/stacked-nat.js';
import { type Finding, ok, problem, unchecked } from '../finding.js';
import type { Patient } from '../patient.js';
import type { Internet } from './internet.js';

/** How long the gateway may take over each question, in milliseconds. */
const timeoutMs = 2000;

/** What the gateway said when it was asked about mappings. None was made. */
export interface GatewayAnswer {
  readonly gateway: Gateway;
  readonly spoken: readonly { readonly protocol: string; readonly externalAddress?: string }[];
  readonly failures: readonly { readonly protocol: string; readonly code: string; readonly message: string }[];
  /** It announces UPnP and does not answer there. */
  readonly stalls: boolean;
}

/** Asks the gateway of IPv4 by every protocol at once; undefined where there is none, or nothing to map. */
export async function askGateway(
  { gateways, publicAddresses }: Internet,
  { services, signal }: Patient,
  protocols: readonly MappingProtocol[] = mappingProtocols(),
): Promise<GatewayAnswer | undefined> {
  const gateway = gateways.find(({ family }) => family === 4);
  if (!gateway || publicAddresses.includes(gateway.own)) return undefined;
  const options = { services, timeoutMs, signal };
  const spoken: { protocol: string; externalAddress?: string }[] = [];
  const failures: { protocol: string; code: string; message: string }[] = [];
  const ask = async (protocol: MappingProtocol) => {
    try {
      await protocol.probe(gateway, options);
      const unknown = { externalAddress: undefined };
      const { externalAddress } = await protocol.check(gateway, nobodysMapping, options).catch(() => unknown);
      spoken.push({ protocol: protocol.name, ...(externalAddress === undefined ? {} : { externalAddress }) });
    } catch (error) {
      const { code, message } = describeError(error);
      failures.push({ protocol: protocol.name, code, message });
    }
  };
  const announced = findDescription(gateway, options).then(
    () => true,
    () => false,
  );
  const [announces] = await Promise.all([announced, ...protocols.map(ask)]);
  signal.throwIfAborted();
  return { gateway, spoken, failures, stalls: announces && failures.some(({ protocol }) => protocol === 'upnp') };
}

/** Looked for at the gateway, where nobody has it: that shows the external address along the way. */
const nobodysMapping: MappingRequest = {
  transport: 'tcp',
  internalPort: 9,
  externalPort: 65_535,
  lifetimeSeconds: 60,
  nonce: '00'.repeat(12),
};

/** @param seen where STUN servers see this machine */
export function gatewayFinding(answer: GatewayAnswer | undefined, seen: readonly string[]): Finding {
  if (!answer) return unchecked('gateway', 'There is no NAT of IPv4 on this network to ask.');
  const { gateway, spoken, failures, stalls } = answer;
  const names = spoken.map(({ protocol }) => protocol).join(', ');
  // One that does not know its address tells less than one that does.
  const externals = spoken
    .flatMap(({ externalAddress }) => externalAddress ?? [])
    .sort((_, other) => (other === '0.0.0.0' ? -1 : 1));
  const stacked = externals.map((external) => stackedNat(external, seen)).find((reason) => reason !== undefined);
  if (stacked !== undefined)
    return problem('gateway', 'NAT_STACKED', `${stacked} It is behind another NAT, so that a port that it maps leads nowhere.`);
  if (spoken.length > 0) return ok('gateway', `The gateway ${gateway.address} maps ports by ${names}.`);
  if (stalls) {
    const message = `The gateway ${gateway.address} announces UPnP, takes connections there and does not answer.`;
    return problem('gateway', 'GATEWAY_STALLS', message);
  }
  const refused = failures.find(({ code }) => code === 'MAPPING_REFUSED');
  if (refused) return problem('gateway', 'MAPPING_REFUSED', refused.message);
  return {
    ...ok('gateway', `The gateway ${gateway.address} maps no ports; holes have to be punched.`),
    help: 'Where it can, switch on PCP, NAT-PMP or UPnP in its settings: a mapped port works with every peer.',
  };
}
