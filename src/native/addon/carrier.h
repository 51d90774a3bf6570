#pragma once

#include <napi.h>

#include <cstdint>
#include <unordered_map>

#include "js-signal.h"
#include "pump.h"

namespace ratatoskr {

// The links that one JS environment has carried. Keeps the event loop alive while there are any, and only then.
class Carrier {
 public:
  explicit Carrier(Napi::Env env);

  // carry({path, router, hidden, ownKey, peerKey, fromPath, fromRouter}, over, closed): {id, counters}
  // Works on duplicates of the two descriptors, which JS must neither read nor write meanwhile.
  Napi::Value Carry(const Napi::CallbackInfo& info);
  // closeLink(id, lastWords): `closed` follows; without effect for a link that is.
  void CloseLink(const Napi::CallbackInfo& info);
  // The environment goes: ends the thread before the signal that it raises.
  void Stop();

 private:
  struct Watched {
    Napi::FunctionReference over;
    Napi::FunctionReference closed;
  };

  void Deliver(Napi::Env env);

  JsSignal signal_;
  Pump pump_;
  std::unordered_map<std::uint64_t, Watched> watched_;
  std::uint64_t last_id_ = 0;
};

}  // namespace ratatoskr
