#include "socket-options.h"

// Not netinet/tcp.h: its struct tcp_info ends before the byte and segment counters.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <climits>
#include <cstddef>
#include <string>

namespace ratatoskr {
namespace {

constexpr int kTcpRtoMaxMs = 44;  // TCP_RTO_MAX_MS, which headers before Linux 6.15 lack
constexpr std::size_t kCongestionNameMax = 16;  // TCP_CA_NAME_MAX of the kernel

int IntegerAt(const Napi::CallbackInfo& info, std::size_t index) {
  const Napi::Value value = info[index];
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
  // Node-API would make 0 of NaN, and 0 is somebody's descriptor.
  return number >= 0 && number <= INT_MAX ? static_cast<int>(number) : -1;
}

bool SetTcp(int fd, int name, int value) { return setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value) == 0; }

bool IsUnix(int fd) {
  int domain = 0;
  socklen_t size = sizeof domain;
  return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

}  // namespace

Napi::Value GetPeerCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = IntegerAt(info, 0);
  ucred credentials{};
  socklen_t size = sizeof credentials;
  // TCP sockets answer too, with nobody; so does an unconnected unix socket.
  if (!IsUnix(fd) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) < 0) return env.Undefined();
  if (credentials.uid == static_cast<uid_t>(-1)) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("pid", static_cast<double>(credentials.pid));
  result.Set("uid", static_cast<double>(credentials.uid));
  result.Set("gid", static_cast<double>(credentials.gid));
  return result;
}

Napi::Value GetTcpInfo(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = IntegerAt(info, 0);
  // Older kernels fill in less; what they leave out stays 0.
  tcp_info facts{};
  socklen_t size = sizeof facts;
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &facts, &size) < 0) return env.Undefined();
  std::array<char, kCongestionNameMax + 1> congestion{};
  size = kCongestionNameMax;
  if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion.data(), &size) < 0) return env.Undefined();
  Napi::Object result = Napi::Object::New(env);
  result.Set("rttMs", static_cast<double>(facts.tcpi_rtt) / 1000);
  result.Set("congestion", std::string(congestion.data()));
  result.Set("segmentsOut", static_cast<double>(facts.tcpi_segs_out));
  result.Set("segmentsIn", static_cast<double>(facts.tcpi_segs_in));
  result.Set("bytesOut", static_cast<double>(facts.tcpi_bytes_acked));
  result.Set("bytesIn", static_cast<double>(facts.tcpi_bytes_received));
  result.Set("retransmits", static_cast<double>(facts.tcpi_total_retrans));
  return result;
}

Napi::Value SetUserTimeout(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), SetTcp(IntegerAt(info, 0), TCP_USER_TIMEOUT, IntegerAt(info, 1)));
}

Napi::Value SetMaxRetransmit(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), SetTcp(IntegerAt(info, 0), kTcpRtoMaxMs, IntegerAt(info, 1)));
}

Napi::Value SetKeepAlive(const Napi::CallbackInfo& info) {
  const int fd = IntegerAt(info, 0);
  const int on = 1;
  const bool set = SetTcp(fd, TCP_KEEPIDLE, IntegerAt(info, 1)) && SetTcp(fd, TCP_KEEPINTVL, IntegerAt(info, 2)) &&
                   SetTcp(fd, TCP_KEEPCNT, IntegerAt(info, 3)) &&
                   setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on) == 0;
  return Napi::Boolean::New(info.Env(), set);
}

Napi::Value SetNoDelay(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), SetTcp(IntegerAt(info, 0), TCP_NODELAY, 1));
}

Napi::Value SetCongestion(const Napi::CallbackInfo& info) {
  if (!info[1].IsString()) return Napi::Boolean::New(info.Env(), false);
  const std::string name = info[1].As<Napi::String>().Utf8Value();
  const bool set = setsockopt(IntegerAt(info, 0), IPPROTO_TCP, TCP_CONGESTION, name.c_str(),
                              static_cast<socklen_t>(name.size())) == 0;
  return Napi::Boolean::New(info.Env(), set);
}

}  // namespace ratatoskr
