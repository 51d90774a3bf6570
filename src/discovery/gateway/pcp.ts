import { StrategyError } from '../../core/errors.js';
import type { Gateway } from './default-gateway.js';
import { exchange } from './gateway-exchange.js';
import type { CallOptions, Grant, MappingProtocol, MappingRequest, MappingState } from './mapping-protocol.js';
import {
  decodePcpResponse,
  encodePcpAnnounce,
  encodePcpMap,
  opcodes,
  type PcpMapping,
  type PcpResponse,
  type PcpResult,
  pcpPort,
  pcpVersion,
} from './pcp-codec.js';

/** Port Control Protocol (RFC 6887): mappings of IPv4, and pinholes through IPv6 firewalls. */
export const pcp: MappingProtocol = {
  name: 'pcp',
  families: [4, 6],
  probe: async (gateway, options) => {
    await announce(gateway, options);
  },
  map: async (gateway, request, options) => {
    const { mapping, lifetimeSeconds, epochSeconds } = await requestMap(gateway, request, request.lifetimeSeconds, options);
    // Anything else is a server that does not know what it says.
    if (mapping.externalPort === 0 || lifetimeSeconds === 0) throw refused('SUCCESS', 'gave no port');
    const external = { address: mapping.externalAddress, port: mapping.externalPort };
    return { external, lifetimeSeconds, epochSeconds } satisfies Grant;
  },
  unmap: async (gateway, mapping, options) => {
    try {
      const answer = await requestMap(gateway, mapping, 0, options);
      return answer.lifetimeSeconds === 0;
    } catch (error) {
      // The mapping is of another nonce, and so not ours (RFC 6887 §15.1).
      if (error instanceof PcpRefusal && error.result === 'NOT_AUTHORIZED') return false;
      throw error;
    }
  },
  check: async (gateway, _mapping, options): Promise<MappingState> => {
    const { epochSeconds } = await announce(gateway, options);
    return { epochSeconds };
  },
};

class PcpRefusal extends StrategyError {
  constructor(
    code: 'MAPPING_REFUSED' | 'MAPPING_UNSUPPORTED' | 'MAPPING_CONFLICT',
    readonly result: PcpResult,
    message: string,
  ) {
    super(code, message);
  }
}

function announce(gateway: Gateway, options: CallOptions): Promise<PcpResponse> {
  return ask(gateway, encodePcpAnnounce(gateway.own), options, (response) =>
    response.opcode === opcodes.announce ? response : undefined,
  );
}

async function requestMap(
  gateway: Gateway,
  request: MappingRequest,
  lifetimeSeconds: number,
  options: CallOptions,
): Promise<PcpResponse & { readonly mapping: PcpMapping }> {
  const nonce = Buffer.from(request.nonce, 'hex');
  const packet = encodePcpMap({ ...request, nonce, lifetimeSeconds, clientAddress: gateway.own });
  return ask(gateway, packet, options, (response) => {
    const { mapping } = response;
    // The answer to this very request (RFC 6887 §11.4).
    const matches =
      mapping?.internalPort === request.internalPort &&
      mapping.transport === request.transport &&
      nonce.equals(Buffer.from(mapping.nonce));
    return matches ? { ...response, mapping } : undefined;
  });
}

function ask<Answer>(
  gateway: Gateway,
  packet: Buffer,
  options: CallOptions,
  read: (response: PcpResponse) => Answer | undefined,
): Promise<Answer> {
  return exchange({
    ...options,
    gateway,
    what: 'a PCP request',
    send: [{ to: { address: gateway.address, port: pcpPort }, packet }],
    read: (reply, from) => {
      const response = from.port === pcpPort ? decodePcpResponse(reply) : undefined;
      if (!response) return undefined;
      if ('otherVersion' in response) {
        const message = `${gateway.address} speaks version ${response.otherVersion} of PCP, not ${pcpVersion}.`;
        throw new PcpRefusal('MAPPING_UNSUPPORTED', 'UNSUPP_VERSION', message);
      }
      const answer = read(response);
      if (answer !== undefined && response.result !== 'SUCCESS') throw refused(response.result, `answered ${response.result}`);
      return answer;
    },
  });
}

function refused(result: PcpResult, what: string): PcpRefusal {
  const code =
    result === 'CANNOT_PROVIDE_EXTERNAL' ? 'MAPPING_CONFLICT' : isUnsupported(result) ? 'MAPPING_UNSUPPORTED' : undefined;
  return new PcpRefusal(code ?? 'MAPPING_REFUSED', result, `The gateway ${what} to a PCP request.`);
}

function isUnsupported(result: PcpResult): boolean {
  return result === 'UNSUPP_VERSION' || result === 'UNSUPP_OPCODE' || result === 'UNSUPP_PROTOCOL';
}
