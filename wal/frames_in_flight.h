// The frames of one log that are being written: their order, and when the next may leave.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "io/completion.h"
#include "wal/frame_buffer.h"

namespace flashdb {

/// Writes end in any order; a frame counts as written only when all before it do, too. Belongs to
/// one LogWriter and its thread. Destroy it only when no completion can arrive any more.
class FramesInFlight {
 public:
  struct Frame : Completion {
    FramesInFlight* owner = nullptr;
    std::unique_ptr<FrameBuffer> buffer;  // stays until the write has ended
    std::span<const uint8_t> bytes;       // what is being written; its memory is the buffer's
    uint64_t seq = 0;
    uint64_t started_nanos = 0;
    bool ended = false;
  };

  /// At most `most` frames at a time. `on_ended` is called for each write that ends, with the
  /// operation's result.
  FramesInFlight(size_t most, std::function<void(Frame&, int32_t)> on_ended);

  bool empty() const { return frames_.empty(); }
  bool full() const { return frames_.size() >= most_; }
  size_t size() const { return frames_.size(); }
  /// Some write has not ended.
  bool writing() const { return unended_ > 0; }

  /// The completion for the write of `bytes`; it stays in place until the frame is dropped.
  Frame& Add(std::unique_ptr<FrameBuffer> buffer, std::span<const uint8_t> bytes, uint64_t seq,
             uint64_t now);

  /// The oldest frame that is written and was not given before; nothing while one before it is
  /// still being written.
  Frame* NextWritten();
  /// Drops the oldest frame, which NextWritten gave, if its number is at most `seq`: it counts as
  /// durable from `now` on. The buffer it used, or nothing if there is no such frame.
  std::unique_ptr<FrameBuffer> TakeDurable(uint64_t seq, uint64_t now);
  /// Of the frame that TakeDurable gave last.
  uint64_t last_commit_nanos() const { return last_commit_nanos_; }

  /// From when on a frame that is not full is worth a write of its own. Frames leave evenly spaced
  /// over the time that a commit takes, so each carries its share of what arrives in that time.
  uint64_t NextStartNanos() const;

  /// The oldest write under way: when it was started, and how long a write usually takes until it
  /// is durable when it is quick (a fifth is quicker still).
  struct UnderWay {
    uint64_t started_nanos;
    uint64_t usual_nanos;
  };
  std::optional<UnderWay> Oldest() const;

  /// The log has failed: forgets what has ended. Call it after each later end, too.
  void DropEnded();

 private:
  size_t most_;
  std::function<void(Frame&, int32_t)> on_ended_;
  std::deque<Frame> frames_;  // only its ends change, so that frames stay in place
  size_t unended_ = 0;
  size_t given_ = 0;  // by NextWritten, of those still in frames_
  uint64_t last_commit_nanos_ = 0;
  uint64_t average_commit_nanos_ = 0;
  uint64_t usual_commit_nanos_ = 0;  // a fifth of the last ones took less
};

}  // namespace flashdb
