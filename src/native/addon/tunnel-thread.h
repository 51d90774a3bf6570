#pragma once

#include <pthread.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "tunnel.h"
#include "worker-thread.h"

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
  explicit TunnelThread(std::function<void()> notify) : notify_(std::move(notify)) {}
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

  static void* Main(void* self);
  void Run();
  void Post(Command command);
  // Of the thread.
  bool TakeCommands();
  void Obey(Command& command);
  void Watch(std::uint64_t id, Entry& entry);
  void Settle(Tunnels::iterator entry);
  void EndOverdue(std::uint64_t now);
  void Report(Outcome outcome);

  const std::function<void()> notify_;
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::vector<Outcome> outcomes_;
  std::size_t messages_ = 0;  // in the outcomes
  bool stopping_ = false;
  WakeableEpoll epoll_;
  // Of the thread alone.
  Tunnels tunnels_;
  std::size_t ending_ = 0;
  // Of the owner's thread alone.
  pthread_t thread_{};
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace ratatoskr
