import type { Endpoint } from '../core/net.js';
import type { Host } from './host.js';
import type { Nat, NatOptions } from './nat.js';
import { serveUpnp } from './upnp-server.js';

/** RFC 6886 §3.1, RFC 6887 §19.1. */
const port = 5351;

/** Maps ports of a NAT for the hosts behind it. @param gateway host that has the NAT's inside address */
export function serveGateway(gateway: Host, nat: Nat, maps: NonNullable<NatOptions['maps']>): void {
  if (maps.includes('upnp')) serveUpnp(gateway, nat);
  const since = gateway.clock.now();
  const socket = gateway.udp.bind({
    local: { address: '0.0.0.0', port },
    onMessage: (packet, from) => {
      const isPcp = packet[0] === 2;
      // A gateway that does not speak a protocol says nothing: that is the slower case for who asks.
      if (!maps.includes(isPcp ? 'pcp' : 'nat-pmp')) return;
      const epochSeconds = Math.floor((gateway.clock.now() - since) / 1000);
      const reply = (isPcp ? answerPcp : answerNatPmp)({ packet, from, nat, epochSeconds });
      if (reply) socket.send(reply, from);
    },
  });
}

/** Who asks, and what the gateway does about it. */
interface GatewayRequest {
  readonly packet: Buffer;
  readonly from: Endpoint;
  readonly nat: Nat;
  /** Seconds since the gateway's state was made. */
  readonly epochSeconds: number;
}

/** Longest lease that it gives, in seconds. */
const longestLease = 7200;
/** RFC 6886 §3.5. */
const natPmpResult = { success: 0, unsupportedVersion: 1, outOfResources: 4, unsupportedOpcode: 5 } as const;
/** RFC 6887 §7.4. */
const pcpResult = { success: 0, noResources: 8, unsupportedOpcode: 4, unsupportedProtocol: 9, addressMismatch: 12 } as const;
const protocols: Readonly<Record<number, 'tcp' | 'udp'>> = { 6: 'tcp', 17: 'udp' };

/** What a NAT-PMP server answers (RFC 6886 §3); undefined for what deserves none. */
function answerNatPmp({ packet, from, nat, epochSeconds }: GatewayRequest): Buffer | undefined {
  if (packet.length < 2) return undefined;
  const [version = 0, opcode = 0] = packet;
  const answer = (result: number, length: number) => {
    const reply = Buffer.alloc(length);
    reply.writeUInt8(128 + opcode, 1);
    reply.writeUInt16BE(result, 2);
    reply.writeUInt32BE(epochSeconds, 4);
    return reply;
  };
  if (version !== 0) return answer(natPmpResult.unsupportedVersion, 8);
  if (opcode === 0) {
    const reply = answer(natPmpResult.success, 12);
    reply.set((nat.externalAddresses[0] ?? '').split('.').map(Number), 8);
    return reply;
  }
  if (opcode > 2 || packet.length !== 12) return answer(natPmpResult.unsupportedOpcode, 8);
  const internalPort = packet.readUInt16BE(4);
  const lifetime = Math.min(packet.readUInt32BE(8), longestLease);
  const internal = { address: from.address, port: internalPort };
  const external = nat.map(opcode === 1 ? 'udp' : 'tcp', internal, packet.readUInt16BE(6), lifetime * 1000);
  const reply = answer(external ? natPmpResult.success : natPmpResult.outOfResources, 16);
  reply.writeUInt16BE(internalPort, 8);
  reply.writeUInt16BE(external?.port ?? 0, 10);
  reply.writeUInt32BE(external ? lifetime : 0, 12);
  return reply;
}

/** What a PCP server answers (RFC 6887 §8.3 and §11.3); undefined for what deserves none. */
function answerPcp({ packet, from, nat, epochSeconds }: GatewayRequest): Buffer | undefined {
  if (packet.length < 24 || packet.readUInt8(0) !== 2 || packet.readUInt8(1) >= 128) return undefined;
  const opcode = packet.readUInt8(1);
  const reply = Buffer.alloc(opcode === 1 ? 60 : 24);
  packet.copy(reply, 0, 0, Math.min(packet.length, reply.length));
  const finish = (result: number, lifetimeSeconds: number) => {
    reply.writeUInt8(128 + opcode, 1);
    reply.writeUInt8(0, 2);
    reply.writeUInt8(result, 3);
    reply.writeUInt32BE(lifetimeSeconds, 4);
    reply.writeUInt32BE(epochSeconds, 8);
    reply.fill(0, 12, 24);
    return reply;
  };
  if (!packet.subarray(8, 24).equals(mapped(from.address))) return finish(pcpResult.addressMismatch, 0);
  if (opcode === 0) return finish(pcpResult.success, 0);
  if (opcode !== 1 || packet.length < 60) return finish(pcpResult.unsupportedOpcode, 0);
  const protocol = protocols[packet.readUInt8(36)];
  if (!protocol) return finish(pcpResult.unsupportedProtocol, 0);
  const lifetime = Math.min(packet.readUInt32BE(4), longestLease);
  const internal = { address: from.address, port: packet.readUInt16BE(40) };
  const external = nat.map(protocol, internal, packet.readUInt16BE(42), lifetime * 1000);
  if (!external) return finish(pcpResult.noResources, 0);
  reply.writeUInt16BE(external.port, 42);
  mapped(external.address).copy(reply, 44);
  return finish(pcpResult.success, lifetime);
}

/** An IPv4 address as PCP writes it (RFC 6887 §5). */
function mapped(address: string): Buffer {
  return Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address.split('.').map(Number)]);
}
