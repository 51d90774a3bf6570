#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>

namespace ratatoskr {

// An IPv4 or IPv6 address with its port, as the kernel wants it.
class SocketAddress {
 public:
  // Takes IP literals only; IPv6 may carry a scope by interface name or number (fe80::1%eth0, RFC 4007 section 11).
  static std::optional<SocketAddress> Parse(const std::string& address, std::uint16_t port);
  // The unspecified address of a family, 0.0.0.0 or ::.
  static SocketAddress Any(int family, std::uint16_t port);

  SocketAddress() = default;
  explicit SocketAddress(const sockaddr_storage& storage) : storage_(storage) {}

  // The same address and port; the scope counts, too.
  bool operator==(const SocketAddress& other) const;
  // As Parse takes it, but without a scope.
  std::string address() const;
  std::uint16_t port() const;

  int family() const { return storage_.ss_family; }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }

 private:
  sockaddr_storage storage_{};
};

}  // namespace ratatoskr
