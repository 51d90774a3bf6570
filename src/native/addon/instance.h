#pragma once

#include <napi.h>

#include "carrier.h"
#include "connector.h"
#include "tunnels.h"

namespace ratatoskr {

// Everything the addon keeps, once for each JS environment (the main one and each worker thread). There is no other state.
struct Instance {
  explicit Instance(Napi::Env env);

  Napi::FunctionReference descriptor;  // the Descriptor class
  Connector connector;
  Carrier carrier;
  Tunnels tunnels;
};

}  // namespace ratatoskr
