#include "connector.h"

#include <cerrno>
#include <chrono>
#include <optional>

#include "descriptor.h"
#include "fields.h"
#include "system-error.h"
#include "tcp-socket.h"

namespace ratatoskr {
namespace {

std::string Describe(const std::string& address, std::int64_t port) {
  const std::string host = address.find(':') == std::string::npos ? address : "[" + address + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace

Connector::Connector(Napi::Env env)
    : signal_(env, "ratatoskr.connect", [this](Napi::Env js) { Deliver(js); }), waiter_([this] { signal_.Raise(); }) {}

void Connector::Stop() {
  waiter_.Stop();
  signal_.Stop();
}

Napi::Value Connector::Connect(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const std::string address = fields.Text("address");
  const auto port = static_cast<std::uint16_t>(fields.Integer("port", 1, 65535));
  const std::optional<std::string> local_address = fields.OptionalText("localAddress");
  const auto local_port = static_cast<std::uint16_t>(fields.OptionalInteger("localPort", 0, 65535).value_or(0));
  const bool share_port = fields.Flag("sharePort");
  const std::optional<std::int64_t> hops = fields.OptionalInteger("ttl", 1, 255);
  const std::int64_t timeout = fields.Integer("timeoutMs", 0, INT32_MAX);
  if (!fields.ok()) return env.Undefined();
  if (!info[1].IsFunction() || signal_.stopped()) {
    Napi::TypeError::New(env, "settled must be a function").ThrowAsJavaScriptException();
    return env.Undefined();
  }

  const std::uint64_t id = ++last_id_;
  Failure failure;
  UniqueFd fd;
  const auto remote = SocketAddress::Parse(address, port);
  if (!remote) {
    failure = {EINVAL, "connect"};
  } else {
    TcpSocketOptions options{.family = remote->family(), .local = {}, .share_port = share_port, .hops = {}};
    if (hops) options.hops = static_cast<int>(*hops);
    if (local_address) {
      options.local = SocketAddress::Parse(*local_address, local_port);
      if (!options.local) failure = {EINVAL, "bind"};
    } else if (local_port != 0 || share_port) {
      // A port that connect() picks can never be shared afterwards; one that bind() picks can.
      options.local = SocketAddress::Any(options.family, local_port);
    }
    if (!failure) failure = OpenTcpSocket(options, &fd);
    if (!failure && ::connect(fd.get(), remote->data(), remote->size()) < 0) failure = {errno, "connect"};
  }

  const char* syscall = failure ? failure.syscall : "connect";
  pending_.emplace(id, Pending{Napi::Persistent(info[1].As<Napi::Function>()), Describe(address, port), syscall});
  signal_.Expect(env, true);
  if (failure.error == EINPROGRESS || failure.error == EINTR) {
    waiter_.Add(id, std::move(fd), ConnectWaiter::Clock::now() + std::chrono::milliseconds(timeout));
  } else {
    if (failure) fd.reset();
    waiter_.Settle({id, failure.error, std::move(fd)});
  }
  return Napi::Number::New(env, static_cast<double>(id));
}

void Connector::Cancel(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return;
  const auto id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
  if (!pending_.contains(id)) return;
  waiter_.Cancel(id);
  Forget(info.Env(), id);
}

void Connector::Forget(Napi::Env env, std::uint64_t id) {
  pending_.erase(id);
  signal_.Expect(env, !pending_.empty());
}

void Connector::Deliver(Napi::Env env) {
  for (ConnectWaiter::Outcome& outcome : waiter_.Take()) {
    const auto entry = pending_.find(outcome.id);
    if (entry == pending_.end()) continue;  // cancelled by a callback of this very batch
    const Napi::HandleScope scope(env);
    const Pending pending = std::move(entry->second);
    Forget(env, outcome.id);
    if (outcome.error == 0) {
      pending.settled.Call({env.Null(), Descriptor::Wrap(env, std::move(outcome.fd))});
    } else {
      pending.settled.Call({SystemError(env, outcome.error, pending.syscall, pending.remote).Value()});
    }
    // One callback that throws must not keep the others of the batch from being called.
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace ratatoskr
