// libFuzzer's target for what a peer may send in a tunnel, and for what the kernel hands out. The first byte chooses: datagrams of any kind
// are joined, and whatever is made of them must be sound; or a frame is taken apart and joined again, which must give the same bytes.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../../src/native/addon/tunnel-segments.h"

using namespace ratatoskr;

namespace {

constexpr Tag kTag{1, 2, 3, 4, 5, 6, 7, 8};
using Buffer = std::vector<std::uint8_t>;

Buffer Gather(SegmentJoiner::Packet packet) {
  Buffer all;
  for (const iovec& piece : packet) {
    const auto* const at = static_cast<const std::uint8_t*>(piece.iov_base);
    all.insert(all.end(), at, at + piece.iov_len);
  }
  return all;
}

// A frame of the joiner's, as the other end's kernel would hand it out: that reads its own address as the peer's.
Buffer Turned(Buffer frame) {
  std::copy(kPeerAddress.begin(), kPeerAddress.end(), frame.begin() + kVirtioBytes + 16);
  return frame;
}

std::vector<Buffer> TakeApart(const Segments& segments) {
  std::vector<Buffer> datagrams;
  for (std::size_t i = 0; i < segments.count(); i++) {
    Buffer datagram(segments.header_bytes());
    segments.WriteHeader(i, kTag, datagram.data());
    const Bytes payload = segments.Payload(i);
    datagram.insert(datagram.end(), payload.begin(), payload.end());
    if (datagram.size() > segments.datagram_bytes()) std::abort();
    if (i + 1 < segments.count() && datagram.size() != segments.datagram_bytes()) std::abort();
    datagrams.push_back(std::move(datagram));
  }
  return datagrams;
}

void CheckSound(const Buffer& frame) {
  if (frame.size() > kMaxTunFrameBytes) std::abort();
  if (!Segments::Of(Turned(frame))) std::abort();
}

void JoinAnything(Bytes input) {
  std::vector<Buffer> datagrams;
  while (input.size() > 1) {
    const std::size_t length = std::min<std::size_t>(input[0], input.size() - 1);
    Buffer datagram(kTag.begin(), kTag.end());
    datagram.insert(datagram.end(), input.begin() + 1, input.begin() + 1 + static_cast<std::ptrdiff_t>(length));
    datagrams.push_back(std::move(datagram));
    input = input.subspan(1 + length);
  }
  SegmentJoiner joiner;
  const auto sink = [](SegmentJoiner::Packet packet) { CheckSound(Gather(packet)); };
  for (const Buffer& datagram : datagrams) joiner.Add(datagram, sink);
  joiner.Flush(sink);
}

void TakeApartAndJoin(Bytes input) {
  // A header that passes, with the input's flags, options and payload.
  if (input.size() < 4) return;
  const std::size_t options = (input[0] & 7) * 4;
  const std::size_t size = 1 + input[1] % 97;
  const Bytes rest = input.subspan(3);
  if (rest.size() < options) return;
  Buffer frame(kVirtioBytes + kIpBytes + 20);
  frame[1] = 1;
  const auto gso_size = static_cast<std::uint16_t>(size);
  std::memcpy(&frame[4], &gso_size, sizeof gso_size);
  std::uint8_t* const tcp = &frame[kVirtioBytes + kIpBytes];
  tcp[4] = tcp[5] = tcp[6] = 0xff;  // so that the sequence wraps
  tcp[12] = static_cast<std::uint8_t>((20 + options) / 4 << 4);
  tcp[13] = input[2];
  frame.insert(frame.end(), rest.begin(), rest.end());
  const std::size_t length = frame.size() - kVirtioBytes;
  frame[kVirtioBytes] = 0x45;
  frame[kVirtioBytes + 2] = static_cast<std::uint8_t>(length >> 8);
  frame[kVirtioBytes + 3] = static_cast<std::uint8_t>(length);
  frame[kVirtioBytes + 9] = 6;
  frame = Turned(std::move(frame));
  const auto segments = Segments::Of(frame);
  if (!segments) std::abort();
  const std::vector<Buffer> datagrams = TakeApart(*segments);
  SegmentJoiner joiner;
  Buffer payload;
  std::uint8_t flags = 0;
  std::size_t frames = 0;
  const auto sink = [&](SegmentJoiner::Packet packet) {
    const Buffer joined = Gather(packet);
    CheckSound(joined);
    const std::size_t headers = kVirtioBytes + kIpBytes + 20 + options;
    if (std::memcmp(&joined[headers - options], rest.data(), options) != 0) std::abort();
    payload.insert(payload.end(), joined.begin() + static_cast<std::ptrdiff_t>(headers), joined.end());
    flags |= joined[kVirtioBytes + kIpBytes + 13];
    frames++;
  };
  for (const Buffer& datagram : datagrams) {
    if (!joiner.Add(datagram, sink)) std::abort();
  }
  joiner.Flush(sink);
  const Bytes sent = rest.subspan(options);
  if (!std::equal(payload.begin(), payload.end(), sent.begin(), sent.end())) std::abort();
  if (flags != input[2]) std::abort();
  // Plain data becomes one packet again.
  if (input[2] == 0x10 && frames != (datagrams.size() + 255) / 256) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Bytes rest(data + 1, size - 1);
  if (data[0] == 0) JoinAnything(rest);
  else if (data[0] == 1) (void)Segments::Of(rest);
  else TakeApartAndJoin(rest);
  return 0;
}
