#pragma once

#include <napi.h>

#include <cstdint>
#include <unordered_map>

#include "js-signal.h"
#include "tunnel-thread.h"

namespace ratatoskr {

// makeTunnelNamespace({listens, ipv6}, settled(error, tun, tcp)): in a thread of libuv's pool; the last two are Descriptors.
Napi::Value MakeNamespace(const Napi::CallbackInfo& info);

// duplicateUdp(address, port): a Descriptor of the UDP socket of this process that is bound there, whoever opened it.
Napi::Value DuplicateUdp(const Napi::CallbackInfo& info);

// The tunnels that one JS environment has. Keeps the event loop alive while there are any, and only then.
class Tunnels {
 public:
  explicit Tunnels(Napi::Env env);

  // openTunnel({udp, tun, tcp, listens, ownTag, peerTag}, events): id; owns the three descriptors from then on, whatever comes of it.
  // events: {connected(Descriptor), message(data, address, port), failed(error), closed()}
  Napi::Value Open(const Napi::CallbackInfo& info);
  // directTunnel(id, address, port)
  void Direct(const Napi::CallbackInfo& info);
  // sendBeside(id, datagram, address, port): a message of JS's own, by the tunnel's socket
  void Send(const Napi::CallbackInfo& info);
  // segmentsHeard(id): number
  Napi::Value Heard(const Napi::CallbackInfo& info);
  // closeTunnel(id): events.closed follows; without effect for one that is
  void Close(const Napi::CallbackInfo& info);
  // The environment goes: ends the thread before the signal that it raises.
  void Stop();

 private:
  struct Opened {
    Napi::ObjectReference events;
    UniqueFd udp;  // a duplicate
    Tunnel::Counter heard;
  };

  void Deliver(Napi::Env env);

  Opened* Find(const Napi::CallbackInfo& info, std::uint64_t* id);
  void Tell(Napi::Env env, std::uint64_t id, Tunnel::News news);
  static void Call(Napi::Env env, const Napi::Object& events, const char* name, std::initializer_list<napi_value> values);

  JsSignal signal_;
  TunnelThread thread_;
  std::unordered_map<std::uint64_t, Opened> opened_;
  std::uint64_t last_id_ = 0;
};

}  // namespace ratatoskr
