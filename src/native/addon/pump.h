#pragma once

#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "commanded-thread.h"
#include "link.h"

namespace ratatoskr {

// Carries links, all of them on one thread of its own that begins with the first. Add, Close, Take and Stop are for the
// owner's thread. Knows nothing of JS.
class Pump {
 public:
  struct Outcome {
    std::uint64_t id;
    bool closed;  // else it is over, and waits for Close
    Link::Cause cause;
    int error;
    std::vector<std::uint8_t> words;
  };

  // `notify` is called from the pump's thread when outcomes appear where there were none.
  explicit Pump(std::function<void()> notify) : thread_("pump", [this] { Run(); }, std::move(notify)) {}
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() { Stop(); }

  // Returns 0 or an errno. Each link has one outcome that it is over, unless it is closed before, and one that it is closed.
  int Add(std::uint64_t id, Link::Options options);
  // Ends a link after these last words, and closes its descriptors.
  void Close(std::uint64_t id, std::vector<std::uint8_t> last_words);
  // All outcomes since the last call, in order.
  std::vector<Outcome> Take();
  // Ends the thread and closes everything. Idempotent, and final.
  void Stop();

 private:
  struct Command {
    std::uint64_t id;
    std::unique_ptr<Link> link;  // to add; else one to close
    std::vector<std::uint8_t> last_words;
  };
  struct Entry {
    std::unique_ptr<Link> link;
    std::uint64_t due = Link::kNever;  // in the list of those that have work from then on
    std::uint64_t tick_at = Link::kNever;
    std::array<bool, 2> heeds_room{};  // what epoll tells of, for each side
    bool reported = false;
  };
  using Links = std::unordered_map<std::uint64_t, Entry>;

  // Of the pump's thread.
  void Run();
  int Wait(std::span<epoll_event> events);
  bool TakeCommands();
  void HeedRoom(std::uint64_t id, Entry& entry, Link::Side side);
  void AddLink(std::uint64_t id, std::unique_ptr<Link> link);
  void WorkOn(std::uint64_t id, Link::Scratch& scratch, std::uint64_t now);
  void Settle(Links::iterator entry);
  void ScheduleTick(Entry& entry);
  void Schedule(std::uint64_t id, Entry& entry, std::uint64_t due);
  void Tick(std::uint64_t now);

  CommandedThread<Command, Outcome> thread_;
  // Of the pump's thread alone.
  Links links_;
  std::vector<std::uint64_t> busy_;
  std::uint64_t due_at_ = Link::kNever;  // the first of the busy
  std::uint64_t tick_at_ = Link::kNever;  // no link's is earlier
};

}  // namespace ratatoskr
