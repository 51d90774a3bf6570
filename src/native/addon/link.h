#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <sys/uio.h>

#include "beat.h"
#include "even-flow.h"
#include "frame-scanner.h"
#include "unique-fd.h"

namespace ratatoskr {

// What JS reads while the pump writes, as a Float64Array in this order; native-pump.ts knows it too.
struct LinkCounters {
  enum Field : std::size_t { kBytesIn, kBytesOut, kDropped, kTransitIn, kTransitOut, kRtt, kLeastRtt, kOut, kIn, kCount };
  std::array<std::atomic<double>, kCount> values{};

  void Add(Field field, double amount) { Set(field, values[field].load(std::memory_order_relaxed) + amount); }
  void Set(Field field, double value) { values[field].store(value, std::memory_order_relaxed); }
};
static_assert(sizeof(LinkCounters) == LinkCounters::kCount * sizeof(double) && std::atomic<double>::is_always_lock_free);

// One bridge: the stream to the other agent, the stream to the router, and what goes between them. Of one thread alone. It
// never waits: it does what can be done, and is told when more can.
class Link {
 public:
  enum class Side : std::uint8_t { kPath, kRouter };
  // Why it carries nothing any more; native-pump.ts has the sentences.
  enum class Cause : std::uint8_t {
    kNone,
    kPathEnded,
    kPathFailed,
    kPathMalformed,
    kRouterEnded,
    kRouterFailed,
    kRouterMalformed,
    kSilent,
    kPeerEnded,
  };

  struct Options {
    UniqueFd path;
    UniqueFd router;
    bool hidden;
    RouterKey own_key;
    RouterKey peer_key;
    std::uint64_t keep_back;  // as keepBackMs in src/core/pump.ts, in microseconds
    // What somebody has read of them already.
    std::vector<std::uint8_t> from_path;
    std::vector<std::uint8_t> from_router;
    std::shared_ptr<LinkCounters> counters;
  };

  // A time that never comes.
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // What of it the pump's thread lends while it works on a link: nothing of a link's is kept here between two calls.
  struct Scratch {
    std::vector<std::uint8_t> buffer;
    std::vector<iovec> pieces;
    std::uint64_t read = 0;  // bytes, of all links since it was made
    Scratch();
  };

  // `now` is in microseconds, on a clock that never steps.
  Link(Options options, std::uint64_t now);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  int fd(Side side) const { return (side == Side::kPath ? path_ : router_).fd.get(); }
  // Has it taken less than it was given? Then its room is worth an event.
  bool full(Side side) const { return !(side == Side::kPath ? path_ : router_).writable; }
  // epoll (edge-triggered) says this of a side.
  void Notice(Side side, std::uint32_t events);
  // Moves what can be moved, up to a fair share. Returns when more can be done unless something is noticed before: `now` is at once.
  std::uint64_t Work(Scratch& scratch, std::uint64_t now);
  // Beats, and deadlines. `held_up` is by how much the thread was late, in microseconds.
  void Tick(std::uint64_t now, std::uint64_t held_up);
  // When the next tick is needed, as things stand.
  std::uint64_t NextTick() const;
  // Its side cannot be watched.
  void Refuse(Side side, int error) { Fail(side, error); }
  // Why it is over, and an errno or the other agent's last words where there are any.
  Cause cause() const { return cause_; }
  int error() const { return error_; }
  const std::vector<std::uint8_t>& words() const { return words_; }
  // Nothing of the router's goes any more; these bytes, a whole frame, are the last on the path.
  void Close(Bytes last_words, std::uint64_t now);
  bool closed() const { return closed_; }

 private:
  struct End {
    UniqueFd fd;
    bool readable = true;
    bool writable = true;
    bool hung_up = false;  // its end of stream has been announced, and a short read is no sign of having read everything
  };
  // One direction.
  struct Lane : FrameSink {
    Lane(Link& link, Side source, const FrameScanner::Options& options) : link(link), source(source), scanner(options) {}
    void Pass(Bytes bytes) override;
    void Dropped() override;
    void Taken(Bytes body) override;
    void FirstTraffic() override;
    void Transit() override;

    Link& link;
    const Side source;
    FrameScanner scanner;
    std::vector<std::uint8_t> backlog;  // what the sink did not take
    std::size_t backlog_at = 0;
    std::vector<std::uint8_t> inserts;  // whole frames of ours that wait for the end of another
    bool ended = false;                 // the source has come to its end
    bool over = false;                  // and the sink has been told
  };

  End& end(Side side) { return side == Side::kPath ? path_ : router_; }
  End& source_of(Lane& lane) { return end(lane.source); }
  End& sink_of(Lane& lane) { return end(lane.source == Side::kPath ? Side::kRouter : Side::kPath); }
  // Is what has come not to go on yet?
  bool KeptBack(const Lane& lane) const { return &lane == &inward_ && now_ < keep_back_until_; }
  bool Move(Lane& lane, Scratch& scratch, std::uint64_t now);
  bool Read(Lane& lane, Scratch& scratch, std::uint64_t now);
  bool Forward(Lane& lane, Bytes bytes, Scratch& scratch);
  void Insert(Lane& lane, Bytes frame);
  void PlaceInserts(Lane& lane);
  void Emit(Lane& lane, Bytes bytes);
  void Flush(Lane& lane);
  void WriteBacklog(Lane& lane);
  void CountSent(Lane& lane, std::size_t count);
  void HeedLowWater(Lane& lane);
  void AwaitFrame();
  void AwaitBytes(std::size_t count);
  void EndLane(Lane& lane, std::uint64_t now);
  void SendBeat(std::uint64_t now);
  void Fail(Side side, int error);
  void Stop(Cause cause);

  End path_;
  End router_;
  Lane outward_;
  Lane inward_;
  EvenFlow flow_;  // inward
  int awaited_ = 1;  // bytes that have to come on the path before they are worth waking up for
  const std::uint64_t keep_back_;
  std::uint64_t keep_back_until_ = 0;
  std::uint64_t ready_at_ = kNever;
  std::vector<std::uint8_t> from_path_;
  std::vector<std::uint8_t> from_router_;
  const std::shared_ptr<LinkCounters> counters_;
  std::vector<iovec>* pieces_ = nullptr;  // of the scratch, while a lane forwards
  DelayMeter meter_;
  std::uint64_t now_;
  std::uint64_t heard_at_;
  std::uint64_t beat_at_;
  std::uint64_t deadline_ = 0;  // of the second half, or of the last words; 0 is none
  std::uint64_t echo_ = 0;
  std::uint64_t echo_heard_at_ = 0;
  Cause cause_ = Cause::kNone;
  Cause half_cause_ = Cause::kNone;
  int error_ = 0;
  std::vector<std::uint8_t> words_;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace ratatoskr
