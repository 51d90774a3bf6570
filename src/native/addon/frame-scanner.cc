#include "frame-scanner.h"

#include <algorithm>
#include <utility>

namespace ratatoskr {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'m', 'e', 't', 'a'};
constexpr std::size_t kHandshakeHead = kMagic.size() + 2;
constexpr std::size_t kMinHandshake = 64;
constexpr std::size_t kLongestLength = 3;
constexpr std::uint8_t kSignatureRequest = 2;
constexpr std::uint8_t kSignatureResponse = 3;
constexpr std::uint8_t kTraffic = 9;

}  // namespace

TrafficAddresses::TrafficAddresses(const RouterKey& source, const RouterKey& destination) {
  std::copy(source.begin(), source.end(), expected_.begin());
  std::copy(destination.begin(), destination.end(), expected_.begin() + source.size());
}

void TrafficAddresses::Open() {
  wanted_ = true;
  paths_ = 0;
  within_ = false;
  key_length_ = 0;
}

bool TrafficAddresses::ReadsTransit(Bytes bytes) {
  std::size_t at = 0;
  for (; paths_ < 2 && at < bytes.size(); at++) {
    if (bytes[at] == 0 && !within_) paths_++;
    within_ = bytes[at] >= 0x80;
  }
  const std::size_t count = std::min(bytes.size() - at, keys_.size() - key_length_);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, keys_.begin() + static_cast<std::ptrdiff_t>(key_length_));
  key_length_ += count;
  if (key_length_ < keys_.size()) return false;
  wanted_ = false;
  return keys_ != expected_;
}

FrameScanner::FrameScanner(const Options& options)
    : speaker_(options.speaker), hidden_(options.hidden), addresses_(options.source, options.destination) {}

bool FrameScanner::Scan(Bytes chunk, FrameSink& sink) {
  if (stage_ != Stage::kBroken && Walk(chunk, sink)) return true;
  stage_ = Stage::kBroken;
  return false;
}

std::size_t FrameScanner::UntilBoundary() const {
  if (stage_ == Stage::kBody) return verdict_ == Verdict::kPass ? left_ : 0;
  return stage_ == Stage::kHead ? 0 : kNoBoundary;
}

bool FrameScanner::Walk(Bytes chunk, FrameSink& sink) {
  std::size_t run = 0;  // where the bytes begin that pass and have not been handed on
  std::size_t at = 0;
  const auto pass_up_to = [&](std::size_t end) {
    if (end > run) sink.Pass(chunk.subspan(run, end - run));
  };
  while (at < chunk.size()) {
    if (stage_ == Stage::kBody) {
      const std::size_t count = std::min(left_, chunk.size() - at);
      const bool passes = verdict_ == Verdict::kPass;
      ReadBody(chunk.subspan(at, count), sink);
      at += count;
      if (!passes) run = at;
      continue;
    }
    const std::size_t from = at;
    const bool resumed = held_length_ > 0;
    Head head = Head::kMore;
    while (at < chunk.size() && head == Head::kMore) head = ReadHead(chunk[at++]);
    if (head == Head::kMalformed) return false;
    if (head == Head::kMore) {
      pass_up_to(from);
      return true;
    }
    if (!Begin(sink)) return false;
    if (verdict_ == Verdict::kPass && resumed) {
      std::copy_n(held_.begin(), held_length_, resumed_.begin());
      sink.Pass(Bytes(resumed_.data(), held_length_));
      run = at;
    } else if (verdict_ != Verdict::kPass) {
      pass_up_to(from);
      run = at;
    }
    held_length_ = 0;
    stage_ = Stage::kBody;
    LeaveIfComplete(sink);
  }
  pass_up_to(chunk.size());
  return true;
}

FrameScanner::Head FrameScanner::ReadHead(std::uint8_t byte) {
  const std::size_t index = held_length_++;
  held_[index] = byte;
  if (stage_ == Stage::kGreeting) {
    if (index < kMagic.size() && byte != kMagic[index]) return Head::kMalformed;
    if (held_length_ < kHandshakeHead) return Head::kMore;
    length_ = static_cast<std::size_t>(held_[4]) << 8 | held_[5];
    return length_ < kMinHandshake ? Head::kMalformed : Head::kComplete;
  }
  if (index > 0 && held_[index - 1] < 0x80) return Head::kComplete;
  if (index == 0) length_ = 0;
  length_ |= static_cast<std::size_t>(byte & 0x7f) << (7 * index);
  if (byte >= 0x80) return held_length_ == kLongestLength ? Head::kMalformed : Head::kMore;
  return length_ == 0 || length_ > kMaxFrameBytes ? Head::kMalformed : Head::kMore;
}

bool FrameScanner::Begin(FrameSink& sink) {
  left_ = length_;
  verdict_ = Verdict::kPass;
  body_.clear();
  addresses_.Close();
  if (stage_ == Stage::kGreeting) return true;
  const std::uint8_t type = held_[held_length_ - 1];
  left_--;
  if (type == kAgentFrameType) {
    if (speaker_ != Speaker::kAgent || left_ > kMaxAgentFrameBytes) return false;
    verdict_ = Verdict::kTake;
  } else if (hidden_ && (type == kSignatureRequest || type == kSignatureResponse)) {
    verdict_ = Verdict::kDrop;
    sink.Dropped();
  } else if (type == kTraffic) {
    addresses_.Open();
    if (!std::exchange(had_traffic_, true)) sink.FirstTraffic();
  }
  return true;
}

void FrameScanner::ReadBody(Bytes part, FrameSink& sink) {
  left_ -= part.size();
  if (verdict_ == Verdict::kTake) {
    body_.insert(body_.end(), part.begin(), part.end());
  } else if (addresses_.wanted() && addresses_.ReadsTransit(part)) {
    sink.Transit();
  }
  LeaveIfComplete(sink);
}

void FrameScanner::LeaveIfComplete(FrameSink& sink) {
  if (left_ > 0) return;
  stage_ = Stage::kHead;
  if (verdict_ == Verdict::kTake) sink.Taken(Bytes(body_));
}

}  // namespace ratatoskr
