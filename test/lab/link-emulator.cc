// Joins pairs of network interfaces with a line of given delay, loss, rate and queue.
//
//   link-emulator A B DELAY_US LOSS_PERMILLE RATE_KBIT QUEUE_BYTES [flow FROM TO DELAY_US ...] [A B ...]
//
// The delay is one way, and every number holds for each direction on its own. A rate of 0 is unlimited; a queue of 0 holds
// 1 MiB beyond what the line's delay keeps in flight, and what does not fit is dropped at its tail. A flow holds IPv4 packets from one
// address to another up for so much longer. Prints "ready" once packets pass. Needs CAP_NET_RAW in the namespace of the interfaces.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <system_error>
#include <vector>

namespace {

using Nanoseconds = std::chrono::nanoseconds;

// CLOCK_MONOTONIC, which the timer counts in too.
Nanoseconds now() { return std::chrono::duration_cast<Nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()); }

int checked(int result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
  return result;
}

// Size of the struct virtio_net_hdr before each frame, which passes through unread (its header is not valid C++ everywhere).
constexpr std::size_t kFrameHeader = 10;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }
  int get() const { return fd_; }

 private:
  int fd_;
};

// One end of a line. Frames carry a virtio_net_hdr, so that checksums the kernel left open survive the crossing.
class Interface : public Descriptor {
 public:
  explicit Interface(const char* name)
      : Descriptor(checked(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket")) {
    set(SOL_PACKET, PACKET_VNET_HDR, 1, "PACKET_VNET_HDR");
    set(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
    // Past the system's limit where we may, up to it where not.
    for (const auto& [force, plain] : {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}}) {
      const int size = 8 << 20;
      if (setsockopt(get(), SOL_SOCKET, force, &size, sizeof size) < 0) set(SOL_SOCKET, plain, size, "buffer size");
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(name));
    if (address.sll_ifindex == 0) throw std::system_error(errno, std::generic_category(), name);
    checked(bind(get(), reinterpret_cast<sockaddr*>(&address), sizeof address), name);
  }

 private:
  void set(int level, int option, int value, const char* what) {
    checked(setsockopt(get(), level, option, &value, sizeof value), what);
  }
};

// IPv4 addresses in network order.
struct Flow {
  in_addr_t from;
  in_addr_t to;
  Nanoseconds delay;
};

struct Line {
  Nanoseconds delay;
  unsigned lossPermille;
  std::uint64_t bitsPerSecond;  // 0: unlimited
  std::size_t queueBytes;
  std::vector<Flow> flows;
};

// A line in one direction.
class Direction {
 public:
  Direction(const Interface& from, const Interface& to, const Line& line) : from_(from), to_(to), line_(line) {}

  int source() const { return from_.get(); }

  // Takes what has arrived. Bounded, so that one busy direction does not starve the others' timers.
  void receive() {
    for (int count = 0; count < 64; ++count) {
      const ssize_t length = recv(from_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (length <= 0) return;
      if (isInternet() && random_() % 1000 < line_.lossPermille) continue;
      accept(static_cast<std::size_t>(length));
    }
  }

  // Sends what is due. @returns when the next frame is, or zero when there is none
  Nanoseconds deliver(Nanoseconds time) {
    while (!frames_.empty() && frames_.begin()->first <= time) {
      const auto& bytes = frames_.begin()->second;
      // A full device loses the frame, as a full line would.
      (void)!send(to_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      frames_.erase(frames_.begin());
    }
    return frames_.empty() ? Nanoseconds::zero() : frames_.begin()->first;
  }

 private:
  // Only what is IP gets lost: the lines that these stand for have no ARP.
  bool isInternet() const { return type() == ETHERTYPE_IP || type() == ETHERTYPE_IPV6; }

  int type() const { return buffer_[kFrameHeader + 12] << 8 | buffer_[kFrameHeader + 13]; }

  // How long the frame takes, by its addresses (RFC 791 section 3.1).
  Nanoseconds delay() const {
    if (line_.flows.empty() || type() != ETHERTYPE_IP) return line_.delay;
    in_addr_t addresses[2];
    std::memcpy(addresses, buffer_.data() + kFrameHeader + ETH_HLEN + 12, sizeof addresses);
    for (const auto& flow : line_.flows) {
      if (flow.from == addresses[0] && flow.to == addresses[1]) return line_.delay + flow.delay;
    }
    return line_.delay;
  }

  void accept(std::size_t length) {
    const auto arrival = now();
    const auto size = static_cast<double>(length - kFrameHeader);
    const auto begin = std::max(arrival, free_);
    auto end = begin;
    if (line_.bitsPerSecond != 0) {
      const auto backlog = static_cast<double>((begin - arrival).count()) * static_cast<double>(line_.bitsPerSecond) / 8e9;
      if (backlog + size > static_cast<double>(line_.queueBytes)) return;
      end += Nanoseconds(static_cast<std::int64_t>(size * 8e9 / static_cast<double>(line_.bitsPerSecond)));
    }
    free_ = end;
    if (frames_.size() >= kMostFrames) return;
    // What is due at the same time leaves in the order it came.
    frames_.emplace_hint(frames_.end(), end + delay(),
                         std::vector<unsigned char>{buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(length)});
  }

  static constexpr std::size_t kMostFrames = 65536;
  const Interface& from_;
  const Interface& to_;
  const Line line_;
  Nanoseconds free_{};  // when the line has sent all it was given
  std::multimap<Nanoseconds, std::vector<unsigned char>> frames_;  // by when they are due
  std::minstd_rand random_{std::random_device{}()};
  std::array<unsigned char, 65536 + 256 + kFrameHeader> buffer_;
};

std::uint64_t number(const char* text) {
  char* end = nullptr;
  const auto value = std::strtoull(text, &end, 10);
  if (end == text || *end != '\0') throw std::system_error(EINVAL, std::generic_category(), text);
  return value;
}

in_addr_t address(const char* text) {
  in_addr address{};
  if (inet_pton(AF_INET, text, &address) != 1) throw std::system_error(EINVAL, std::generic_category(), text);
  return address.s_addr;
}

void run(int count, char** arguments) {
  constexpr int kPerLine = 6;
  constexpr int kPerFlow = 4;
  char** const end = arguments + count;
  const auto left = [&end](char** from, int wanted) {
    if (end - from < wanted) throw std::system_error(EINVAL, std::generic_category(), "arguments");
  };
  std::vector<std::unique_ptr<Interface>> interfaces;
  std::vector<std::unique_ptr<Direction>> directions;
  left(arguments, kPerLine);
  for (char** a = arguments; a != end;) {
    left(a, kPerLine);
    const auto queue = number(a[5]);
    Line line{std::chrono::microseconds(number(a[2])), static_cast<unsigned>(number(a[3])), number(a[4]) * 1000,
              queue == 0 ? std::size_t{1} << 20 : queue, {}};
    const Interface& one = *interfaces.emplace_back(std::make_unique<Interface>(a[0]));
    const Interface& other = *interfaces.emplace_back(std::make_unique<Interface>(a[1]));
    for (a += kPerLine; a != end && std::strcmp(*a, "flow") == 0; a += kPerFlow) {
      left(a, kPerFlow);
      line.flows.push_back({address(a[1]), address(a[2]), std::chrono::microseconds(number(a[3]))});
    }
    directions.push_back(std::make_unique<Direction>(one, other, line));
    directions.push_back(std::make_unique<Direction>(other, one, line));
  }

  const Descriptor poll(checked(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  const Descriptor timer(checked(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create"));
  const auto watch = [&poll](int fd, Direction* direction) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = direction;
    checked(epoll_ctl(poll.get(), EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
  };
  watch(timer.get(), nullptr);
  for (const auto& direction : directions) watch(direction->source(), direction.get());
  std::puts("ready");
  std::fflush(stdout);

  std::array<epoll_event, 16> events;
  for (;;) {
    auto next = Nanoseconds::zero();
    for (const auto& direction : directions) {
      const auto due = direction->deliver(now());
      if (due != Nanoseconds::zero() && (next == Nanoseconds::zero() || due < next)) next = due;
    }
    itimerspec alarm{};
    alarm.it_value.tv_sec = next.count() / 1'000'000'000;
    alarm.it_value.tv_nsec = next.count() % 1'000'000'000;
    checked(timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &alarm, nullptr), "timerfd_settime");
    const int ready = epoll_wait(poll.get(), events.data(), static_cast<int>(events.size()), -1);
    if (ready < 0 && errno != EINTR) checked(ready, "epoll_wait");
    for (int index = 0; index < ready; ++index) {
      if (auto* direction = static_cast<Direction*>(events[static_cast<std::size_t>(index)].data.ptr)) direction->receive();
      // Setting the timer again takes its expiry back: there is nothing to read from it.
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    run(count - 1, arguments + 1);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "link-emulator: %s\n", error.what());
  }
  return 1;
}
