#pragma once

#include <napi.h>

namespace ratatoskr {

// Each takes the number of a socket that somebody else owns.

// peerCredentials(fd): {pid, uid, gid} | undefined; undefined for anything but a connected unix socket.
Napi::Value GetPeerCredentials(const Napi::CallbackInfo& info);
// tcpInfo(fd): TcpInfo | undefined; undefined for anything but a TCP socket.
Napi::Value GetTcpInfo(const Napi::CallbackInfo& info);
// setUserTimeout(fd, milliseconds): boolean
Napi::Value SetUserTimeout(const Napi::CallbackInfo& info);
// setMaxRetransmit(fd, milliseconds): boolean; false when the kernel does not have it.
Napi::Value SetMaxRetransmit(const Napi::CallbackInfo& info);
// setKeepAlive(fd, idle seconds, interval seconds, count): boolean
Napi::Value SetKeepAlive(const Napi::CallbackInfo& info);
// setNoDelay(fd): boolean
Napi::Value SetNoDelay(const Napi::CallbackInfo& info);
// setCongestion(fd, name): boolean; false when the kernel does not have it or does not allow it.
Napi::Value SetCongestion(const Napi::CallbackInfo& info);

}  // namespace ratatoskr
