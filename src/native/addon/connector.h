#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "connect-waiter.h"
#include "js-signal.h"

namespace ratatoskr {

// TCP connects of one JS environment. Keeps the event loop alive while any is pending, and only then.
class Connector {
 public:
  explicit Connector(Napi::Env env);

  // connect({address, port, localAddress?, localPort?, sharePort?, ttl?, timeoutMs}, settled): number
  // `settled(error, descriptor)` is called once, never before connect returns, and not at all after a cancel.
  Napi::Value Connect(const Napi::CallbackInfo& info);
  // cancel(id): the socket is closed when it returns; without effect when it has settled.
  void Cancel(const Napi::CallbackInfo& info);
  // The environment goes: ends the thread before the signal that it raises.
  void Stop();

 private:
  struct Pending {
    Napi::FunctionReference settled;
    std::string remote;
    const char* syscall;
  };

  void Deliver(Napi::Env env);

  void Forget(Napi::Env env, std::uint64_t id);

  JsSignal signal_;
  ConnectWaiter waiter_;
  std::unordered_map<std::uint64_t, Pending> pending_;
  std::uint64_t last_id_ = 0;
};

}  // namespace ratatoskr
