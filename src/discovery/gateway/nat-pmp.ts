import { StrategyError } from '../../core/errors.js';
import type { Gateway } from './default-gateway.js';
import { exchange } from './gateway-exchange.js';
import type { CallOptions, MappingProtocol, MappingRequest } from './mapping-protocol.js';
import {
  decodeNatPmpResponse,
  encodeNatPmpAddressRequest,
  encodeNatPmpMap,
  type NatPmpMapping,
  type NatPmpResponse,
} from './nat-pmp-codec.js';
import { pcpPort } from './pcp-codec.js';
import { requirePublic } from './stacked-nat.js';

/** NAT Port Mapping Protocol (RFC 6886), what gateways speak that are older than PCP. */
export const natPmp: MappingProtocol = {
  name: 'nat-pmp',
  families: [4],
  probe: async (gateway, options) => {
    await externalAddress(gateway, options);
  },
  map: async (gateway, request, options) => {
    // The address first: a mapping that leads nowhere would have to be removed again.
    const { address } = await externalAddress(gateway, options);
    requirePublic(address);
    const { mapping, epochSeconds } = await requestMap(gateway, request, options);
    const { externalPort, lifetimeSeconds } = mapping;
    if (externalPort === 0 || lifetimeSeconds === 0) throw refusal('gave no port');
    return { external: { address, port: externalPort }, lifetimeSeconds, epochSeconds };
  },
  unmap: async (gateway, mapping, options) => {
    // A mapping that is deleted has external port and lifetime 0 (RFC 6886 §3.4).
    const answer = await requestMap(gateway, { ...mapping, externalPort: 0, lifetimeSeconds: 0 }, options);
    return answer.mapping.lifetimeSeconds === 0;
  },
  check: async (gateway, _mapping, options) => {
    const { address, epochSeconds } = await externalAddress(gateway, options);
    return { externalAddress: address, epochSeconds };
  },
};

function externalAddress(gateway: Gateway, options: CallOptions): Promise<{ address: string; epochSeconds: number }> {
  return ask(gateway, encodeNatPmpAddressRequest(), options, (response) => {
    if (response.kind !== 'address') return undefined;
    const { externalAddress: address = '0.0.0.0', epochSeconds } = response;
    return { address, epochSeconds };
  });
}

function requestMap(
  gateway: Gateway,
  request: MappingRequest,
  options: CallOptions,
): Promise<{ mapping: NatPmpMapping; epochSeconds: number }> {
  const none = { internalPort: request.internalPort, externalPort: 0, lifetimeSeconds: 0 };
  return ask(gateway, encodeNatPmpMap(request), options, (response) => {
    if (response.kind !== 'map' || response.transport !== request.transport) return undefined;
    const { mapping = none, epochSeconds } = response;
    return mapping.internalPort === request.internalPort ? { mapping, epochSeconds } : undefined;
  });
}

function ask<Answer>(
  gateway: Gateway,
  packet: Buffer,
  options: CallOptions,
  read: (response: NatPmpResponse) => Answer | undefined,
): Promise<Answer> {
  return exchange({
    ...options,
    gateway,
    what: 'a NAT-PMP request',
    send: [{ to: { address: gateway.address, port: pcpPort }, packet }],
    read: (reply, from) => {
      const response = from.port === pcpPort ? decodeNatPmpResponse(reply) : undefined;
      const answer = response && read(response);
      if (response && answer !== undefined && response.result !== 'SUCCESS') throw refusal(`answered ${response.result}`);
      return answer;
    },
  });
}

function refusal(what: string): StrategyError {
  return new StrategyError('MAPPING_REFUSED', `The gateway ${what} to a NAT-PMP request.`);
}
