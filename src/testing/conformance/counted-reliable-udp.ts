import type { ReliableUdp } from '../../core/reliable-udp.js';
import { formatEndpoint } from '../../discovery/candidates.js';
import { countedSocket } from './counted-net.js';
import type { Ledger } from './ledger.js';

/** Streams of datagrams, with their sockets, that are in the ledger as long as they are open. */
export function countedReliableUdp(reliableUdp: ReliableUdp, ledger: Ledger): ReliableUdp {
  return {
    async bind(options) {
      ledger.permit('bind');
      const socket = countedSocket(await reliableUdp.bind(options), ledger);
      return {
        local: socket.local,
        send: (data, remote) => socket.send(data, remote),
        setTtl: (ttl) => socket.setTtl(ttl),
        close: () => socket.close(),
        open(stream) {
          ledger.contacts.push(stream.remote);
          const opened = socket.open(stream);
          opened.once('close', ledger.hold(`a stream over UDP to ${formatEndpoint(stream.remote)}`));
          return opened;
        },
      };
    },
  };
}
