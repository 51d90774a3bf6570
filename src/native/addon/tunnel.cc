#include "tunnel.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

namespace ratatoskr {
namespace {

// Frames or bursts of datagrams in one turn, so that one tunnel cannot keep the thread from the others.
constexpr int kTurn = 16;
// So many of the longest bursts are read before what has come of them is joined and handed on.
constexpr std::size_t kReadsJoined = 4;
// What the kernel takes at once (UDP_MAX_SEGMENTS of older kernels), and what fits a UDP datagram before it is cut.
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxSendBytes = 65'000;
// For bursts of the other end's while this one has no CPU.
constexpr int kSocketBufferBytes = 4 * 1024 * 1024;
// What JS is told of: as large as messages between agents are, and no more at once than it can be behind.
constexpr std::size_t kMaxMessageBytes = 256;
constexpr std::size_t kMaxMessages = 32;

void Enlarge(int fd, int forced, int plain) {
  const int size = kSocketBufferBytes;
  if (setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) < 0) setsockopt(fd, SOL_SOCKET, plain, &size, sizeof size);
}

bool SetUdp(int fd, int option, int value) { return setsockopt(fd, IPPROTO_UDP, option, &value, sizeof value) == 0; }

// Time does not tell how much of it is right.
bool HasTag(Bytes datagram, const Tag& tag) {
  if (datagram.size() < tag.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < tag.size(); i++) difference |= static_cast<std::uint8_t>(datagram[i] ^ tag[i]);
  return difference == 0;
}

// The length of each datagram but the last of those that came as one, or 0.
std::size_t SizeOf(const msghdr& message) {
  // Nothing else is asked for.
  const cmsghdr* at = CMSG_FIRSTHDR(&message);
  if (at == nullptr || at->cmsg_level != IPPROTO_UDP || at->cmsg_type != UDP_GRO) return 0;
  int size = 0;
  std::memcpy(&size, CMSG_DATA(at), sizeof size);
  return size > 0 ? static_cast<std::size_t>(size) : 0;
}

}  // namespace

Tunnel::Scratch::Scratch() : buffer(kReadsJoined * kMaxTunFrameBytes), headers(kMaxSegments * (kTagBytes + kMaxTcpHeaderBytes)) {
  pieces.reserve(2 * kMaxSegments);
}

Tunnel::Tunnel(UniqueFd udp, TunnelNamespace inner, bool listens, const Tags& tags, Counter heard)
    : tun_(std::move(inner.tun)), udp_(std::move(udp)), tcp_(std::move(inner.tcp)), listens_(listens), tags_(tags),
      heard_(std::move(heard)) {
  Enlarge(udp_.get(), SO_RCVBUFFORCE, SO_RCVBUF);
  Enlarge(udp_.get(), SO_SNDBUFFORCE, SO_SNDBUF);
  // TCP finds out what passes: nothing is to be cut on the way, nor refused for what some router said.
  const int probe = IP_PMTUDISC_PROBE;
  setsockopt(udp_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe);
  const int probe6 = IPV6_PMTUDISC_PROBE;
  setsockopt(udp_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe6, sizeof probe6);
  SetUdp(udp_.get(), UDP_GRO, 1);
  segments_offload_ = SetUdp(udp_.get(), UDP_SEGMENT, 0);
}

int Tunnel::fd(Source source) const {
  return source == Source::kTun ? tun_.get() : source == Source::kUdp ? udp_.get() : tcp_.get();
}

std::uint32_t Tunnel::wants(Source source) const {
  switch (source) {
    case Source::kTun:
      // What TCP says before the other end is there waits in the device.
      return remote_ && waiting_.empty() ? std::uint32_t{EPOLLIN} : 0;
    case Source::kUdp:
      return waiting_.empty() ? std::uint32_t{EPOLLIN} : std::uint32_t{EPOLLIN | EPOLLOUT};
    default:
      return connected_ || !remote_ ? 0 : listens_ ? std::uint32_t{EPOLLIN} : std::uint32_t{EPOLLOUT};
  }
}

void Tunnel::Work(Source source, Scratch& scratch) {
  switch (source) {
    case Source::kTun:
      for (int turn = 0; turn < kTurn && waiting_.empty(); turn++) {
        const ssize_t length = read(tun_.get(), scratch.buffer.data(), scratch.buffer.size());
        if (length <= 0) break;
        sent_ = 0;
        SendSegments(Bytes(scratch.buffer).first(static_cast<std::size_t>(length)), scratch);
      }
      break;
    case Source::kUdp:
      if (!waiting_.empty()) {
        const std::vector<std::uint8_t> frame = std::exchange(waiting_, {});
        SendSegments(frame, scratch);
      }
      ReceiveDatagrams(scratch);
      break;
    case Source::kTcp:
      if (!connected_) Connected();
      break;
  }
}

void Tunnel::Direct(const SocketAddress& remote) {
  const bool first = !remote_;
  remote_ = remote;
  if (!first || listens_) return;
  if (const Failure failure = ConnectInTunnel(tcp_.get())) news_.error = failure.error;
}

Tunnel::News Tunnel::Take() { return std::exchange(news_, {}); }

void Tunnel::Finish() { shutdown(tcp_.get(), SHUT_RDWR); }

// From the segment that is due. What the socket does not take now waits; what it refuses is lost, like any other datagram.
void Tunnel::SendSegments(Bytes frame, Scratch& scratch) {
  const std::optional<Segments> segments = Segments::Of(frame);
  if (!segments || !remote_) return;
  const std::size_t length = segments->datagram_bytes();
  while (sent_ < segments->count()) {
    const std::size_t most = segments_offload_ ? std::clamp<std::size_t>(kMaxSendBytes / length, 1, kMaxSegments) : 1;
    const std::size_t count = std::min(most, segments->count() - sent_);
    scratch.pieces.clear();
    std::uint8_t* header = scratch.headers.data();
    for (std::size_t index = sent_; index < sent_ + count; index++) {
      segments->WriteHeader(index, tags_.own, header);
      scratch.pieces.push_back({header, segments->header_bytes()});
      header += segments->header_bytes();
      const Bytes payload = segments->Payload(index);
      if (!payload.empty()) scratch.pieces.push_back({const_cast<std::uint8_t*>(payload.data()), payload.size()});
    }
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(std::uint16_t))> control{};
    msghdr message{};
    message.msg_name = const_cast<sockaddr*>(remote_->data());
    message.msg_namelen = remote_->size();
    message.msg_iov = scratch.pieces.data();
    message.msg_iovlen = scratch.pieces.size();
    if (count > 1) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* const at = CMSG_FIRSTHDR(&message);
      at->cmsg_level = IPPROTO_UDP;
      at->cmsg_type = UDP_SEGMENT;
      at->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
      const auto size = static_cast<std::uint16_t>(length);
      std::memcpy(CMSG_DATA(at), &size, sizeof size);
    }
    if (sendmsg(udp_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EAGAIN || errno == EINTR) {
        waiting_.assign(frame.begin(), frame.end());
        return;
      }
      if (errno == EIO && count > 1) {
        // The device makes no checksums, which the kernel asks of one that is given several datagrams at once (udp(7)).
        segments_offload_ = false;
        continue;
      }
    }
    sent_ += count;
  }
}

void Tunnel::ReceiveDatagrams(Scratch& scratch) {
  const auto deliver = [this](SegmentJoiner::Packet packet) { Deliver(packet); };
  std::size_t used = 0;
  for (int turn = 0; turn < kTurn; turn++) {
    if (scratch.buffer.size() - used < kMaxTunFrameBytes) {
      joiner_.Flush(deliver);
      used = 0;
    }
    sockaddr_storage from{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec all{scratch.buffer.data() + used, scratch.buffer.size() - used};
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &all;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t length = recvmsg(udp_.get(), &message, MSG_DONTWAIT);
    // An ICMP error of an earlier datagram says nothing of the next one.
    if (length < 0 && (errno == EAGAIN || errno == EBADF)) break;
    if (length <= 0) continue;
    const SocketAddress sender(from);
    const bool from_peer = remote_ && sender == *remote_;
    const Bytes received = Bytes(scratch.buffer).subspan(used, static_cast<std::size_t>(length));
    used += received.size();
    scratch.received += received.size();
    const std::size_t size = SizeOf(message) > 0 ? SizeOf(message) : received.size();
    for (std::size_t at = 0; at < received.size(); at += size) {
      TakeDatagram(received.subspan(at, std::min(size, received.size() - at)), from_peer, sender);
    }
  }
  joiner_.Flush(deliver);
}

void Tunnel::TakeDatagram(Bytes datagram, bool from_peer, const SocketAddress& from) {
  if (HasTag(datagram, tags_.peer)) {
    if (!from_peer) return;
    heard_->fetch_add(1, std::memory_order_relaxed);
    joiner_.Add(datagram, [this](SegmentJoiner::Packet packet) { Deliver(packet); });
    return;
  }
  if (datagram.size() > kMaxMessageBytes || news_.messages.size() >= kMaxMessages) return;
  news_.messages.push_back({{datagram.begin(), datagram.end()}, from});
}

void Tunnel::Deliver(SegmentJoiner::Packet packet) {
  // What the kernel has no memory for is lost, like any other packet.
  [[maybe_unused]] const ssize_t written = writev(tun_.get(), packet.data(), static_cast<int>(packet.size()));
}

void Tunnel::Connected() {
  if (listens_) {
    UniqueFd accepted(accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!accepted) return;
    // The namespace is for one connection.
    tcp_ = std::move(accepted);
    const linger at_once{1, 0};
    setsockopt(tcp_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  } else {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(tcp_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) {
      news_.error = error;
      connected_ = true;
      return;
    }
  }
  connected_ = true;
  news_.connection = UniqueFd(fcntl(tcp_.get(), F_DUPFD_CLOEXEC, 3));
  if (!news_.connection) news_.error = errno;
}

}  // namespace ratatoskr
