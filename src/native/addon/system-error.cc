#include "system-error.h"

#include <cerrno>

namespace ratatoskr {
namespace {

// glibc's strerrorname_np is missing in musl and in glibc before 2.32.
std::string NameOf(int error) {
#define NAME(symbol) \
  case symbol:       \
    return #symbol;
  switch (error) {
    NAME(EACCES)
    NAME(EADDRINUSE)
    NAME(EADDRNOTAVAIL)
    NAME(EAFNOSUPPORT)
    NAME(EAGAIN)
    NAME(EALREADY)
    NAME(EBADF)
    NAME(ECONNABORTED)
    NAME(ECONNREFUSED)
    NAME(ECONNRESET)
    NAME(EEXIST)
    NAME(EHOSTDOWN)
    NAME(EHOSTUNREACH)
    NAME(EINTR)
    NAME(EINVAL)
    NAME(EIO)
    NAME(EISCONN)
    NAME(ELOOP)
    NAME(EMFILE)
    NAME(ENAMETOOLONG)
    NAME(ENETDOWN)
    NAME(ENETRESET)
    NAME(ENETUNREACH)
    NAME(ENFILE)
    NAME(ENOBUFS)
    NAME(ENODEV)
    NAME(ENOENT)
    NAME(ENOMEM)
    NAME(ENOPROTOOPT)
    NAME(ENOSPC)
    NAME(ENOTCONN)
    NAME(ENOTDIR)
    NAME(ENOTSOCK)
    NAME(ENOTSUP)
    NAME(EPERM)
    NAME(EPIPE)
    NAME(EPROTO)
    NAME(EPROTONOSUPPORT)
    NAME(EROFS)
    NAME(ETIMEDOUT)
    default:
      return "E" + std::to_string(error);
  }
#undef NAME
}

}  // namespace

Napi::Error SystemError(Napi::Env env, int error, const char* syscall, const std::string& detail) {
  const std::string code = NameOf(error);
  std::string message = std::string(syscall) + " " + code;
  if (!detail.empty()) message += " " + detail;
  Napi::Error result = Napi::Error::New(env, message);
  result.Set("errno", Napi::Number::New(env, -error));
  result.Set("code", Napi::String::New(env, code));
  result.Set("syscall", Napi::String::New(env, syscall));
  return result;
}

}  // namespace ratatoskr
