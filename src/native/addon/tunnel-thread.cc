#include "tunnel-thread.h"

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "receive-coalescing.h"
#include "steady-now.h"

namespace ratatoskr {
namespace {

// How long a farewell may take, in microseconds, and how often it is looked at, in milliseconds.
constexpr std::uint64_t kLinger = 500'000;
constexpr int kTick = 100;
// Messages that JS has not taken; what comes beyond them is lost, like any other datagram.
constexpr std::size_t kMaxUntaken = 256;
constexpr Tunnel::Source kSources[] = {Tunnel::Source::kTun, Tunnel::Source::kUdp, Tunnel::Source::kTcp};

}  // namespace

int TunnelThread::Add(std::uint64_t id, std::unique_ptr<Tunnel> tunnel) {
  if (const int error = thread_.Start()) return error;
  thread_.Post({Command::Kind::kAdd, id, std::move(tunnel), {}});
  return 0;
}

void TunnelThread::Direct(std::uint64_t id, const SocketAddress& remote) {
  thread_.Post({Command::Kind::kDirect, id, nullptr, remote});
}

void TunnelThread::Close(std::uint64_t id) { thread_.Post({Command::Kind::kClose, id, nullptr, {}}); }

std::vector<TunnelThread::Outcome> TunnelThread::Take() {
  std::vector<Outcome> outcomes = thread_.Take();
  for (const Outcome& outcome : outcomes) messages_ -= outcome.news.messages.size();
  return outcomes;
}

void TunnelThread::Stop() {
  thread_.Stop();
  tunnels_.clear();
}

void TunnelThread::Run() {
  std::array<epoll_event, 64> events;
  Tunnel::Scratch scratch;
  ReceiveCoalescing coalescing;
  for (;;) {
    const int count = epoll_wait(thread_.epoll(), events.data(), static_cast<int>(events.size()), ending_ > 0 ? kTick : -1);
    for (int i = 0; i < count; i++) {
      const std::uint64_t token = events[static_cast<std::size_t>(i)].data.u64;
      if (token == WakeableEpoll::kWakeToken) {
        if (!TakeCommands()) return;
      } else if (const auto entry = tunnels_.find(token / Tunnel::kSources); entry != tunnels_.end()) {
        entry->second.tunnel->Work(kSources[token % Tunnel::kSources], scratch);
        Settle(entry);
      }
    }
    const std::uint64_t now = SteadyNow();
    if (ending_ > 0) EndOverdue(now);
    const std::uint64_t rest = coalescing.Rest(scratch.received, now);
    if (rest > 0) std::this_thread::sleep_for(std::chrono::microseconds(rest));
  }
}

bool TunnelThread::TakeCommands() {
  auto commands = thread_.Commands();
  if (!commands) return false;
  for (Command& command : *commands) Obey(command);
  return true;
}

void TunnelThread::Obey(Command& command) {
  if (command.kind == Command::Kind::kAdd) tunnels_.emplace(command.id, Entry{std::move(command.tunnel)});
  const auto entry = tunnels_.find(command.id);
  if (entry == tunnels_.end()) return;
  if (command.kind == Command::Kind::kDirect) entry->second.tunnel->Direct(command.remote);
  if (command.kind == Command::Kind::kClose && entry->second.ends_at == 0) {
    entry->second.tunnel->Finish();
    entry->second.ends_at = SteadyNow() + kLinger;
    ending_++;
  }
  Settle(entry);
}

// One that wants nothing is left out altogether: epoll would tell of hang-ups for ever.
void TunnelThread::Watch(std::uint64_t id, Entry& entry) {
  for (const Tunnel::Source source : kSources) {
    const auto place = static_cast<std::size_t>(source);
    const std::uint32_t wants = entry.tunnel->wants(source);
    std::uint32_t& watched = entry.watched[place];
    if (wants == watched) continue;
    epoll_event event{};
    event.events = wants;
    event.data.u64 = id * Tunnel::kSources + place;
    const int act = wants == 0 ? EPOLL_CTL_DEL : watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    // A listener that is closed has left the set by itself.
    epoll_ctl(thread_.epoll(), act, entry.tunnel->fd(source), &event);
    watched = wants;
  }
}

void TunnelThread::Settle(Tunnels::iterator entry) {
  Watch(entry->first, entry->second);
  Tunnel::News news = entry->second.tunnel->Take();
  if (news.any()) Report({entry->first, false, std::move(news)});
}

void TunnelThread::EndOverdue(std::uint64_t now) {
  for (auto entry = tunnels_.begin(); entry != tunnels_.end();) {
    const auto current = entry++;
    if (current->second.ends_at == 0 || current->second.ends_at > now) continue;
    // The descriptors have duplicates elsewhere, so that closing them would leave them in the epoll set.
    for (const Tunnel::Source source : kSources) {
      epoll_ctl(thread_.epoll(), EPOLL_CTL_DEL, current->second.tunnel->fd(source), nullptr);
    }
    const std::uint64_t id = current->first;
    tunnels_.erase(current);
    ending_--;
    Report({id, true, {}});
  }
}

void TunnelThread::Report(Outcome outcome) {
  if (messages_ + outcome.news.messages.size() > kMaxUntaken) outcome.news.messages.clear();
  if (!outcome.closed && !outcome.news.any()) return;
  messages_ += outcome.news.messages.size();
  thread_.Report(std::move(outcome));
}

}  // namespace ratatoskr
