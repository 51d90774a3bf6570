#pragma once

#include <chrono>
#include <cstdint>

namespace ratatoskr {

// Microseconds on a clock that never steps.
inline std::uint64_t SteadyNow() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

}  // namespace ratatoskr
