#include "js-signal.h"

#include <utility>

namespace ratatoskr {

JsSignal::JsSignal(Napi::Env env, const char* name, std::function<void(Napi::Env)> deliver)
    : deliver_(std::move(deliver)),
      // No limit on its queue, so a call never blocks: whoever raises it must go on, and be able to end, while JS is busy.
      function_(decltype(function_)::New(env, name, 0, 1, this)) {
  function_.Unref(env);
}

void JsSignal::Expect(Napi::Env env, bool anything) {
  if (anything) {
    function_.Ref(env);
  } else {
    function_.Unref(env);
  }
}

void JsSignal::Stop() {
  if (!std::exchange(stopped_, true)) function_.Release();
}

void JsSignal::Call(Napi::Env env, Napi::Function, JsSignal* self, void*) {
  // Without an environment this is teardown emptying the queue, and `self` may be gone.
  if (static_cast<napi_env>(env) != nullptr) self->deliver_(env);
}

}  // namespace ratatoskr
