#include "tcp-socket.h"

#include <cerrno>

namespace ratatoskr {
namespace {

bool Set(int fd, int level, int name, int value) { return setsockopt(fd, level, name, &value, sizeof value) == 0; }

}  // namespace

Failure OpenTcpSocket(const TcpSocketOptions& options, UniqueFd* result) {
  if (options.local && options.local->family() != options.family) return {EAFNOSUPPORT, "bind"};
  UniqueFd fd(::socket(options.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return {errno, "socket"};
  const bool v6 = options.family == AF_INET6;
  if (v6 && !Set(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) return {errno, "setsockopt"};
  if (!Set(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1)) return {errno, "setsockopt"};
  if (options.share_port && !Set(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1)) return {errno, "setsockopt"};
  if (options.hops) {
    const bool set = v6 ? Set(fd.get(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, *options.hops)
                        : Set(fd.get(), IPPROTO_IP, IP_TTL, *options.hops);
    if (!set) return {errno, "setsockopt"};
  }
  if (options.local && ::bind(fd.get(), options.local->data(), options.local->size()) < 0) return {errno, "bind"};
  *result = std::move(fd);
  return {};
}

}  // namespace ratatoskr
