#include <napi.h>

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "descriptor.h"
#include "instance.h"
#include "listeners.h"
#include "service-manager.h"
#include "socket-options.h"

namespace ratatoskr {

Instance::Instance(Napi::Env env) : descriptor(Napi::Persistent(Descriptor::Define(env))), connector(env), carrier(env), tunnels(env) {}

namespace {

// Raised with every change of what is exported; addon.ts refuses another one.
constexpr int kInterfaceVersion = 6;

Napi::Value Connect(const Napi::CallbackInfo& info) { return info.Env().GetInstanceData<Instance>()->connector.Connect(info); }

void Cancel(const Napi::CallbackInfo& info) { info.Env().GetInstanceData<Instance>()->connector.Cancel(info); }

Napi::Value Carry(const Napi::CallbackInfo& info) { return info.Env().GetInstanceData<Instance>()->carrier.Carry(info); }

void CloseLink(const Napi::CallbackInfo& info) { info.Env().GetInstanceData<Instance>()->carrier.CloseLink(info); }

Napi::Value OpenTunnel(const Napi::CallbackInfo& info) { return info.Env().GetInstanceData<Instance>()->tunnels.Open(info); }

void DirectTunnel(const Napi::CallbackInfo& info) { info.Env().GetInstanceData<Instance>()->tunnels.Direct(info); }

void SendBeside(const Napi::CallbackInfo& info) { info.Env().GetInstanceData<Instance>()->tunnels.Send(info); }

Napi::Value SegmentsHeard(const Napi::CallbackInfo& info) { return info.Env().GetInstanceData<Instance>()->tunnels.Heard(info); }

void CloseTunnel(const Napi::CallbackInfo& info) { info.Env().GetInstanceData<Instance>()->tunnels.Close(info); }

// Node joins the threads of its pool first, and one may be in the system's resolver for half a minute.
void ExitNow(const Napi::CallbackInfo& info) { std::_Exit(info[0].ToNumber().Int32Value()); }

// Freed memory stays with the process otherwise wherever something small was kept behind it. Only glibc needs to be asked.
void TrimMemory(const Napi::CallbackInfo&) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* instance = new Instance(env);
  env.SetInstanceData(instance);
  // Hooks run last in, first out: after the thread-safe function's own in the constructor above, so before it.
  env.AddCleanupHook([](Instance* own) {
    own->connector.Stop();
    own->carrier.Stop();
    own->tunnels.Stop();
  }, instance);

  exports.Set("interfaceVersion", kInterfaceVersion);
  exports.Set("connect", Napi::Function::New<Connect>(env, "connect"));
  exports.Set("cancel", Napi::Function::New<Cancel>(env, "cancel"));
  exports.Set("carry", Napi::Function::New<Carry>(env, "carry"));
  exports.Set("closeLink", Napi::Function::New<CloseLink>(env, "closeLink"));
  exports.Set("makeTunnelNamespace", Napi::Function::New<MakeNamespace>(env, "makeTunnelNamespace"));
  exports.Set("duplicateUdp", Napi::Function::New<DuplicateUdp>(env, "duplicateUdp"));
  exports.Set("openTunnel", Napi::Function::New<OpenTunnel>(env, "openTunnel"));
  exports.Set("directTunnel", Napi::Function::New<DirectTunnel>(env, "directTunnel"));
  exports.Set("sendBeside", Napi::Function::New<SendBeside>(env, "sendBeside"));
  exports.Set("segmentsHeard", Napi::Function::New<SegmentsHeard>(env, "segmentsHeard"));
  exports.Set("closeTunnel", Napi::Function::New<CloseTunnel>(env, "closeTunnel"));
  exports.Set("listenTcp", Napi::Function::New<ListenTcp>(env, "listenTcp"));
  exports.Set("listenUnix", Napi::Function::New<ListenUnix>(env, "listenUnix"));
  exports.Set("peerCredentials", Napi::Function::New<GetPeerCredentials>(env, "peerCredentials"));
  exports.Set("tcpInfo", Napi::Function::New<GetTcpInfo>(env, "tcpInfo"));
  exports.Set("setUserTimeout", Napi::Function::New<SetUserTimeout>(env, "setUserTimeout"));
  exports.Set("setMaxRetransmit", Napi::Function::New<SetMaxRetransmit>(env, "setMaxRetransmit"));
  exports.Set("setKeepAlive", Napi::Function::New<SetKeepAlive>(env, "setKeepAlive"));
  exports.Set("setNoDelay", Napi::Function::New<SetNoDelay>(env, "setNoDelay"));
  exports.Set("setCongestion", Napi::Function::New<SetCongestion>(env, "setCongestion"));
  exports.Set("notify", Napi::Function::New<Notify>(env, "notify"));
  exports.Set("trimMemory", Napi::Function::New<TrimMemory>(env, "trimMemory"));
  exports.Set("exitNow", Napi::Function::New<ExitNow>(env, "exitNow"));
  return exports;
}

}  // namespace

NODE_API_MODULE(ratatoskr, Init)

}  // namespace ratatoskr
