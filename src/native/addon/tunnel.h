#pragma once

#include <sys/uio.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "socket-address.h"
#include "tunnel-namespace.h"
#include "tunnel-segments.h"
#include "unique-fd.h"

namespace ratatoskr {

// One path: the kernel's TCP in a namespace, and its segments as datagrams of a UDP socket. Of one thread alone. It never waits.
class Tunnel {
 public:
  enum class Source : std::uint8_t { kTun, kUdp, kTcp };
  static constexpr std::size_t kSources = 3;

  // What both ends know: each puts its own tag in front of what it sends.
  struct Tags {
    Tag own;
    Tag peer;
  };
  // Anything that came at the UDP socket and is no segment of the other end's.
  struct Message {
    std::vector<std::uint8_t> data;
    SocketAddress from;
  };
  // Segments of the other end's that have come; any thread may read it.
  using Counter = std::shared_ptr<std::atomic<std::uint64_t>>;
  // What happened; whoever takes it has it.
  struct News {
    UniqueFd connection;  // of the inner TCP connection, once
    std::vector<Message> messages;
    int error = 0;  // that ends it
    bool any() const { return connection || !messages.empty() || error != 0; }
  };
  // What the thread lends while it works on a tunnel: nothing is kept here between two calls.
  struct Scratch {
    std::vector<std::uint8_t> buffer;
    std::vector<std::uint8_t> headers;
    std::vector<iovec> pieces;
    std::uint64_t received = 0;  // bytes, of all tunnels since it was made
    Scratch();
  };

  Tunnel(UniqueFd udp, TunnelNamespace inner, bool listens, const Tags& tags, Counter heard);
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  int fd(Source source) const;
  // What is to be waited for at each, for epoll, level-triggered.
  std::uint32_t wants(Source source) const;
  // What can be done now, up to a fair share.
  void Work(Source source, Scratch& scratch);
  // Where the other end is: segments go there, and come from there alone. The first one begins the connection.
  void Direct(const SocketAddress& remote);
  News Take();
  // Says farewell; what is on its way still goes.
  void Finish();

 private:
  void SendSegments(Bytes frame, Scratch& scratch);
  void ReceiveDatagrams(Scratch& scratch);
  void TakeDatagram(Bytes datagram, bool from_peer, const SocketAddress& from);
  void Connected();
  void Deliver(SegmentJoiner::Packet packet);

  UniqueFd tun_;
  UniqueFd udp_;
  UniqueFd tcp_;
  const bool listens_;
  const Tags tags_;
  const Counter heard_;
  std::optional<SocketAddress> remote_;
  bool connected_ = false;
  bool segments_offload_;  // UDP_SEGMENT
  // A frame that the UDP socket did not take to its end, and how many of its segments it has.
  std::vector<std::uint8_t> waiting_;
  std::size_t sent_ = 0;
  SegmentJoiner joiner_;
  News news_;
};

}  // namespace ratatoskr
