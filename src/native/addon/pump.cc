#include "pump.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "steady-now.h"
#include "turn-policy.h"

namespace ratatoskr {
namespace {

// By how much a tick may be late before the thread counts as held up, in microseconds.
constexpr std::uint64_t kLate = 250'000;
constexpr std::uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLET;

std::uint64_t TokenOf(std::uint64_t id, Link::Side side) { return id << 1 | static_cast<std::uint64_t>(side); }

}  // namespace

int Pump::Add(std::uint64_t id, Link::Options options) {
  if (const int error = thread_.Start()) return error;
  thread_.Post({id, std::make_unique<Link>(std::move(options), SteadyNow()), {}});
  return 0;
}

void Pump::Close(std::uint64_t id, std::vector<std::uint8_t> last_words) { thread_.Post({id, nullptr, std::move(last_words)}); }

std::vector<Pump::Outcome> Pump::Take() { return thread_.Take(); }

void Pump::Stop() {
  thread_.Stop();
  links_.clear();
}

void Pump::Run() {
  std::array<epoll_event, 256> events;
  Link::Scratch scratch;
  TurnPolicy turns;
  for (;;) {
    const int count = Wait(events);
    for (int i = 0; i < count; i++) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.u64 == WakeableEpoll::kWakeToken) {
        if (!TakeCommands()) return;
      } else if (const auto entry = links_.find(event.data.u64 >> 1); entry != links_.end()) {
        entry->second.link->Notice(static_cast<Link::Side>(event.data.u64 & 1), event.events);
        Schedule(entry->first, entry->second, 0);
      }
    }
    if (!busy_.empty()) {
      const std::uint64_t now = SteadyNow();
      due_at_ = Link::kNever;
      for (const std::uint64_t id : std::exchange(busy_, {})) WorkOn(id, scratch, now);
    }
    const std::uint64_t now = SteadyNow();
    if (now >= tick_at_) Tick(now);
    turns.Heed(scratch.read, now);
  }
}

// Until something happens, or the first of the links is due.
int Pump::Wait(std::span<epoll_event> events) {
  int timeout = -1;
  const std::uint64_t until = std::min(tick_at_, due_at_);
  if (!links_.empty() && until != Link::kNever) {
    const std::uint64_t now = SteadyNow();
    const std::uint64_t wait = until > now ? until - now : 0;
    // epoll_wait counts in milliseconds, of which a tick may be one too late, and a link that is due none.
    timeout = static_cast<int>((until == tick_at_ ? wait + 999 : wait) / 1000);
    if (timeout == 0 && wait > 0) {
      pollfd any{thread_.epoll(), POLLIN, 0};
      const timespec pause{0, static_cast<long>(wait * 1000)};
      ppoll(&any, 1, &pause, nullptr);
    }
  }
  return epoll_wait(thread_.epoll(), events.data(), static_cast<int>(events.size()), timeout);
}

bool Pump::TakeCommands() {
  auto commands = thread_.Commands();
  if (!commands) return false;
  for (Command& command : *commands) {
    if (command.link) {
      AddLink(command.id, std::move(command.link));
    } else if (const auto entry = links_.find(command.id); entry != links_.end()) {
      entry->second.link->Close(command.last_words, SteadyNow());
      ScheduleTick(entry->second);
      Settle(entry);
    }
  }
  return true;
}

void Pump::AddLink(std::uint64_t id, std::unique_ptr<Link> link) {
  // A thread that had nothing to look after was not late.
  if (links_.empty()) tick_at_ = Link::kNever;
  for (const Link::Side side : {Link::Side::kPath, Link::Side::kRouter}) {
    epoll_event event{};
    event.events = kEvents;
    event.data.u64 = TokenOf(id, side);
    if (epoll_ctl(thread_.epoll(), EPOLL_CTL_ADD, link->fd(side), &event) < 0) link->Refuse(side, errno);
  }
  const auto entry = links_.emplace(id, Entry{std::move(link)}).first;
  Schedule(id, entry->second, 0);
}

void Pump::WorkOn(std::uint64_t id, Link::Scratch& scratch, std::uint64_t now) {
  const auto entry = links_.find(id);
  if (entry == links_.end()) return;
  const std::uint64_t due = std::exchange(entry->second.due, Link::kNever);
  Schedule(id, entry->second, due > now ? due : entry->second.link->Work(scratch, now));
  ScheduleTick(entry->second);
  Settle(entry);
}

// A unix socket tells of room whenever its other end has read something, which is worth waking up for only when it was full.
void Pump::HeedRoom(std::uint64_t id, Entry& entry, Link::Side side) {
  bool& heeds = entry.heeds_room[static_cast<std::size_t>(side)];
  if (heeds == entry.link->full(side)) return;
  heeds = !heeds;
  epoll_event event{};
  event.events = heeds ? kEvents | EPOLLOUT : kEvents;
  event.data.u64 = TokenOf(id, side);
  if (epoll_ctl(thread_.epoll(), EPOLL_CTL_MOD, entry.link->fd(side), &event) < 0) entry.link->Refuse(side, errno);
}

// Has a link worked on when that time has come, if it ever does.
void Pump::Schedule(std::uint64_t id, Entry& entry, std::uint64_t due) {
  if (due == Link::kNever) return;
  if (entry.due == Link::kNever) busy_.push_back(id);
  entry.due = std::min(entry.due, due);
  due_at_ = std::min(due_at_, entry.due);
}

// Tells what has become of a link, and forgets it when it is closed.
void Pump::Settle(Links::iterator entry) {
  Link& link = *entry->second.link;
  const std::uint64_t id = entry->first;
  if (link.closed()) {
    // The sockets live on in JS, so that closing our descriptors would leave them in the epoll set.
    for (const Link::Side side : {Link::Side::kPath, Link::Side::kRouter}) {
      epoll_ctl(thread_.epoll(), EPOLL_CTL_DEL, link.fd(side), nullptr);
    }
    links_.erase(entry);
    thread_.Report({id, true, Link::Cause::kNone, 0, {}});
    return;
  }
  for (const Link::Side side : {Link::Side::kPath, Link::Side::kRouter}) HeedRoom(id, entry->second, side);
  if (link.cause() != Link::Cause::kNone && !std::exchange(entry->second.reported, true)) {
    thread_.Report({id, false, link.cause(), link.error(), link.words()});
  }
}

void Pump::ScheduleTick(Entry& entry) {
  entry.tick_at = entry.link->NextTick();
  tick_at_ = std::min(tick_at_, entry.tick_at);
}

void Pump::Tick(std::uint64_t now) {
  const std::uint64_t held_up = now - tick_at_ > kLate ? now - tick_at_ : 0;
  tick_at_ = Link::kNever;
  for (auto next = links_.begin(); next != links_.end();) {
    const auto entry = next++;
    if (now < entry->second.tick_at && held_up == 0) {
      // Thousands of idle links are not to be touched each time.
      tick_at_ = std::min(tick_at_, entry->second.tick_at);
      continue;
    }
    entry->second.link->Tick(now, held_up);
    ScheduleTick(entry->second);
    Settle(entry);
  }
}

}  // namespace ratatoskr
