#pragma once

#include <napi.h>

#include "unique-fd.h"

namespace ratatoskr {

// A file descriptor on its way to JS. Nobody can lose it: unless take() hands it over, close() or the garbage collector
// closes it.
class Descriptor : public Napi::ObjectWrap<Descriptor> {
 public:
  static Napi::Function Define(Napi::Env env);
  static Napi::Object Wrap(Napi::Env env, UniqueFd fd);

  explicit Descriptor(const Napi::CallbackInfo& info);

 private:
  // take(): number; the caller owns it from then on. Throws EBADF when it is gone.
  Napi::Value Take(const Napi::CallbackInfo& info);
  // close(): idempotent.
  void Close(const Napi::CallbackInfo& info);

  UniqueFd fd_;
};

}  // namespace ratatoskr
