#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "commanded-thread.h"
#include "tunnel.h"

namespace ratatoskr {

// Carries tunnels, all of them on one thread of its own that begins with the first. Its public methods are for the owner's thread. Knows
// nothing of JS.
class TunnelThread {
 public:
  struct Outcome {
    std::uint64_t id;
    bool closed;  // else there is news
    Tunnel::News news;
  };

  // `notify` is called from the thread when outcomes appear where there were none.
  explicit TunnelThread(std::function<void()> notify) : thread_("tunnels", [this] { Run(); }, std::move(notify)) {}
  TunnelThread(const TunnelThread&) = delete;
  TunnelThread& operator=(const TunnelThread&) = delete;
  ~TunnelThread() { Stop(); }

  // Returns 0 or an errno. `id` is not 0.
  int Add(std::uint64_t id, std::unique_ptr<Tunnel> tunnel);
  void Direct(std::uint64_t id, const SocketAddress& remote);
  // Ends the connection, and a moment later everything of it.
  void Close(std::uint64_t id);
  // All outcomes since the last call, in order.
  std::vector<Outcome> Take();
  // Ends the thread and closes everything. Idempotent, and final.
  void Stop();

 private:
  struct Command {
    enum class Kind : std::uint8_t { kAdd, kDirect, kClose } kind;
    std::uint64_t id;
    std::unique_ptr<Tunnel> tunnel;
    SocketAddress remote;
  };
  struct Entry {
    std::unique_ptr<Tunnel> tunnel;
    std::array<std::uint32_t, Tunnel::kSources> watched{};  // what epoll waits for
    std::uint64_t ends_at = 0;                              // on the clock of the thread; 0 is not yet
  };
  using Tunnels = std::unordered_map<std::uint64_t, Entry>;

  // Of the thread.
  void Run();
  bool TakeCommands();
  void Obey(Command& command);
  void Watch(std::uint64_t id, Entry& entry);
  void Settle(Tunnels::iterator entry);
  void EndOverdue(std::uint64_t now);
  void Report(Outcome outcome);

  CommandedThread<Command, Outcome> thread_;
  std::atomic<std::size_t> messages_ = 0;  // in the outcomes that are not taken
  // Of the thread alone.
  Tunnels tunnels_;
  std::size_t ending_ = 0;
};

}  // namespace ratatoskr
