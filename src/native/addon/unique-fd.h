#pragma once

#include <unistd.h>

#include <utility>

namespace ratatoskr {

// Sole owner of a file descriptor: it is closed exactly once, on every way out.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    // Linux releases the descriptor even when close() fails, so there is nothing to try again.
    if (old >= 0) ::close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace ratatoskr
