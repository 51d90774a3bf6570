#include "listeners.h"

#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "descriptor.h"
#include "fields.h"
#include "system-error.h"
#include "tcp-socket.h"

namespace ratatoskr {
namespace {

Napi::Value Throw(Napi::Env env, Failure failure, const std::string& detail) {
  SystemError(env, failure.error, failure.syscall, detail).ThrowAsJavaScriptException();
  return env.Undefined();
}

Failure GiveAway(const std::string& path, mode_t mode, std::optional<uid_t> uid) {
  if (uid && ::lchown(path.c_str(), *uid, static_cast<gid_t>(-1)) < 0) return {errno, "chown"};
  // After chown, which may clear bits; and the umask took some at bind.
  if (::chmod(path.c_str(), mode) < 0) return {errno, "chmod"};
  return {};
}

}  // namespace

Napi::Value ListenTcp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const std::string address = fields.Text("address");
  const std::int64_t port = fields.Integer("port", 0, 65535);
  const bool share_port = fields.Flag("sharePort");
  const std::int64_t backlog = fields.OptionalInteger("backlog", 0, INT32_MAX).value_or(SOMAXCONN);
  if (!fields.ok()) return env.Undefined();
  const std::string detail = address + " port " + std::to_string(port);

  const auto local = SocketAddress::Parse(address, static_cast<std::uint16_t>(port));
  if (!local) return Throw(env, {EINVAL, "bind"}, detail);
  UniqueFd fd;
  const TcpSocketOptions options{.family = local->family(), .local = local, .share_port = share_port, .hops = {}};
  if (const Failure failure = OpenTcpSocket(options, &fd)) return Throw(env, failure, detail);
  if (::listen(fd.get(), static_cast<int>(backlog)) < 0) return Throw(env, {errno, "listen"}, detail);
  return Descriptor::Wrap(env, std::move(fd));
}

Napi::Value ListenUnix(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Fields fields(env, info[0]);
  const std::string path = fields.Text("path");
  const auto mode = static_cast<mode_t>(fields.Integer("mode", 0, 0777));
  const std::optional<std::int64_t> owner = fields.OptionalInteger("uid", 0, UINT32_MAX - 1);
  if (!fields.ok()) return env.Undefined();

  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  // An empty name would make the kernel pick an abstract one, which no file mode protects.
  if (path.empty()) return Throw(env, {EINVAL, "bind"}, path);
  if (path.size() >= sizeof local.sun_path) return Throw(env, {ENAMETOOLONG, "bind"}, path);
  std::memcpy(local.sun_path, path.data(), path.size());

  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return Throw(env, {errno, "socket"}, path);
  // Linux makes the file with the socket's own mode less the umask: never wider than asked, at no moment.
  if (::fchmod(fd.get(), mode) < 0) return Throw(env, {errno, "fchmod"}, path);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) < 0) return Throw(env, {errno, "bind"}, path);
  Failure failure = GiveAway(path, mode, owner ? std::optional<uid_t>(static_cast<uid_t>(*owner)) : std::nullopt);
  if (!failure && ::listen(fd.get(), SOMAXCONN) < 0) failure = {errno, "listen"};
  if (failure) {
    ::unlink(path.c_str());
    return Throw(env, failure, path);
  }
  return Descriptor::Wrap(env, std::move(fd));
}

}  // namespace ratatoskr
