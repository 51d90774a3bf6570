#include "tunnels.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "descriptor.h"
#include "fields.h"
#include "system-error.h"

namespace ratatoskr {
namespace {

class NamespaceWorker final : public Napi::AsyncWorker {
 public:
  NamespaceWorker(const Napi::Function& settled, bool listens, bool ipv6)
      : Napi::AsyncWorker(settled, "ratatoskr.makeTunnelNamespace"), listens_(listens), ipv6_(ipv6) {}

  void Execute() override { failure_ = MakeTunnelNamespace(listens_, ipv6_, &made_); }
  void OnOK() override {
    const Napi::HandleScope scope(Env());
    if (failure_) {
      Callback().Call({SystemError(Env(), failure_.error, failure_.syscall).Value()});
    } else {
      Callback().Call({Env().Null(), Descriptor::Wrap(Env(), std::move(made_.tun)), Descriptor::Wrap(Env(), std::move(made_.tcp))});
    }
  }

 private:
  const bool listens_;
  const bool ipv6_;
  Failure failure_;
  TunnelNamespace made_;
};

bool IsUdpAt(int fd, const SocketAddress& local) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_DGRAM) return false;
  sockaddr_storage bound{};
  size = sizeof bound;
  return getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size) == 0 && SocketAddress(bound) == local;
}

// Nothing, and errno, where there is none.
UniqueFd FindUdp(const SocketAddress& local) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), &closedir);
  if (!folder) return {};
  while (const dirent* const entry = readdir(folder.get())) {
    int fd = -1;
    std::from_chars(entry->d_name, entry->d_name + std::strlen(entry->d_name), fd);
    if (fd >= 0 && IsUdpAt(fd, local)) return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
  }
  errno = EBADF;
  return {};
}

Tag TagOf(const std::vector<std::uint8_t>& bytes) {
  Tag tag{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), tag.size()), tag.begin());
  return tag;
}

// Of two arguments, from the one of that number on.
std::optional<SocketAddress> AddressOf(const Napi::CallbackInfo& info, std::size_t at) {
  if (!info[at].IsString() || !info[at + 1].IsNumber()) return std::nullopt;
  const auto port = info[at + 1].As<Napi::Number>().Uint32Value();
  if (port == 0 || port > 65535) return std::nullopt;
  return SocketAddress::Parse(info[at].As<Napi::String>().Utf8Value(), static_cast<std::uint16_t>(port));
}

}  // namespace

Napi::Value MakeNamespace(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const bool listens = fields.Flag("listens");
  const bool ipv6 = fields.Flag("ipv6");
  if (!fields.ok()) return env.Undefined();
  if (!info[1].IsFunction()) {
    Napi::TypeError::New(env, "settled must be a function").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  (new NamespaceWorker(info[1].As<Napi::Function>(), listens, ipv6))->Queue();
  return env.Undefined();
}

Napi::Value DuplicateUdp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::optional<SocketAddress> local = AddressOf(info, 0);
  if (!local) {
    SystemError(env, EINVAL, "dup").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  UniqueFd fd = FindUdp(*local);
  if (fd) return Descriptor::Wrap(env, std::move(fd));
  SystemError(env, errno, "dup").ThrowAsJavaScriptException();
  return env.Undefined();
}

Tunnels::Tunnels(Napi::Env env)
    : signal_(env, "ratatoskr.tunnels", [this](Napi::Env js) { Deliver(js); }), thread_([this] { signal_.Raise(); }) {}

void Tunnels::Stop() {
  thread_.Stop();
  signal_.Stop();
}

Napi::Value Tunnels::Open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  UniqueFd udp(static_cast<int>(fields.OptionalInteger("udp", 0, INT_MAX).value_or(-1)));
  UniqueFd tun(static_cast<int>(fields.OptionalInteger("tun", 0, INT_MAX).value_or(-1)));
  UniqueFd tcp(static_cast<int>(fields.OptionalInteger("tcp", 0, INT_MAX).value_or(-1)));
  const bool listens = fields.Flag("listens");
  const Tunnel::Tags tags{TagOf(fields.Bytes("ownTag", kTagBytes)), TagOf(fields.Bytes("peerTag", kTagBytes))};
  if (!fields.ok()) return env.Undefined();
  if (!info[1].IsObject() || !udp || !tun || !tcp) {
    Napi::TypeError::New(env, "three descriptors and events are needed").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  UniqueFd beside(fcntl(udp.get(), F_DUPFD_CLOEXEC, 3));
  const auto heard = std::make_shared<std::atomic<std::uint64_t>>(0);
  const std::uint64_t id = last_id_ + 1;
  int error = beside ? 0 : errno;
  if (error == 0) {
    error = thread_.Add(id, std::make_unique<Tunnel>(std::move(udp), TunnelNamespace{std::move(tun), std::move(tcp)}, listens,
                                                     tags, heard));
  }
  if (error != 0) {
    SystemError(env, error, "tunnel").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  last_id_ = id;
  opened_.emplace(id, Opened{Napi::Persistent(info[1].As<Napi::Object>()), std::move(beside), heard});
  signal_.Expect(env, true);
  return Napi::Number::New(env, static_cast<double>(id));
}

void Tunnels::Direct(const Napi::CallbackInfo& info) {
  std::uint64_t id;
  const std::optional<SocketAddress> remote = AddressOf(info, 1);
  if (Find(info, &id) && remote) thread_.Direct(id, *remote);
}

void Tunnels::Send(const Napi::CallbackInfo& info) {
  std::uint64_t id;
  const Opened* const tunnel = Find(info, &id);
  const std::optional<SocketAddress> to = AddressOf(info, 2);
  if (!tunnel || !to || !info[1].IsTypedArray() || info[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return;
  const auto data = info[1].As<Napi::Uint8Array>();
  // What the system refuses is lost, like any other datagram.
  sendto(tunnel->udp.get(), data.Data(), data.ElementLength(), MSG_DONTWAIT | MSG_NOSIGNAL, to->data(), to->size());
}

Napi::Value Tunnels::Heard(const Napi::CallbackInfo& info) {
  std::uint64_t id;
  const Opened* const tunnel = Find(info, &id);
  return Napi::Number::New(info.Env(), tunnel ? static_cast<double>(tunnel->heard->load(std::memory_order_relaxed)) : 0);
}

void Tunnels::Close(const Napi::CallbackInfo& info) {
  std::uint64_t id;
  if (Find(info, &id)) thread_.Close(id);
}

Tunnels::Opened* Tunnels::Find(const Napi::CallbackInfo& info, std::uint64_t* id) {
  if (!info[0].IsNumber()) return nullptr;
  *id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
  const auto entry = opened_.find(*id);
  return entry == opened_.end() ? nullptr : &entry->second;
}

void Tunnels::Deliver(Napi::Env env) {
  for (TunnelThread::Outcome& outcome : thread_.Take()) {
    const Napi::HandleScope scope(env);
    if (!outcome.closed) {
      Tell(env, outcome.id, std::move(outcome.news));
      continue;
    }
    const auto entry = opened_.find(outcome.id);
    if (entry == opened_.end()) continue;
    // It may still send a last message.
    Call(env, entry->second.events.Value(), "closed", {});
    opened_.erase(outcome.id);
    signal_.Expect(env, !opened_.empty());
  }
}

void Tunnels::Tell(Napi::Env env, std::uint64_t id, Tunnel::News news) {
  const auto entry = opened_.find(id);
  if (entry == opened_.end()) return;
  const Napi::Object events = entry->second.events.Value();
  for (const Tunnel::Message& message : news.messages) {
    const auto data = Napi::Buffer<std::uint8_t>::Copy(env, message.data.data(), message.data.size());
    Call(env, events, "message",
         {data, Napi::String::New(env, message.from.address()), Napi::Number::New(env, message.from.port())});
  }
  if (news.connection) Call(env, events, "connected", {Descriptor::Wrap(env, std::move(news.connection))});
  if (news.error != 0) Call(env, events, "failed", {SystemError(env, news.error, "tunnel").Value()});
}

void Tunnels::Call(Napi::Env env, const Napi::Object& events, const char* name, std::initializer_list<napi_value> values) {
  events.Get(name).As<Napi::Function>().Call(events, values);
  // One callback that throws must not keep the others from being called.
  if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

}  // namespace ratatoskr
