#pragma once

#include <cstdint>

#include "rate-meter.h"

namespace ratatoskr {

// When a thread that takes datagrams had better look away for a moment, so that several have come when it looks again: what a network card
// does with its interrupts. Below its rates to wake up is rare enough; above them several come at once anyway, and a moment is too long.
class ReceiveCoalescing {
 public:
  // So many bytes were received since the thread began. `now` is in microseconds. Returns for how many of them to rest.
  std::uint64_t Rest(std::uint64_t received, std::uint64_t now) {
    meter_.Update(received, now);
    return meter_.rate() >= kLeastRate && meter_.rate() < kMostRate ? kRest : 0;
  }

 private:
  static constexpr std::uint64_t kRest = 500;
  // Bytes a microsecond: 32 and 256 Mbit/s.
  static constexpr std::uint64_t kLeastRate = 4;
  static constexpr std::uint64_t kMostRate = 32;

  RateMeter meter_;
};

}  // namespace ratatoskr
