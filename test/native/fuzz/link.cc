// libFuzzer's target for a link and all it does with its sockets: two socket pairs, a stranger and a router that write what the
// input says and read or stop reading as it says. Nothing may crash, hang, or grow.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>
#include <vector>

#include "../../../src/native/addon/link.h"

using namespace ratatoskr;

namespace {

constexpr std::uint8_t kGreeting[70] = {'m', 'e', 't', 'a', 0, 64};
constexpr std::uint32_t kEverything = EPOLLIN | EPOLLOUT;

struct Pair {
  UniqueFd near;
  UniqueFd far;
};

Pair MakePair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0) std::abort();
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Link::Scratch scratch;
  static std::array<std::uint8_t, 1 << 16> sink;
  if (size < 1) return 0;
  Pair path = MakePair();
  Pair router = MakePair();
  const auto counters = std::make_shared<LinkCounters>();
  std::uint64_t now = 1'000'000;
  Link::Options options{};
  options.path = std::move(path.near);
  options.router = std::move(router.near);
  options.hidden = data[0] & 1;
  options.keep_back = data[0] & 8 ? 60'000 : 0;
  if (data[0] & 2) options.from_path.assign(std::begin(kGreeting), std::end(kGreeting));
  if (data[0] & 4) options.from_router.assign(std::begin(kGreeting), std::end(kGreeting));
  options.counters = counters;
  Link link(std::move(options), now);

  for (std::size_t at = 1; at + 1 < size && !link.closed();) {
    // An act, a length, and as many bytes where it needs them.
    const std::uint8_t act = data[at];
    const std::size_t length = std::min<std::size_t>(data[at + 1], size - at - 2);
    at += 2;
    const UniqueFd& far = act & 8 ? path.far : router.far;
    switch (act & 7) {
      case 0:
      case 1: {
        [[maybe_unused]] const ssize_t sent = send(far.get(), data + at, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        at += length;
        break;
      }
      case 2:
        while (recv(far.get(), sink.data(), sink.size(), MSG_DONTWAIT) > 0) {
        }
        break;
      case 3:
        now += length * 20'000;
        link.Tick(now, act & 16 ? length * 1000 : 0);
        break;
      case 4:
        shutdown(far.get(), SHUT_WR);
        break;
      case 5:
        if (act & 16) shutdown(far.get(), SHUT_RDWR);
        break;
      case 6: {
        // A large frame, such as a router sends.
        static const std::vector<std::uint8_t> frame = [] {
          std::vector<std::uint8_t> bytes{0x81, 0x80, 0x04, 4};
          bytes.resize(4 + 65536);
          return bytes;
        }();
        [[maybe_unused]] const ssize_t big = send(far.get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        break;
      }
      default:
        if (act & 32) link.Close(Bytes(data + at, length), now);
        break;
    }
    link.Notice(Link::Side::kPath, kEverything | (act & 64 ? EPOLLRDHUP : 0));
    link.Notice(Link::Side::kRouter, kEverything);
    int turns = 0;
    for (std::uint64_t due = link.Work(scratch, now); due != Link::kNever; due = link.Work(scratch, now)) {
      if (turns++ > 1000) std::abort();
      now = std::max(now, due);
    }
  }
  return 0;
}
