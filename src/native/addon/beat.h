#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "frame-scanner.h"

namespace ratatoskr {

// The agents' sign of life; src/core/frames/agent-frames.ts is the reference. Times in microseconds.
struct Beat {
  std::uint64_t sent_at;
  std::uint64_t echo;
  std::uint64_t heard_at;
  std::uint64_t received;
};

constexpr std::size_t kBeatBodyBytes = 1 + 4 * 6;
using BeatFrame = std::array<std::uint8_t, 2 + kBeatBodyBytes>;

// A whole frame.
BeatFrame EncodeBeat(const Beat& beat);
// Nothing for a body that is none.
std::optional<Beat> DecodeBeat(Bytes body);

// What beats tell of a path, in milliseconds; as src/core/frames/delay-meter.ts.
struct PathDelays {
  double rtt;
  double least_rtt;
  double out;
  double in;
};

class DelayMeter {
 public:
  // Returns the delays that the beat shows; `now` is when it came.
  std::optional<PathDelays> Take(const Beat& beat, std::uint64_t now);

 private:
  double least_ = -1;
  double offset_ = 0;
};

}  // namespace ratatoskr
