#pragma once

#include <cstdint>

namespace ratatoskr {

// How much passes lately, in bytes a microsecond, told anew every 50 ms.
class RateMeter {
 public:
  // So many bytes have passed since it was made. `now` is in microseconds. Returns whether it tells anew.
  bool Update(std::uint64_t total, std::uint64_t now) {
    if (now - period_at_ < kPeriod) return false;
    rate_ = (total - total_before_) / (now - period_at_);
    period_at_ = now;
    total_before_ = total;
    return true;
  }
  std::uint64_t rate() const { return rate_; }

 private:
  static constexpr std::uint64_t kPeriod = 50'000;

  std::uint64_t rate_ = 0;
  std::uint64_t period_at_ = 0;
  std::uint64_t total_before_ = 0;
};

}  // namespace ratatoskr
