#include "beat.h"

#include <algorithm>

namespace ratatoskr {
namespace {

constexpr std::uint8_t kBeatKind = 1;
constexpr std::size_t kNumberBytes = 6;

}  // namespace

BeatFrame EncodeBeat(const Beat& beat) {
  BeatFrame frame{};
  frame[0] = kBeatBodyBytes + 1;
  frame[1] = kAgentFrameType;
  frame[2] = kBeatKind;
  std::size_t at = 3;
  for (const std::uint64_t number : {beat.sent_at, beat.echo, beat.heard_at, beat.received}) {
    for (std::size_t i = kNumberBytes; i-- > 0;) frame[at++] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return frame;
}

std::optional<Beat> DecodeBeat(Bytes body) {
  if (body.size() < kBeatBodyBytes || body[0] != kBeatKind) return std::nullopt;
  std::array<std::uint64_t, 4> numbers{};
  std::size_t at = 1;
  for (std::uint64_t& number : numbers) {
    for (std::size_t i = 0; i < kNumberBytes; i++) number = number << 8 | body[at++];
  }
  return Beat{numbers[0], numbers[1], numbers[2], numbers[3]};
}

std::optional<PathDelays> DelayMeter::Take(const Beat& beat, std::uint64_t now) {
  if (beat.echo == 0 || beat.sent_at < beat.heard_at || beat.echo > now) return std::nullopt;
  // Numbers of 48 bits are exact in a double.
  const auto echo = static_cast<double>(beat.echo);
  const auto heard_at = static_cast<double>(beat.heard_at);
  const auto sent_at = static_cast<double>(beat.sent_at);
  const auto came_at = static_cast<double>(now);
  const double rtt = came_at - echo - (sent_at - heard_at);
  if (rtt < 0) return std::nullopt;
  if (least_ < 0 || rtt <= least_) {
    least_ = rtt;
    offset_ = (heard_at - echo + sent_at - came_at) / 2;
  }
  const double out = heard_at - echo - offset_;
  return PathDelays{rtt / 1000, least_ / 1000, out / 1000, (rtt - out) / 1000};
}

}  // namespace ratatoskr
