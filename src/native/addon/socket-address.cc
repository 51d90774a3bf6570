#include "socket-address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <charconv>
#include <cstring>

namespace ratatoskr {
namespace {

std::optional<std::uint32_t> ScopeOf(const std::string& name) {
  if (const unsigned index = if_nametoindex(name.c_str())) return index;
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc{} || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

}  // namespace

std::optional<SocketAddress> SocketAddress::Parse(const std::string& address, std::uint16_t port) {
  SocketAddress result;
  sockaddr_in v4{};
  if (inet_pton(AF_INET, address.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::memcpy(&result.storage_, &v4, sizeof v4);
    return result;
  }
  sockaddr_in6 v6{};
  const std::size_t percent = address.find('%');
  if (inet_pton(AF_INET6, address.substr(0, percent).c_str(), &v6.sin6_addr) != 1) return std::nullopt;
  if (percent != std::string::npos) {
    const auto scope = ScopeOf(address.substr(percent + 1));
    if (!scope) return std::nullopt;
    v6.sin6_scope_id = *scope;
  }
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  std::memcpy(&result.storage_, &v6, sizeof v6);
  return result;
}

SocketAddress SocketAddress::Any(int family, std::uint16_t port) {
  return *Parse(family == AF_INET6 ? "::" : "0.0.0.0", port);
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  if (family() != other.family() || port() != other.port()) return false;
  if (family() != AF_INET6) {
    return reinterpret_cast<const sockaddr_in&>(storage_).sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in&>(other.storage_).sin_addr.s_addr;
  }
  const auto& a = reinterpret_cast<const sockaddr_in6&>(storage_);
  const auto& b = reinterpret_cast<const sockaddr_in6&>(other.storage_);
  return std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof a.sin6_addr) == 0 && a.sin6_scope_id == b.sin6_scope_id;
}

std::string SocketAddress::address() const {
  char text[INET6_ADDRSTRLEN] = "";
  const void* const at = family() == AF_INET6
                             ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(storage_).sin6_addr)
                             : static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(storage_).sin_addr);
  inet_ntop(family(), at, text, sizeof text);
  return text;
}

std::uint16_t SocketAddress::port() const {
  // At the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(storage_).sin_port);
}

}  // namespace ratatoskr
