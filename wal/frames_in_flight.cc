#include "wal/frames_in_flight.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flashdb {

FramesInFlight::FramesInFlight(size_t most, std::function<void(Frame&, int32_t)> on_ended)
    : most_(most), on_ended_(std::move(on_ended)) {}

FramesInFlight::Frame& FramesInFlight::Add(std::unique_ptr<FrameBuffer> buffer,
                                           std::span<const uint8_t> bytes, uint64_t seq,
                                           uint64_t now) {
  FLASHDB_CHECK(!full(), "{} frames are in flight", frames_.size());
  Frame& frame = frames_.emplace_back();
  frame.owner = this;
  frame.buffer = std::move(buffer);
  frame.bytes = bytes;
  frame.seq = seq;
  frame.started_nanos = now;
  frame.on_done = [](Completion& self, int32_t result) {
    auto& ended = static_cast<Frame&>(self);
    ended.ended = true;
    --ended.owner->unended_;
    ended.owner->on_ended_(ended, result);
  };
  ++unended_;
  return frame;
}

FramesInFlight::Frame* FramesInFlight::NextWritten() {
  if (given_ == frames_.size() || !frames_[given_].ended) return nullptr;
  return &frames_[given_++];
}

std::unique_ptr<FrameBuffer> FramesInFlight::TakeDurable(uint64_t seq, uint64_t now) {
  if (given_ == 0 || frames_.front().seq > seq) return nullptr;
  std::unique_ptr<FrameBuffer> buffer = std::move(frames_.front().buffer);
  last_commit_nanos_ = now - frames_.front().started_nanos;
  // The last eight or so count: a disk's speed changes with what else it does.
  if (average_commit_nanos_ == 0) average_commit_nanos_ = last_commit_nanos_;
  average_commit_nanos_ -= average_commit_nanos_ / 8;
  average_commit_nanos_ += last_commit_nanos_ / 8;
  // Steps down are four times as long as steps up: it settles where a fifth is faster.
  if (last_commit_nanos_ < usual_commit_nanos_ || usual_commit_nanos_ == 0) {
    usual_commit_nanos_ =
        std::max(last_commit_nanos_, usual_commit_nanos_ - usual_commit_nanos_ / 16);
  } else {
    usual_commit_nanos_ += usual_commit_nanos_ / 64;
  }
  frames_.pop_front();
  --given_;
  return buffer;
}

uint64_t FramesInFlight::NextStartNanos() const {
  return frames_.empty() ? 0 : frames_.back().started_nanos + average_commit_nanos_ / most_;
}

std::optional<FramesInFlight::UnderWay> FramesInFlight::Oldest() const {
  if (unended_ == 0) return std::nullopt;
  return UnderWay{frames_[given_].started_nanos, usual_commit_nanos_};
}

void FramesInFlight::DropEnded() {
  for (Frame& frame : frames_) {
    if (frame.ended) frame.buffer.reset();
  }
  while (!frames_.empty() && frames_.front().ended) frames_.pop_front();
  given_ = 0;
}

}  // namespace flashdb
