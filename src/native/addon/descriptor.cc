#include "descriptor.h"

#include <cerrno>

#include "instance.h"
#include "system-error.h"

namespace ratatoskr {

Napi::Function Descriptor::Define(Napi::Env env) {
  return DefineClass(env, "Descriptor",
                     {InstanceMethod<&Descriptor::Take>("take"), InstanceMethod<&Descriptor::Close>("close")});
}

Napi::Object Descriptor::Wrap(Napi::Env env, UniqueFd fd) {
  const Napi::Object object = env.GetInstanceData<Instance>()->descriptor.New({});
  if (!object.IsEmpty()) Unwrap(object)->fd_ = std::move(fd);
  return object;
}

Descriptor::Descriptor(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Descriptor>(info) {}

Napi::Value Descriptor::Take(const Napi::CallbackInfo& info) {
  if (fd_) return Napi::Number::New(info.Env(), fd_.release());
  SystemError(info.Env(), EBADF, "take").ThrowAsJavaScriptException();
  return info.Env().Undefined();
}

void Descriptor::Close(const Napi::CallbackInfo&) { fd_.reset(); }

}  // namespace ratatoskr
