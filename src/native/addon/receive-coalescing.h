#pragma once

#include <cstdint>

namespace ratatoskr {

// When a thread that takes datagrams had better look away for a moment, so that several have come when it looks again: what a network card
// does with its interrupts. Below its rates to wake up is rare enough; above them several come at once anyway, and a moment is too long.
class ReceiveCoalescing {
 public:
  // So many bytes were received since the thread began. `now` is in microseconds. Returns for how many of them to rest.
  std::uint64_t Rest(std::uint64_t received, std::uint64_t now) {
    if (now - period_at_ >= kPeriod) {
      const std::uint64_t count = received - received_before_;
      worthwhile_ = count >= kLeastRate * (now - period_at_) && count <= kMostRate * (now - period_at_);
      period_at_ = now;
      received_before_ = received;
    }
    return worthwhile_ ? kRest : 0;
  }

 private:
  static constexpr std::uint64_t kPeriod = 50'000;
  static constexpr std::uint64_t kRest = 500;
  // Bytes a microsecond: 32 and 256 Mbit/s.
  static constexpr std::uint64_t kLeastRate = 4;
  static constexpr std::uint64_t kMostRate = 32;

  bool worthwhile_ = false;
  std::uint64_t period_at_ = 0;
  std::uint64_t received_before_ = 0;
};

}  // namespace ratatoskr
