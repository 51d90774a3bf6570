#pragma once

#include <napi.h>

#include <cstdint>
#include <unordered_map>

#include "pump.h"

namespace ratatoskr {

// The links that one JS environment has carried. Keeps the event loop alive while there are any, and only then.
class Carrier {
 public:
  explicit Carrier(Napi::Env env);
  ~Carrier();

  // carry({path, router, hidden, ownKey, peerKey, fromPath, fromRouter}, over, closed): {id, counters}
  // Works on duplicates of the two descriptors, which JS must neither read nor write meanwhile.
  Napi::Value Carry(const Napi::CallbackInfo& info);
  // closeLink(id, lastWords): `closed` follows; without effect for a link that is.
  void CloseLink(const Napi::CallbackInfo& info);
  // The environment goes: ends the thread before the thread-safe function does.
  void Stop();

 private:
  struct Watched {
    Napi::FunctionReference over;
    Napi::FunctionReference closed;
  };

  static void Deliver(Napi::Env env, Napi::Function, Carrier* self, void*);
  using Signal = Napi::TypedThreadSafeFunction<Carrier, void, &Carrier::Deliver>;

  Signal signal_;
  Pump pump_;
  std::unordered_map<std::uint64_t, Watched> watched_;
  std::uint64_t last_id_ = 0;
  bool stopped_ = false;
};

}  // namespace ratatoskr
