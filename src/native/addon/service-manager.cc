#include "service-manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "fields.h"
#include "system-error.h"
#include "unique-fd.h"

namespace ratatoskr {

Napi::Value Notify(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const std::string name = fields.Text("socket");
  const std::string state = fields.Text("state");
  if (!fields.ok()) return env.Undefined();
  const auto fail = [&](int error, const char* syscall) {
    SystemError(env, error, syscall, name).ThrowAsJavaScriptException();
    return env.Undefined();
  };

  sockaddr_un manager{};
  manager.sun_family = AF_UNIX;
  if (name.empty()) return fail(EINVAL, "sendto");
  if (name.size() >= sizeof manager.sun_path) return fail(ENAMETOOLONG, "sendto");
  std::memcpy(manager.sun_path, name.data(), name.size());
  // An abstract name begins with a zero byte and has no end but its length.
  if (name.front() == '@') manager.sun_path[0] = '\0';
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name.front() == '@' ? 0 : 1));

  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(errno, "socket");
  const auto* address = reinterpret_cast<const sockaddr*>(&manager);
  if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, address, length) < 0) return fail(errno, "sendto");
  return env.Undefined();
}

}  // namespace ratatoskr
