#pragma once

#include <napi.h>

#include <string>

namespace ratatoskr {

// An Error as Node makes them: message "connect ECONNREFUSED 127.0.0.1:80", with `errno` (negative), `code` and `syscall`.
Napi::Error SystemError(Napi::Env env, int error, const char* syscall, const std::string& detail = {});

}  // namespace ratatoskr
