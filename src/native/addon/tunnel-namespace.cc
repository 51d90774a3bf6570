#include "tunnel-namespace.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "tunnel-segments.h"

namespace ratatoskr {
namespace {

constexpr std::uint16_t kPort = 4705;
constexpr std::size_t kStackBytes = 64 * 1024;
// Of the inner packets: what fills datagrams in packets of 1500 bytes, with 20 or 40 of IP and 8 of UDP, where the tag stands for
// the inner IP header. The kernel's TCP begins with kSafeMss and finds out by itself what passes (RFC 4821).
constexpr int kLargestMtu4 = 1500 - 20 - 8 - static_cast<int>(kTagBytes) + static_cast<int>(kIpBytes);
constexpr int kLargestMtu6 = kLargestMtu4 - 20;
// Datagrams of 1232 bytes pass wherever IPv6 does (RFC 8200 section 5): a tag, a TCP header with timestamps, and this.
constexpr int kSafeMtu = 1232 - static_cast<int>(kTagBytes) + static_cast<int>(kIpBytes);
constexpr char kSafeMss[] = "1192";

struct Task {
  bool listens;
  bool outer_ipv6;
  int tun = -1;
  int tcp = -1;
  Failure failure = {};
};

sockaddr_in InnerAddress(const std::array<std::uint8_t, 4>& address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  std::memcpy(&result.sin_addr, address.data(), address.size());
  return result;
}

bool Write(const char* file, const char* text) {
  const UniqueFd fd(open(file, O_WRONLY | O_CLOEXEC));
  return fd && write(fd.get(), text, std::strlen(text)) > 0;
}

Failure SetUpDevice(Task* task) {
  task->tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (task->tun < 0) return {errno, "open /dev/net/tun"};
  ifreq request{};
  std::memcpy(request.ifr_name, "tunnel", sizeof "tunnel");
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (ioctl(task->tun, TUNSETIFF, &request) < 0) return {errno, "TUNSETIFF"};
  if (ioctl(task->tun, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4) < 0) return {errno, "TUNSETOFFLOAD"};

  // Where /proc/sys is read-only nothing is tried beyond what passes everywhere.
  const bool probes = Write("/proc/sys/net/ipv4/tcp_base_mss", kSafeMss) && Write("/proc/sys/net/ipv4/tcp_mtu_probing", "2");
  Write("/proc/sys/net/ipv6/conf/tunnel/disable_ipv6", "1");

  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any) return {errno, "socket"};
  request.ifr_mtu = !probes ? kSafeMtu : task->outer_ipv6 ? kLargestMtu6 : kLargestMtu4;
  if (ioctl(any.get(), SIOCSIFMTU, &request) < 0) return {errno, "SIOCSIFMTU"};
  const sockaddr_in own = InnerAddress(kOwnAddress, 0);
  std::memcpy(&request.ifr_addr, &own, sizeof own);
  if (ioctl(any.get(), SIOCSIFADDR, &request) < 0) return {errno, "SIOCSIFADDR"};
  const sockaddr_in mask = InnerAddress({255, 255, 255, 252}, 0);
  std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
  if (ioctl(any.get(), SIOCSIFNETMASK, &request) < 0) return {errno, "SIOCSIFNETMASK"};
  request.ifr_flags = IFF_UP | IFF_POINTOPOINT | IFF_NOARP;
  if (ioctl(any.get(), SIOCSIFFLAGS, &request) < 0) return {errno, "SIOCSIFFLAGS"};
  return {};
}

Failure OpenSocket(Task* task) {
  task->tcp = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (task->tcp < 0) return {errno, "socket"};
  // cubic over a lossy line would be slower than udx.
  if (setsockopt(task->tcp, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) < 0) return {errno, "TCP_CONGESTION bbr"};
  // Whoever closes the last descriptor, be it the kernel after kill -9, ends the connection at once and the namespace with it.
  const linger at_once{1, 0};
  if (setsockopt(task->tcp, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) < 0) return {errno, "setsockopt"};
  if (!task->listens) return {};
  const sockaddr_in own = InnerAddress(kOwnAddress, kPort);
  if (bind(task->tcp, reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0) return {errno, "bind"};
  if (listen(task->tcp, 1) < 0) return {errno, "listen"};
  return {};
}

// Runs in the memory and with the descriptors of its parent, which waits for it: system calls, and no more.
int Child(void* argument) {
  auto* const task = static_cast<Task*>(argument);
  task->failure = SetUpDevice(task);
  if (!task->failure) task->failure = OpenSocket(task);
  return 0;
}

}  // namespace

Failure MakeTunnelNamespace(bool listens, bool outer_ipv6, TunnelNamespace* result) {
  void* const stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return {errno, "mmap"};
  Task task{.listens = listens, .outer_ipv6 = outer_ipv6};
  // A handler of Node's must not run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // As posix_spawn does it, but with the descriptors shared, so that none has to be handed back. No SIGCHLD: that is for
  // Node's own children.
  constexpr int kFlags = CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWNET;
  char* const top = static_cast<char*>(stack) + kStackBytes;
  int child = clone(&Child, top, kFlags, &task);
  if (child < 0 && errno == EPERM) child = clone(&Child, top, kFlags | CLONE_NEWUSER, &task);
  if (child < 0) {
    task.failure = {errno, "clone"};
  } else {
    while (waitpid(child, nullptr, __WCLONE) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  munmap(stack, kStackBytes);
  TunnelNamespace made{UniqueFd(task.tun), UniqueFd(task.tcp)};
  if (!task.failure) *result = std::move(made);
  return task.failure;
}

Failure ConnectInTunnel(int tcp) {
  const sockaddr_in peer = InnerAddress(kPeerAddress, kPort);
  if (connect(tcp, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) < 0 && errno != EINPROGRESS) return {errno, "connect"};
  return {};
}

}  // namespace ratatoskr
