#pragma once

#include <napi.h>

#include <functional>

namespace ratatoskr {

// Has its owner called on the thread of JS after any thread has raised it. Keeps the event loop alive while something is expected, and only
// then. All but Raise is for the thread of JS.
class JsSignal {
 public:
  JsSignal(Napi::Env env, const char* name, std::function<void(Napi::Env)> deliver);
  JsSignal(const JsSignal&) = delete;
  JsSignal& operator=(const JsSignal&) = delete;
  ~JsSignal() { Stop(); }

  void Raise() { function_.NonBlockingCall(); }
  void Expect(Napi::Env env, bool anything);
  // When nobody raises it any more. Idempotent, and final.
  void Stop();
  bool stopped() const { return stopped_; }

 private:
  static void Call(Napi::Env env, Napi::Function, JsSignal* self, void*);

  const std::function<void(Napi::Env)> deliver_;
  Napi::TypedThreadSafeFunction<JsSignal, void, &JsSignal::Call> function_;
  bool stopped_ = false;
};

}  // namespace ratatoskr
