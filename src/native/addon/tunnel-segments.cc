#include "tunnel-segments.h"

#include <algorithm>
#include <cstring>

namespace ratatoskr {
namespace {

// virtio_net_hdr, in the machine's own byte order: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
constexpr std::size_t kGsoType = 1;
constexpr std::size_t kHeaderLength = 2;
constexpr std::size_t kGsoSize = 4;
constexpr std::size_t kChecksumStart = 6;
constexpr std::size_t kChecksumOffset = 8;
constexpr std::uint8_t kNeedsChecksum = 1;
constexpr std::uint8_t kGsoTcp4 = 1;

constexpr std::uint8_t kTcp = 6;

// The TCP header (RFC 9293 section 3.1).
constexpr std::size_t kSequence = 4;
constexpr std::size_t kAcknowledgement = 8;
constexpr std::size_t kDataOffset = 12;
constexpr std::size_t kFlags = 13;
constexpr std::size_t kWindow = 14;
constexpr std::size_t kChecksum = 16;
constexpr std::size_t kUrgent = 18;
constexpr std::size_t kOptions = 20;
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kPush = 0x08;
constexpr std::uint8_t kAck = 0x10;
constexpr std::uint8_t kWindowReduced = 0x80;

// More than UDP_GRO joins.
constexpr std::size_t kMaxJoined = 256;

std::uint16_t Read16(const std::uint8_t* at) { return static_cast<std::uint16_t>(at[0] << 8 | at[1]); }
std::uint32_t Read32(const std::uint8_t* at) { return static_cast<std::uint32_t>(Read16(at)) << 16 | Read16(at + 2); }
void Write16(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}
void Write32(std::uint8_t* at, std::uint32_t value) {
  Write16(at, value >> 16);
  Write16(at + 2, value & 0xffff);
}
void WriteOwn16(std::uint8_t* at, std::size_t value) {
  const auto own = static_cast<std::uint16_t>(value);
  std::memcpy(at, &own, sizeof own);
}

std::size_t TcpHeaderBytes(Bytes segment) { return static_cast<std::size_t>(segment[kDataOffset] >> 4) * 4; }

bool HasTcpHeader(Bytes segment) {
  return segment.size() >= kOptions && TcpHeaderBytes(segment) >= kOptions && TcpHeaderBytes(segment) <= segment.size();
}

// Ones' complement sum (RFC 1071), folded.
std::uint16_t Fold(std::uint32_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}
std::uint32_t Sum(Bytes even) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < even.size(); i += 2) sum += Read16(&even[i]);
  return sum;
}

}  // namespace

Segments::Segments(Bytes header, Bytes payload, std::size_t size)
    : header_(header), payload_(payload), size_(size), count_(payload.empty() ? 1 : (payload.size() + size - 1) / size) {}

std::optional<Segments> Segments::Of(Bytes frame) {
  if (frame.size() < kVirtioBytes + kIpBytes + kOptions) return std::nullopt;
  const Bytes packet = frame.subspan(kVirtioBytes);
  if (packet[0] != 0x45 || packet[9] != kTcp || Read16(&packet[2]) != packet.size()) return std::nullopt;
  if (std::memcmp(&packet[16], kPeerAddress.data(), kPeerAddress.size()) != 0) return std::nullopt;
  const Bytes segment = packet.subspan(kIpBytes);
  if (!HasTcpHeader(segment)) return std::nullopt;
  const Bytes payload = segment.subspan(TcpHeaderBytes(segment));
  std::uint16_t gso_size = 0;
  if (frame[kGsoType] == kGsoTcp4) std::memcpy(&gso_size, &frame[kGsoSize], sizeof gso_size);
  else if (frame[kGsoType] != 0) return std::nullopt;
  const std::size_t size = gso_size > 0 ? std::min<std::size_t>(gso_size, payload.size()) : payload.size();
  return Segments(segment.first(TcpHeaderBytes(segment)), payload, size);
}

void Segments::WriteHeader(std::size_t index, const Tag& tag, std::uint8_t* out) const {
  std::memcpy(out, tag.data(), tag.size());
  std::uint8_t* const header = out + tag.size();
  std::memcpy(header, header_.data(), header_.size());
  Write32(header + kSequence, Read32(&header_[kSequence]) + static_cast<std::uint32_t>(index * size_));
  if (index + 1 < count_) header[kFlags] &= static_cast<std::uint8_t>(~(kFin | kPush));
  if (index > 0) header[kFlags] &= static_cast<std::uint8_t>(~kWindowReduced);
  Write16(header + kChecksum, 0);
}

Bytes Segments::Payload(std::size_t index) const {
  const std::size_t at = index * size_;
  return payload_.subspan(at, std::min(size_, payload_.size() - at));
}

bool SegmentJoiner::IsSegment(Bytes datagram) {
  return datagram.size() > kTagBytes && HasTcpHeader(datagram.subspan(kTagBytes)) &&
         datagram.size() - kTagBytes + kIpBytes <= kMaxIpPacketBytes;
}

bool SegmentJoiner::Continues(Bytes datagram) const {
  const Bytes segment = datagram.subspan(kTagBytes);
  const std::size_t payload = segment.size() - TcpHeaderBytes(segment);
  const std::uint8_t* const header = &header_[kVirtioBytes + kIpBytes];
  const auto same = [&](std::size_t from, std::size_t to) { return std::memcmp(&segment[from], header + from, to - from) == 0; };
  return !complete_ && payload > 0 && payload <= size_ && count_ < kMaxJoined &&
         kIpBytes + tcp_bytes_ + payload_bytes_ + payload <= kMaxIpPacketBytes && Read32(&segment[kSequence]) == next_ &&
         // Only plain data: what else a flag says belongs to its own segment.
         (segment[kFlags] & ~kPush) == kAck && header[kFlags] == kAck && same(0, kSequence) &&
         same(kAcknowledgement, kFlags) && same(kWindow, kChecksum) && same(kUrgent, tcp_bytes_);
}

void SegmentJoiner::Append(Bytes datagram) {
  const Bytes segment = datagram.subspan(kTagBytes);
  const std::size_t tcp_bytes = TcpHeaderBytes(segment);
  const Bytes payload = segment.subspan(tcp_bytes);
  std::uint8_t* const header = &header_[kVirtioBytes + kIpBytes];
  if (count_ == 0) {
    pieces_.resize(1);
    std::memcpy(header, segment.data(), tcp_bytes);
    tcp_bytes_ = tcp_bytes;
    size_ = payload.size();
    payload_bytes_ = 0;
    next_ = Read32(&segment[kSequence]);
    complete_ = false;
  }
  header[kFlags] |= segment[kFlags];
  if (payload.size() < size_ || (segment[kFlags] & kPush)) complete_ = true;
  if (!payload.empty()) pieces_.push_back({const_cast<std::uint8_t*>(payload.data()), payload.size()});
  payload_bytes_ += payload.size();
  next_ += static_cast<std::uint32_t>(payload.size());
  count_++;
}

SegmentJoiner::Packet SegmentJoiner::Finish() {
  const std::size_t headers = kIpBytes + tcp_bytes_;
  std::uint8_t* const virtio = header_.data();
  std::uint8_t* const ip = virtio + kVirtioBytes;
  std::uint8_t* const tcp = ip + kIpBytes;

  const bool joined = count_ > 1;
  std::memset(virtio, 0, kVirtioBytes);
  virtio[0] = kNeedsChecksum;
  virtio[kGsoType] = joined ? kGsoTcp4 : 0;
  WriteOwn16(virtio + kHeaderLength, headers);
  WriteOwn16(virtio + kGsoSize, joined ? size_ : 0);
  WriteOwn16(virtio + kChecksumStart, kIpBytes);
  WriteOwn16(virtio + kChecksumOffset, kChecksum);

  std::memset(ip, 0, kIpBytes);
  ip[0] = 0x45;
  Write16(ip + 2, headers + payload_bytes_);
  ip[6] = 0x40;  // do not fragment
  ip[8] = 64;
  ip[9] = kTcp;
  std::copy(kPeerAddress.begin(), kPeerAddress.end(), ip + 12);
  std::copy(kOwnAddress.begin(), kOwnAddress.end(), ip + 16);
  Write16(ip + 10, static_cast<std::uint16_t>(~Fold(Sum({ip, kIpBytes}))));

  // The sum of the pseudo header alone: the kernel takes the rest as right, for the datagrams had checksums.
  const auto length = static_cast<std::uint32_t>(tcp_bytes_ + payload_bytes_);
  Write16(tcp + kChecksum, Fold(Sum({ip + 12, 8}) + kTcp + length));

  pieces_[0] = {header_.data(), kVirtioBytes + headers};
  count_ = 0;
  return pieces_;
}

}  // namespace ratatoskr
