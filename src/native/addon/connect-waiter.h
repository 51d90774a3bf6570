#pragma once

#include <pthread.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "unique-fd.h"
#include "worker-thread.h"

namespace ratatoskr {

// Waits for connecting sockets, thousands at a time, on one thread of its own that exists only while there are any.
// Add, Cancel, Settle and Take are for the owner's thread. Knows nothing of JS.
class ConnectWaiter {
 public:
  using Clock = std::chrono::steady_clock;

  struct Outcome {
    std::uint64_t id;
    int error;    // 0, or an errno
    UniqueFd fd;  // connected when error is 0
  };

  // `notify` is called from either thread when outcomes appear where there were none.
  explicit ConnectWaiter(std::function<void()> notify) : notify_(std::move(notify)) {}
  ConnectWaiter(const ConnectWaiter&) = delete;
  ConnectWaiter& operator=(const ConnectWaiter&) = delete;
  ~ConnectWaiter() { Stop(); }

  // Takes a socket whose connect() is under way. Whatever happens, an outcome follows unless it is cancelled.
  void Add(std::uint64_t id, UniqueFd fd, Clock::time_point deadline);
  // Puts in an outcome that was known at once.
  void Settle(Outcome outcome);
  // Closes the socket before it returns; no outcome follows.
  void Cancel(std::uint64_t id);
  // All outcomes since the last call, in order.
  std::vector<Outcome> Take();
  // Ends the thread and closes all sockets. Idempotent, and final.
  void Stop();

 private:
  struct Waiting {
    UniqueFd fd;
    Clock::time_point deadline;
  };
  using WaitingMap = std::unordered_map<std::uint64_t, Waiting>;

  static void* Main(void* self);
  void Run();
  int StartThread();
  void Finish(WaitingMap::iterator entry, int error);
  void FinishReady(std::uint64_t id);
  void FinishLate(Clock::time_point now);

  const std::function<void()> notify_;
  std::mutex mutex_;
  WaitingMap waiting_;
  std::set<std::pair<Clock::time_point, std::uint64_t>> deadlines_;
  std::vector<Outcome> outcomes_;
  Clock::time_point wake_at_{};  // when the thread looks at deadlines next
  bool running_ = false;
  bool stopping_ = false;
  WakeableEpoll epoll_;
  // Of the owner's thread alone.
  pthread_t thread_{};
  bool joinable_ = false;
};

}  // namespace ratatoskr
