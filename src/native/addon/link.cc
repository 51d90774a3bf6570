#include "link.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

namespace ratatoskr {
namespace {

// More than a unix socket holds (212,992), so that one read empties it.
constexpr std::size_t kReadBytes = 256 * 1024;
constexpr std::size_t kMaxPieces = 64;
constexpr int kFairRounds = 4;
constexpr std::size_t kMaxInsertBytes = 2 * kMaxAgentFrameBytes;
// What may wait in the kernel beyond what is on its way: enough to go on with until the thread is awake, and no more.
constexpr int kNotSentBytes = 128 * 1024;
// The rest of a frame is waited for as a whole where it is longer than this.
constexpr std::size_t kLongRest = 4096;
// As in src/core/pump.ts, in microseconds.
constexpr std::uint64_t kFirstBeat = 250'000;
constexpr std::uint64_t kBeat = 2'250'000;
// Beats go out at multiples of this, not before their time: to wake up costs more than to send dozens of them.
constexpr std::uint64_t kBeatGrid = 500'000;
constexpr std::uint64_t kSilence = 4'700'000;
constexpr std::uint64_t kLinger = 500'000;

// The one kind of frame between agents that is not a beat and that this version knows.
constexpr std::uint8_t kEndKind = 2;

std::uint64_t OnBeatGrid(std::uint64_t time) { return (time + kBeatGrid - 1) / kBeatGrid * kBeatGrid; }

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

FrameScanner::Options ScannerOf(const Link::Options& options, FrameScanner::Speaker speaker) {
  const bool router = speaker == FrameScanner::Speaker::kRouter;
  return {speaker, options.hidden, router ? options.own_key : options.peer_key, router ? options.peer_key : options.own_key};
}

}  // namespace

Link::Scratch::Scratch() : buffer(kReadBytes) { pieces.reserve(kMaxPieces); }

Link::Link(Options options, std::uint64_t now)
    : outward_(*this, Side::kRouter, ScannerOf(options, FrameScanner::Speaker::kRouter)),
      inward_(*this, Side::kPath, ScannerOf(options, FrameScanner::Speaker::kAgent)),
      flow_(now),
      keep_back_(options.keep_back),
      from_path_(std::move(options.from_path)),
      from_router_(std::move(options.from_router)),
      counters_(std::move(options.counters)),
      now_(now),
      heard_at_(now),
      beat_at_(OnBeatGrid(now + kFirstBeat)) {
  counters_->Set(LinkCounters::kRtt, std::numeric_limits<double>::quiet_NaN());
  path_.fd = std::move(options.path);
  router_.fd = std::move(options.router);
  // Fails on anything but TCP, which has queues of another kind.
  setsockopt(path_.fd.get(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kNotSentBytes, sizeof kNotSentBytes);
}

void Link::Notice(Side side, std::uint32_t events) {
  End& at = end(side);
  if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) at.readable = true;
  if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) at.writable = true;
  if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) at.hung_up = true;
}

std::uint64_t Link::Work(Scratch& scratch, std::uint64_t now) {
  now_ = now;
  ready_at_ = kNever;
  for (int round = 0; round < kFairRounds; round++) {
    // Both, whatever the first says.
    const bool outward = Move(outward_, scratch, now);
    const bool inward = Move(inward_, scratch, now);
    if (!outward && !inward) return ready_at_;
  }
  return cause_ == Cause::kNone ? now : kNever;
}

bool Link::Move(Lane& lane, Scratch& scratch, std::uint64_t now) {
  if (closed_ || (cause_ != Cause::kNone && !closing_)) return false;
  if (!lane.backlog.empty()) {
    if (!sink_of(lane).writable) return false;
    WriteBacklog(lane);
    if (!lane.backlog.empty()) {
      if (KeptBack(lane)) ready_at_ = keep_back_until_;
      return false;
    }
  }
  if (closing_) {
    if (&lane == &outward_) closed_ = true;
    return false;
  }
  if (lane.ended) {
    if (!lane.over) EndLane(lane, now);
    return false;
  }
  std::vector<std::uint8_t>& early = lane.source == Side::kPath ? from_path_ : from_router_;
  if (!early.empty()) {
    const std::vector<std::uint8_t> bytes = std::exchange(early, {});
    return Forward(lane, bytes, scratch);
  }
  if (!source_of(lane).readable || !sink_of(lane).writable) return false;
  if (&lane == &inward_) {
    ready_at_ = flow_.ReadyAt(now);
    if (ready_at_ > now) return false;
    ready_at_ = kNever;
  }
  return Read(lane, scratch, now);
}

bool Link::Read(Lane& lane, Scratch& scratch, std::uint64_t now) {
  End& source = source_of(lane);
  const std::size_t most = &lane == &inward_ ? std::min(flow_.room(), scratch.buffer.size()) : scratch.buffer.size();
  const ssize_t count = recv(source.fd.get(), scratch.buffer.data(), most, MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EINTR) return true;
    if (!WouldBlock(errno)) Fail(lane.source, errno);
    source.readable = false;
    return false;
  }
  if (count == 0) {
    lane.ended = true;
    return true;
  }
  const auto length = static_cast<std::size_t>(count);
  scratch.read += length;
  if (length < most && !source.hung_up) source.readable = false;
  if (lane.source == Side::kPath) {
    heard_at_ = now;
    flow_.Pass(length);
  }
  const bool more = Forward(lane, Bytes(scratch.buffer.data(), length), scratch);
  if (lane.source == Side::kPath && !source.readable) AwaitFrame();
  return more;
}

bool Link::Forward(Lane& lane, Bytes bytes, Scratch& scratch) {
  if (lane.source == Side::kPath) counters_->Add(LinkCounters::kBytesIn, static_cast<double>(bytes.size()));
  pieces_ = &scratch.pieces;
  const std::size_t boundary = lane.scanner.UntilBoundary();
  bool sound;
  if (!lane.inserts.empty() && boundary <= bytes.size()) {
    sound = lane.scanner.Scan(bytes.first(boundary), lane);
    PlaceInserts(lane);
    sound = sound && lane.scanner.Scan(bytes.subspan(boundary), lane);
  } else {
    sound = lane.scanner.Scan(bytes, lane);
  }
  PlaceInserts(lane);
  Flush(lane);
  pieces_ = nullptr;
  if (!sound) Stop(lane.source == Side::kPath ? Cause::kPathMalformed : Cause::kRouterMalformed);
  if (sink_of(lane).writable && lane.backlog.empty()) HeedLowWater(lane);
  return cause_ == Cause::kNone;
}

void Link::Lane::Pass(Bytes bytes) { link.Emit(*this, bytes); }

void Link::Lane::Dropped() {
  link.counters_->Add(LinkCounters::kDropped, 1);
  // A router that waits for an answer takes a link for dead after 3 s.
  link.Insert(source == Side::kPath ? link.outward_ : link.inward_, kKeepAliveFrame);
}

void Link::Lane::Taken(Bytes body) {
  if (const auto beat = DecodeBeat(body)) {
    if (const auto delays = link.meter_.Take(*beat, link.now_)) {
      link.counters_->Set(LinkCounters::kLeastRtt, delays->least_rtt);
      link.counters_->Set(LinkCounters::kOut, delays->out);
      link.counters_->Set(LinkCounters::kIn, delays->in);
      link.counters_->Set(LinkCounters::kRtt, delays->rtt);
    }
    link.echo_ = beat->sent_at;
    link.echo_heard_at_ = link.now_;
  } else if (!body.empty() && body[0] == kEndKind) {
    link.words_.assign(body.begin(), body.end());
    link.Stop(Cause::kPeerEnded);
  }
}

void Link::Lane::FirstTraffic() {
  if (source == Side::kPath) link.keep_back_until_ = link.now_ + link.keep_back_;
}

void Link::Lane::Transit() {
  link.counters_->Add(source == Side::kPath ? LinkCounters::kTransitIn : LinkCounters::kTransitOut, 1);
}

void Link::Insert(Lane& lane, Bytes frame) {
  if (lane.ended || lane.inserts.size() + frame.size() > kMaxInsertBytes) return;
  lane.inserts.insert(lane.inserts.end(), frame.begin(), frame.end());
  if (lane.scanner.UntilBoundary() != 0) return;
  // The other lane is at work on the scratch, perhaps: this one takes its own way.
  std::vector<iovec>* const busy = std::exchange(pieces_, nullptr);
  PlaceInserts(lane);
  if (sink_of(lane).writable) WriteBacklog(lane);
  pieces_ = busy;
}

void Link::PlaceInserts(Lane& lane) {
  if (lane.inserts.empty() || lane.scanner.UntilBoundary() != 0) return;
  // What is emitted must stay as it is until it is flushed.
  if (pieces_ != nullptr) Flush(lane);
  lane.backlog.insert(lane.backlog.end(), lane.inserts.begin(), lane.inserts.end());
  lane.inserts.clear();
}

void Link::Emit(Lane& lane, Bytes bytes) {
  if (!lane.backlog.empty()) {
    lane.backlog.insert(lane.backlog.end(), bytes.begin(), bytes.end());
    return;
  }
  pieces_->push_back({const_cast<std::uint8_t*>(bytes.data()), bytes.size()});
  if (pieces_->size() == kMaxPieces) Flush(lane);
}

// Sends the pieces, and keeps what the sink does not take.
void Link::Flush(Lane& lane) {
  std::vector<iovec>& pieces = *pieces_;
  End& sink = sink_of(lane);
  std::size_t sent = 0;
  if (!pieces.empty() && sink.writable && lane.backlog.empty() && !KeptBack(lane)) {
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    const ssize_t count = sendmsg(sink.fd.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && !WouldBlock(errno) && errno != EINTR) Fail(&sink == &path_ ? Side::kPath : Side::kRouter, errno);
    sent = count < 0 ? 0 : static_cast<std::size_t>(count);
    CountSent(lane, sent);
  }
  for (const iovec& piece : pieces) {
    const std::size_t skipped = std::min(sent, piece.iov_len);
    sent -= skipped;
    const auto* const from = static_cast<const std::uint8_t*>(piece.iov_base);
    lane.backlog.insert(lane.backlog.end(), from + skipped, from + piece.iov_len);
  }
  pieces.clear();
  if (!lane.backlog.empty()) WriteBacklog(lane);
}

void Link::WriteBacklog(Lane& lane) {
  if (KeptBack(lane)) return;
  End& sink = sink_of(lane);
  while (sink.writable && lane.backlog_at < lane.backlog.size()) {
    const std::uint8_t* const from = lane.backlog.data() + lane.backlog_at;
    const ssize_t count = send(sink.fd.get(), from, lane.backlog.size() - lane.backlog_at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count >= 0) {
      lane.backlog_at += static_cast<std::size_t>(count);
      CountSent(lane, static_cast<std::size_t>(count));
    } else if (WouldBlock(errno)) {
      sink.writable = false;
    } else if (errno != EINTR) {
      Fail(&sink == &path_ ? Side::kPath : Side::kRouter, errno);
      break;
    }
  }
  if (lane.backlog_at < lane.backlog.size()) return;
  // An idle link keeps no memory for the busy time it had.
  lane.backlog = {};
  lane.backlog_at = 0;
}

void Link::CountSent(Lane& lane, std::size_t count) {
  if (&lane == &outward_) counters_->Add(LinkCounters::kBytesOut, static_cast<double>(count));
}

// A TCP socket takes megabytes that nobody can send yet; what is polled knows TCP_NOTSENT_LOWAT, and tells when it is time.
void Link::HeedLowWater(Lane& lane) {
  if (&lane != &outward_) return;
  pollfd poll_fd{path_.fd.get(), POLLOUT, 0};
  if (poll(&poll_fd, 1, 0) == 0) path_.writable = false;
}

// A router can do nothing with a part of a frame. On a line that takes milliseconds for one, to be woken up by each of its segments, and
// to wake up the router with it, costs more than all else. A fast one is better read while the rest comes.
void Link::AwaitFrame() {
  const std::size_t rest = inward_.scanner.UntilBoundary();
  AwaitBytes(rest > kLongRest && rest <= kMaxFrameBytes && !flow_.fast() ? rest : 1);
}

void Link::AwaitBytes(std::size_t count) {
  const int bytes = static_cast<int>(count);
  if (bytes == awaited_) return;
  awaited_ = bytes;
  // TCP heeds it in what it tells epoll, and tells at once when so many are there. Others may not, which does no harm.
  setsockopt(path_.fd.get(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
}

void Link::EndLane(Lane& lane, std::uint64_t now) {
  lane.over = true;
  shutdown(sink_of(lane).fd.get(), SHUT_WR);
  if (half_cause_ != Cause::kNone) {
    Stop(half_cause_);
    return;
  }
  half_cause_ = lane.source == Side::kPath ? Cause::kPathEnded : Cause::kRouterEnded;
  deadline_ = now + kLinger;
}

void Link::Tick(std::uint64_t now, std::uint64_t held_up) {
  now_ = now;
  if (closing_) {
    if (now >= deadline_) closed_ = true;
    return;
  }
  if (cause_ != Cause::kNone) return;
  if (deadline_ != 0 && now >= deadline_) {
    Stop(half_cause_);
    return;
  }
  // Who was held up heard nothing because he did not listen; nor does one whose router does not take what comes.
  heard_at_ += held_up;
  if (!inward_.backlog.empty() || heard_at_ > now) heard_at_ = now;
  if (now - heard_at_ >= kSilence) {
    Stop(Cause::kSilent);
    return;
  }
  if (now < beat_at_) return;
  beat_at_ = OnBeatGrid(now + kBeat);
  // A part of a frame is a sign of life, too.
  AwaitBytes(1);
  // What waits to be sent is a sign of life itself.
  if (outward_.backlog.empty() && path_.writable) SendBeat(now);
}

std::uint64_t Link::NextTick() const {
  if (closing_) return closed_ ? kNever : deadline_;
  if (cause_ != Cause::kNone) return kNever;
  const std::uint64_t next = std::min(beat_at_, heard_at_ + kSilence);
  return deadline_ == 0 ? next : std::min(next, deadline_);
}

void Link::SendBeat(std::uint64_t now) {
  const auto received = static_cast<std::uint64_t>(counters_->values[LinkCounters::kBytesIn].load(std::memory_order_relaxed));
  const BeatFrame frame = EncodeBeat({now, echo_, echo_heard_at_, received});
  Insert(outward_, frame);
}

void Link::Close(Bytes last_words, std::uint64_t now) {
  if (closing_) return;
  Insert(outward_, last_words);
  closing_ = true;
  deadline_ = now + kLinger;
  // A dead path takes nothing any more.
  if (outward_.backlog.empty() || cause_ == Cause::kPathFailed || cause_ == Cause::kSilent) closed_ = true;
}

void Link::Fail(Side side, int error) {
  end(side).writable = false;
  error_ = error;
  Stop(side == Side::kPath ? Cause::kPathFailed : Cause::kRouterFailed);
}

void Link::Stop(Cause cause) {
  if (cause_ == Cause::kNone) cause_ = cause;
}

}  // namespace ratatoskr
