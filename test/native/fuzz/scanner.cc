// libFuzzer's target for what reads a stranger's bytes: the frame scanner, which must find the same however a stream is cut, and
// the beats in it. The first two bytes choose how it is cut and what is dropped; a handshake is put before the rest when it has none.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "../../../src/native/addon/beat.h"
#include "../../../src/native/addon/frame-scanner.h"

using namespace ratatoskr;

namespace {

struct Record final : FrameSink {
  void FirstTraffic() override {}
  std::vector<std::uint8_t> passed;
  std::vector<std::uint8_t> taken;
  int dropped = 0;
  int transit = 0;
  DelayMeter meter;

  void Pass(Bytes bytes) override { passed.insert(passed.end(), bytes.begin(), bytes.end()); }
  void Dropped() override { dropped++; }
  void Taken(Bytes body) override {
    taken.push_back(static_cast<std::uint8_t>(body.size()));
    if (const auto beat = DecodeBeat(body)) {
      const BeatFrame again = EncodeBeat(*beat);
      if (std::memcmp(again.data() + 2, body.data(), kBeatBodyBytes) != 0) std::abort();
      meter.Take(*beat, 1'000'000);
    }
  }
  void Transit() override { transit++; }
  bool operator==(const Record& other) const {
    return passed == other.passed && taken == other.taken && dropped == other.dropped && transit == other.transit;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] + 1u;
  const bool hidden = data[1] & 1;
  const auto speaker = data[1] & 2 ? FrameScanner::Speaker::kAgent : FrameScanner::Speaker::kRouter;
  std::vector<std::uint8_t> stream;
  if (data[1] & 4) {
    stream = {'m', 'e', 't', 'a', 0, 64};
    stream.resize(stream.size() + 64);
  }
  stream.insert(stream.end(), data + 2, data + size);
  const FrameScanner::Options options{speaker, hidden, RouterKey{}, RouterKey{}};

  FrameScanner at_once(options);
  Record whole;
  const bool sound = at_once.Scan(stream, whole);
  FrameScanner in_parts(options);
  Record parts;
  bool parts_sound = true;
  for (std::size_t at = 0; at < stream.size() && parts_sound; at += step) {
    // A copy of its own, so that reading beyond a chunk is reading beyond the memory.
    const std::vector<std::uint8_t> chunk(stream.begin() + static_cast<std::ptrdiff_t>(at),
                                          stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, stream.size())));
    parts_sound = in_parts.Scan(chunk, parts);
  }
  if (sound != parts_sound) std::abort();
  if (at_once.UntilBoundary() != in_parts.UntilBoundary()) std::abort();
  // What was found before a stream is refused may differ by where it was cut.
  if (sound && !(whole == parts)) std::abort();
  if (whole.passed.size() > stream.size()) std::abort();
  return 0;
}
