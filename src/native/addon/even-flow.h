#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace ratatoskr {

// Keeps bursts from the router: the same as src/core/even-flow.ts, which says why. Times are in microseconds.
class EvenFlow {
 public:
  explicit EvenFlow(std::uint64_t now) : credited_at_(now), period_at_(now) {}

  // When the next bytes may pass: now, or a little later.
  std::uint64_t ReadyAt(std::uint64_t now) {
    if (now - period_at_ >= kPeriod) {
      rate_ = std::max(kLeastRate, 4 * passed_ / (now - period_at_));
      fast_ = passed_ > kFastRate * (now - period_at_);
      period_at_ = now;
      passed_ = 0;
    }
    credit_ = std::min(std::max(kBurstBytes, rate_ * kBurstTime), credit_ + (now - credited_at_) * rate_);
    credited_at_ = now;
    return credit_ >= kGrainBytes ? now : now + (kGrainBytes - credit_ + rate_ - 1) / rate_;
  }
  // How many they may be.
  std::size_t room() const { return credit_; }
  // Has more than 256 Mbit/s come of late?
  bool fast() const { return fast_; }
  // No more than there was room for.
  void Pass(std::size_t count) {
    credit_ -= count;
    passed_ += count;
  }

 private:
  static constexpr std::uint64_t kBurstBytes = 72 * 1024;
  static constexpr std::uint64_t kBurstTime = 1000;
  // Bytes a microsecond.
  static constexpr std::uint64_t kLeastRate = 64;
  static constexpr std::uint64_t kFastRate = 32;
  static constexpr std::uint64_t kPeriod = 50'000;
  // So little is not worth waking up for.
  static constexpr std::uint64_t kGrainBytes = kBurstBytes / 2;

  std::uint64_t credit_ = kBurstBytes;
  std::uint64_t credited_at_;
  std::uint64_t rate_ = kLeastRate;
  bool fast_ = false;
  std::uint64_t period_at_;
  std::uint64_t passed_ = 0;
};

}  // namespace ratatoskr
