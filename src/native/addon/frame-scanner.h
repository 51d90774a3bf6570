#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace ratatoskr {

using Bytes = std::span<const std::uint8_t>;
using RouterKey = std::array<std::uint8_t, 32>;

// What a router says on a link, and what agents add; src/core/frames/frame-types.ts is the reference.
constexpr std::uint8_t kKeepAliveFrame[] = {1, 1};
constexpr std::uint8_t kAgentFrameType = 0xff;
constexpr std::size_t kMaxFrameBytes = 2 * 65535;
constexpr std::size_t kMaxAgentFrameBytes = 512;

// Where what the scanner finds goes.
class FrameSink {
 public:
  // Bytes that go on, in order. They stay as they are until the next call of Scan returns.
  virtual void Pass(Bytes bytes) = 0;
  // A frame of tree building was left out.
  virtual void Dropped() = 0;
  // The body of a frame for this agent.
  virtual void Taken(Bytes body) = 0;
  // Traffic begins, once: none of it has been passed yet.
  virtual void FirstTraffic() = 0;
  // A traffic frame that does not go from one end of the link to the other.
  virtual void Transit() = 0;

 protected:
  ~FrameSink() = default;
};

// Reads the addresses of a traffic frame: two paths, each a row of uvarints with a zero at its end, then the keys of source
// and destination.
class TrafficAddresses {
 public:
  TrafficAddresses(const RouterKey& source, const RouterKey& destination);

  bool wanted() const { return wanted_; }
  void Open();
  void Close() { wanted_ = false; }
  // Returns whether it has become known that others talk.
  bool ReadsTransit(Bytes bytes);

 private:
  std::array<std::uint8_t, 64> expected_;
  std::array<std::uint8_t, 64> keys_{};
  std::size_t key_length_ = 0;
  int paths_ = 0;
  bool within_ = false;
  bool wanted_ = false;
};

// Finds the frames in one direction of a link, however its bytes are cut: the same as src/core/frames/frame-scanner.ts, and
// held to it by the same tests.
class FrameScanner {
 public:
  enum class Speaker { kRouter, kAgent };
  static constexpr std::size_t kNoBoundary = static_cast<std::size_t>(-1);

  struct Options {
    Speaker speaker;  // only an agent may send frames for agents
    bool hidden;      // drop tree building
    RouterKey source;
    RouterKey destination;
  };

  explicit FrameScanner(const Options& options);

  // False when it is not yggdrasil's; nothing that comes later is looked at.
  bool Scan(Bytes chunk, FrameSink& sink);
  // How many bytes must pass until a frame of ours may stand among what has passed.
  std::size_t UntilBoundary() const;

 private:
  enum class Stage : std::uint8_t { kGreeting, kHead, kBody, kBroken };
  enum class Verdict : std::uint8_t { kPass, kDrop, kTake };
  enum class Head : std::uint8_t { kMore, kComplete, kMalformed };

  bool Walk(Bytes chunk, FrameSink& sink);
  Head ReadHead(std::uint8_t byte);
  bool Begin(FrameSink& sink);
  void ReadBody(Bytes part, FrameSink& sink);
  void LeaveIfComplete(FrameSink& sink);

  const Speaker speaker_;
  const bool hidden_;
  Stage stage_ = Stage::kGreeting;
  Verdict verdict_ = Verdict::kPass;
  std::array<std::uint8_t, 6> held_{};    // a head that has not come to its end
  std::array<std::uint8_t, 6> resumed_{};  // one that began in an earlier chunk and passes
  std::size_t held_length_ = 0;
  std::size_t length_ = 0;
  std::size_t left_ = 0;
  std::vector<std::uint8_t> body_;  // of a frame for this agent, as far as it has come
  bool had_traffic_ = false;
  TrafficAddresses addresses_;
};

}  // namespace ratatoskr
