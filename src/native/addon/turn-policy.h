#pragma once

#include <pthread.h>
#include <sched.h>

#include <cstdint>

#include "rate-meter.h"

namespace ratatoskr {

// How the thread that makes it comes by its turns on the processors. As a rule it interrupts whoever runs when it is woken up, so that
// a game's packets are quick on a machine that the game keeps busy. While it carries much it lets others finish their turns
// (SCHED_BATCH): they are the routers at its sockets, which it would interrupt thousands of times a second to find little to do.
class TurnPolicy {
 public:
  TurnPolicy() {
    int policy;
    sched_param parameters;
    // Whoever has chosen another knows better.
    ours_ = pthread_getschedparam(pthread_self(), &policy, &parameters) == 0 && policy == SCHED_OTHER;
  }

  // So many bytes were carried since the thread began. `now` is in microseconds.
  void Heed(std::uint64_t carried, std::uint64_t now) {
    if (!meter_.Update(carried, now)) return;
    const bool much = meter_.rate() >= kMuch;
    if (much == yielding_ || !ours_) return;
    yielding_ = much;
    const sched_param no_priority{};
    // Where it is forbidden, things go on as they are.
    pthread_setschedparam(pthread_self(), much ? SCHED_BATCH : SCHED_OTHER, &no_priority);
  }

 private:
  // Bytes a microsecond: 256 Mbit/s.
  static constexpr std::uint64_t kMuch = 32;

  bool ours_;
  bool yielding_ = false;
  RateMeter meter_;
};

}  // namespace ratatoskr
