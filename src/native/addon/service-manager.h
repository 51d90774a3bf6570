#pragma once

#include <napi.h>

namespace ratatoskr {

// notify({socket, state}): one datagram to a unix socket, as sd_notify(3) sends it; a name that begins with @ is an abstract one.
Napi::Value Notify(const Napi::CallbackInfo& info);

}  // namespace ratatoskr
