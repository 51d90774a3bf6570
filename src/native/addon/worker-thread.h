#pragma once

#include <pthread.h>

#include <cstdint>

#include "unique-fd.h"

namespace ratatoskr {

// What a thread that waits for sockets waits on: an epoll set that the owner's thread can wake it from.
class WakeableEpoll {
 public:
  // The data of the event that is no socket's.
  static constexpr std::uint64_t kWakeToken = 0;

  // Returns 0 or an errno. Idempotent.
  int Open();
  int get() const { return epoll_.get(); }
  // From any thread.
  void Wake();
  // The waiting thread has seen the event.
  void Woken();

 private:
  UniqueFd epoll_;
  UniqueFd wake_;
};

// Starts a thread with a small stack that takes no signals: those are for Node's own. Returns 0 or an errno.
int StartWorkerThread(pthread_t* thread, void* (*main)(void*), void* argument);

}  // namespace ratatoskr
