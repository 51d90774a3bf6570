#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "socket-address.h"
#include "unique-fd.h"

namespace ratatoskr {

// A system call that failed: its errno and its name. An error of 0 is success.
struct Failure {
  int error = 0;
  const char* syscall = "";
  explicit operator bool() const { return error != 0; }
};

struct TcpSocketOptions {
  int family;
  std::optional<SocketAddress> local;  // bound when given
  bool share_port = false;             // SO_REUSEPORT
  std::optional<int> hops;             // IP_TTL or IPV6_UNICAST_HOPS
};

// A non-blocking TCP socket, bound if asked to. IPv6 sockets are IPv6 only.
Failure OpenTcpSocket(const TcpSocketOptions& options, UniqueFd* socket);

}  // namespace ratatoskr
