#include "worker-thread.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>

namespace ratatoskr {
namespace {

constexpr std::size_t kThreadStack = 256 * 1024;

}  // namespace

int WakeableEpoll::Open() {
  if (epoll_) return 0;
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return errno;
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return errno;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeToken;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) < 0) return errno;
  epoll_ = std::move(epoll);
  wake_ = std::move(wake);
  return 0;
}

void WakeableEpoll::Wake() {
  const std::uint64_t one = 1;
  // Can only fail when the counter is full, and then the thread is awake already.
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
}

void WakeableEpoll::Woken() {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t taken = read(wake_.get(), &count, sizeof count);
}

int StartWorkerThread(pthread_t* thread, void* (*main)(void*), void* argument) {
  // A new thread inherits the mask.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kThreadStack);
  const int error = pthread_create(thread, &attributes, main, argument);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace ratatoskr
