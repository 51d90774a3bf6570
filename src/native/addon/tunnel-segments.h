#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ratatoskr {

using Bytes = std::span<const std::uint8_t>;

// What stands in front of each segment on the line instead of an IP header: whose it is. Strangers cannot guess it.
constexpr std::size_t kTagBytes = 8;
using Tag = std::array<std::uint8_t, kTagBytes>;

constexpr std::size_t kVirtioBytes = 10;
constexpr std::size_t kIpBytes = 20;
constexpr std::size_t kMaxTcpHeaderBytes = 60;
constexpr std::size_t kMaxIpPacketBytes = 65535;
// A frame of the TUN device at its longest: virtio_net_hdr, then an IPv4 packet.
constexpr std::size_t kMaxTunFrameBytes = kVirtioBytes + kMaxIpPacketBytes;

// In both namespaces, which nobody else ever sees: each end calls itself 192.0.2.1 and the other 192.0.2.2 (RFC 5737).
constexpr std::array<std::uint8_t, 4> kOwnAddress = {192, 0, 2, 1};
constexpr std::array<std::uint8_t, 4> kPeerAddress = {192, 0, 2, 2};

// A packet of the kernel's TCP as the TUN device hands it out, up to 64 KiB (TSO), taken apart at the borders of its segments as a network
// card does. Views into the frame.
class Segments {
 public:
  // Nothing unless it is whole, IPv4 without options, and TCP for the other end. Checksums are not looked at: the datagrams have their own.
  static std::optional<Segments> Of(Bytes frame);

  std::size_t count() const { return count_; }
  // On the line, tag included; only the last may be shorter.
  std::size_t datagram_bytes() const { return kTagBytes + header_.size() + size_; }
  std::size_t header_bytes() const { return kTagBytes + header_.size(); }
  // Writes header_bytes() bytes. `index` is below count().
  void WriteHeader(std::size_t index, const Tag& tag, std::uint8_t* out) const;
  Bytes Payload(std::size_t index) const;

 private:
  Segments(Bytes header, Bytes payload, std::size_t size);

  Bytes header_;
  Bytes payload_;
  std::size_t size_;
  std::size_t count_;
};

// Joins datagrams to packets for the TUN device, as large as they become: what GRO does for a network card. Everything it is given is a
// stranger's word until the bounds are checked here; the kernel's TCP judges the rest.
class SegmentJoiner {
 public:
  // A packet for writev: virtio_net_hdr, IP and TCP header, then the payloads, which are views into the datagrams. Valid until the next call.
  using Packet = std::span<const iovec>;

  // False when it is no segment. It may have to be the first of another packet; then Flush comes first, by itself, through `sink`.
  template <typename Sink>
  bool Add(Bytes datagram, Sink&& sink) {
    if (!IsSegment(datagram)) return false;
    if (count_ > 0 && !Continues(datagram)) Flush(sink);
    Append(datagram);
    return true;
  }
  template <typename Sink>
  void Flush(Sink&& sink) {
    if (count_ > 0) sink(Finish());
  }

 private:
  static bool IsSegment(Bytes datagram);
  bool Continues(Bytes datagram) const;
  void Append(Bytes datagram);
  Packet Finish();

  std::array<std::uint8_t, kVirtioBytes + kIpBytes + kMaxTcpHeaderBytes> header_{};
  std::size_t tcp_bytes_ = 0;      // of the TCP header
  std::size_t size_ = 0;           // of the first segment's payload
  std::size_t payload_bytes_ = 0;  // in all
  std::size_t count_ = 0;
  bool complete_ = false;  // nothing may follow
  std::uint32_t next_ = 0;
  std::vector<iovec> pieces_;
};

}  // namespace ratatoskr
