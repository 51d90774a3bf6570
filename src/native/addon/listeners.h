#pragma once

#include <napi.h>

namespace ratatoskr {

// listenTcp({address, port, sharePort?, backlog?}): Descriptor
Napi::Value ListenTcp(const Napi::CallbackInfo& info);

// listenUnix({path, mode, uid?}): Descriptor
// Nobody can connect before mode and owner are set: until listen() every connect is refused. A file that was made is
// removed again when a later step fails.
Napi::Value ListenUnix(const Napi::CallbackInfo& info);

}  // namespace ratatoskr
