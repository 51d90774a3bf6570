#include "carrier.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

#include "fields.h"
#include "system-error.h"

namespace ratatoskr {
namespace {

// A duplicate of a stream socket, or nothing and errno.
UniqueFd Duplicate(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0) return {};
  if (type != SOCK_STREAM) {
    errno = EPROTOTYPE;
    return {};
  }
  return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

RouterKey KeyOf(const std::vector<std::uint8_t>& bytes) {
  RouterKey key{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), key.size()), key.begin());
  return key;
}

// Memory that lives as long as either of the two who use it.
Napi::Value Share(Napi::Env env, std::shared_ptr<LinkCounters> counters) {
  LinkCounters* const memory = counters.get();
  auto* const share = new std::shared_ptr<LinkCounters>(std::move(counters));
  return Napi::ArrayBuffer::New(
      env, memory, sizeof *memory, [](Napi::Env, void*, std::shared_ptr<LinkCounters>* own) { delete own; }, share);
}

}  // namespace

Carrier::Carrier(Napi::Env env)
    : signal_(env, "ratatoskr.carry", [this](Napi::Env js) { Deliver(js); }), pump_([this] { signal_.Raise(); }) {}

void Carrier::Stop() {
  pump_.Stop();
  signal_.Stop();
}

Napi::Value Carrier::Carry(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const auto path = static_cast<int>(fields.Integer("path", 0, INT_MAX));
  const auto router = static_cast<int>(fields.Integer("router", 0, INT_MAX));
  Link::Options options{};
  options.hidden = fields.Flag("hidden");
  options.keep_back = static_cast<std::uint64_t>(fields.OptionalInteger("keepBackMs", 0, 1000).value_or(0)) * 1000;
  options.own_key = KeyOf(fields.Bytes("ownKey", options.own_key.size()));
  options.peer_key = KeyOf(fields.Bytes("peerKey", options.peer_key.size()));
  options.from_path = fields.Bytes("fromPath");
  options.from_router = fields.Bytes("fromRouter");
  if (!fields.ok()) return env.Undefined();
  if (!info[1].IsFunction() || !info[2].IsFunction()) {
    Napi::TypeError::New(env, "over and closed must be functions").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  options.path = Duplicate(path);
  if (options.path) options.router = Duplicate(router);
  if (!options.path || !options.router) {
    SystemError(env, errno, "dup").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto counters = std::make_shared<LinkCounters>();
  options.counters = counters;
  const std::uint64_t id = ++last_id_;
  if (const int error = pump_.Add(id, std::move(options))) {
    SystemError(env, error, "pump").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  watched_.emplace(id, Watched{Napi::Persistent(info[1].As<Napi::Function>()), Napi::Persistent(info[2].As<Napi::Function>())});
  signal_.Expect(env, true);
  Napi::Object result = Napi::Object::New(env);
  result.Set("id", static_cast<double>(id));
  result.Set("counters", Share(env, counters));
  return result;
}

void Carrier::CloseLink(const Napi::CallbackInfo& info) {
  if (!info[0].IsNumber()) return;
  const auto id = static_cast<std::uint64_t>(info[0].As<Napi::Number>().Int64Value());
  std::vector<std::uint8_t> last_words;
  if (info[1].IsTypedArray() && info[1].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    last_words.assign(bytes.Data(), bytes.Data() + bytes.ElementLength());
  }
  if (watched_.contains(id)) pump_.Close(id, std::move(last_words));
}

void Carrier::Deliver(Napi::Env env) {
  for (Pump::Outcome& outcome : pump_.Take()) {
    const auto entry = watched_.find(outcome.id);
    if (entry == watched_.end()) continue;
    const Napi::HandleScope scope(env);
    if (outcome.closed) {
      const Watched watched = std::move(entry->second);
      watched_.erase(entry);
      signal_.Expect(env, !watched_.empty());
      watched.closed.Call({});
    } else {
      const auto words = Napi::Buffer<std::uint8_t>::Copy(env, outcome.words.data(), outcome.words.size());
      const Napi::Value error =
          outcome.error == 0 ? env.Undefined() : static_cast<Napi::Value>(SystemError(env, outcome.error, "carry").Value());
      entry->second.over.Call({Napi::Number::New(env, static_cast<double>(outcome.cause)), error, words});
    }
    // One callback that throws must not keep the others of the batch from being called.
    if (env.IsExceptionPending()) napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

}  // namespace ratatoskr
