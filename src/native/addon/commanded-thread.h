#pragma once

#include <pthread.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "worker-thread.h"

namespace ratatoskr {

// A thread that waits on an epoll set of its own, takes commands from its owner and leaves outcomes for it. Of both sides each calls its own
// methods alone.
template <typename Command, typename Outcome>
class CommandedThread {
 public:
  // `run` is what the thread does, until Commands gives nothing; `notify` is called from it when outcomes appear where there were none.
  CommandedThread(const char* name, std::function<void()> run, std::function<void()> notify)
      : name_(name), run_(std::move(run)), notify_(std::move(notify)) {}
  CommandedThread(const CommandedThread&) = delete;
  CommandedThread& operator=(const CommandedThread&) = delete;
  ~CommandedThread() { Stop(); }

  // The owner's.

  // Returns 0 or an errno, ECANCELED after Stop. Idempotent.
  int Start() {
    if (stopped_) return ECANCELED;
    if (const int error = epoll_.Open()) return error;
    if (running_) return 0;
    if (const int error = StartWorkerThread(&thread_, &CommandedThread::Main, this)) return error;
    running_ = true;
    return 0;
  }
  // Without effect when it does not run.
  void Post(Command command) {
    if (!running_) return;
    {
      const std::lock_guard lock(mutex_);
      commands_.push_back(std::move(command));
    }
    epoll_.Wake();
  }
  // All outcomes since the last call, in order.
  std::vector<Outcome> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(outcomes_, {});
  }
  // The thread has ended when it returns, and nothing is left of commands and outcomes. Idempotent, and final.
  void Stop() {
    stopped_ = true;
    if (std::exchange(running_, false)) {
      {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
      }
      epoll_.Wake();
      pthread_join(thread_, nullptr);
    }
    commands_.clear();
    outcomes_.clear();
  }

  // The thread's.

  int epoll() const { return epoll_.get(); }
  // After an event of WakeableEpoll::kWakeToken. Nothing: the thread is to return.
  std::optional<std::vector<Command>> Commands() {
    epoll_.Woken();
    const std::lock_guard lock(mutex_);
    if (stopping_) return std::nullopt;
    return std::exchange(commands_, {});
  }
  void Report(Outcome outcome) {
    bool first;
    {
      const std::lock_guard lock(mutex_);
      first = outcomes_.empty();
      outcomes_.push_back(std::move(outcome));
    }
    if (first) notify_();
  }

 private:
  static void* Main(void* argument) {
    auto* self = static_cast<CommandedThread*>(argument);
    pthread_setname_np(pthread_self(), self->name_);
    self->run_();
    return nullptr;
  }

  const char* const name_;
  const std::function<void()> run_;
  const std::function<void()> notify_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::vector<Outcome> outcomes_;
  bool stopping_ = false;
  WakeableEpoll epoll_;
  // Of the owner alone.
  pthread_t thread_{};
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace ratatoskr
