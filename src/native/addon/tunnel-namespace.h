#pragma once

#include "tcp-socket.h"
#include "unique-fd.h"

namespace ratatoskr {

// A network namespace of a tunnel's own, and the two ways into it. It lives as long as these descriptors: nothing of it is ever seen
// on the machine, and nothing is left when the process dies.
struct TunnelNamespace {
  UniqueFd tun;  // IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, with TSO; does not block
  UniqueFd tcp;  // listens, or is to connect; does not block
};

// Makes one. Blocks for some milliseconds; from any thread. Where the process may not make network namespaces, it makes a user namespace for
// them, too. A failure says what this machine lacks.
Failure MakeTunnelNamespace(bool listens, bool outer_ipv6, TunnelNamespace* result);

// Begins to connect such a socket to the other end's that listens.
Failure ConnectInTunnel(int tcp);

}  // namespace ratatoskr
