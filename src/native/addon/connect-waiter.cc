#include "connect-waiter.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

namespace ratatoskr {
namespace {

int MillisecondsUntil(ConnectWaiter::Clock::time_point time) {
  // Rounded up: a wait that ends a little early would spin until the deadline is really past.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(time - ConnectWaiter::Clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
}

int ErrorOf(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

void ConnectWaiter::Add(std::uint64_t id, UniqueFd fd, Clock::time_point deadline) {
  int error = epoll_.Open();
  if (error == 0) {
    const std::lock_guard lock(mutex_);
    epoll_event event{};
    event.events = EPOLLOUT;
    event.data.u64 = id;
    // Entered into the map under the same lock, so the thread never meets an id it does not know and should.
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) < 0) {
      error = errno;
    } else {
      waiting_.emplace(id, Waiting{std::move(fd), deadline});
      deadlines_.emplace(deadline, id);
      if (running_) {
        if (deadline < wake_at_) epoll_.Wake();
        return;
      }
      running_ = true;
    }
  }
  if (error == 0) error = StartThread();
  if (error == 0) return;
  Cancel(id);
  Settle({id, error, UniqueFd()});
}

void ConnectWaiter::Settle(Outcome outcome) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = outcomes_.empty();
    outcomes_.push_back(std::move(outcome));
  }
  if (first) notify_();
}

void ConnectWaiter::Cancel(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = waiting_.find(id); entry != waiting_.end()) {
    deadlines_.erase({entry->second.deadline, id});
    waiting_.erase(entry);  // closing takes it out of the epoll set too: it was never duplicated
    if (waiting_.empty()) epoll_.Wake();
    return;
  }
  std::erase_if(outcomes_, [id](const Outcome& outcome) { return outcome.id == id; });
}

std::vector<ConnectWaiter::Outcome> ConnectWaiter::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(outcomes_, {});
}

void ConnectWaiter::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (running_) epoll_.Wake();
  }
  if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);
  waiting_.clear();
  deadlines_.clear();
  outcomes_.clear();
}

int ConnectWaiter::StartThread() {
  // The one before it has left its loop, or we would not be here.
  if (std::exchange(joinable_, false)) pthread_join(thread_, nullptr);
  const int error = StartWorkerThread(&thread_, &ConnectWaiter::Main, this);
  joinable_ = error == 0;
  if (error != 0) {
    const std::lock_guard lock(mutex_);
    running_ = false;
  }
  return error;
}

void* ConnectWaiter::Main(void* self) {
  pthread_setname_np(pthread_self(), "connect-waiter");
  static_cast<ConnectWaiter*>(self)->Run();
  return nullptr;
}

void ConnectWaiter::Run() {
  std::array<epoll_event, 256> events;
  std::unique_lock lock(mutex_);
  while (!stopping_ && !waiting_.empty()) {
    wake_at_ = deadlines_.begin()->first;
    const int timeout = MillisecondsUntil(wake_at_);
    lock.unlock();
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    lock.lock();
    const bool none_before = outcomes_.empty();
    for (int i = 0; i < count; i++) FinishReady(events[static_cast<std::size_t>(i)].data.u64);
    FinishLate(Clock::now());
    if (none_before && !outcomes_.empty()) {
      lock.unlock();
      notify_();
      lock.lock();
    }
  }
  running_ = false;
}

void ConnectWaiter::FinishReady(std::uint64_t id) {
  if (id == WakeableEpoll::kWakeToken) {
    epoll_.Woken();
    return;
  }
  // Cancelled between epoll_wait and the lock: ids are never used again, so it is just absent.
  const auto entry = waiting_.find(id);
  if (entry != waiting_.end()) Finish(entry, ErrorOf(entry->second.fd.get()));
}

void ConnectWaiter::FinishLate(Clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) Finish(waiting_.find(deadlines_.begin()->second), ETIMEDOUT);
}

void ConnectWaiter::Finish(WaitingMap::iterator entry, int error) {
  const std::uint64_t id = entry->first;
  Waiting waiting = std::move(entry->second);
  waiting_.erase(entry);
  deadlines_.erase({waiting.deadline, id});
  if (error == 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, waiting.fd.get(), nullptr);
  } else {
    waiting.fd.reset();
  }
  outcomes_.push_back({id, error, std::move(waiting.fd)});
}

}  // namespace ratatoskr
