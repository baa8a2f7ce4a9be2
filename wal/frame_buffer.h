// The memory in which one frame is gathered and from which it is written.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "wal/format.h"

namespace flashdb {

/// Aligned for direct writes. In front of the frame there is room for a segment header, so that the
/// first frame of a segment and the header go out in one write. Owned by one thread.
class FrameBuffer {
 public:
  /// `capacity`: the longest frame with its padding, a multiple of `block_bytes`.
  FrameBuffer(uint32_t block_bytes, uint64_t capacity);

  /// Has the kernel give its memory now (of a very large one the first MiB), not when it is needed.
  void TouchMemory();

  /// Empties it for a new frame; `base_lsn` is the last record complete before it.
  void Reset(Lsn base_lsn);

  /// Payload bytes that one more fragment could hold; negative if not even its header fits.
  int64_t room() const {
    return static_cast<int64_t>(capacity_ - used_) - static_cast<int64_t>(kFragmentHeaderBytes);
  }
  /// Begins a fragment; exactly `header.length` bytes (at most room()) must follow through Put.
  void BeginFragment(const FragmentHeader& header);
  void Put(std::string_view bytes);
  void CompleteRecord(Lsn lsn) {
    last_lsn_ = lsn;
    ++records_;
  }

  /// Fills in the frame header, checksum and padding.
  void Seal(uint64_t frame_seq, uint64_t epoch, uint64_t durable_frame_seq);
  /// The sealed frame with its padding.
  std::span<const uint8_t> Frame() const { return {frame_, padded_bytes()}; }
  /// The sealed frame behind the segment header that belongs before it.
  std::span<const uint8_t> FrameAfter(const SegmentHeader& header);

  uint64_t padded_bytes() const { return RoundUp(used_, block_bytes_); }
  bool empty() const { return fragments_ == 0; }
  uint32_t records() const { return records_; }
  Lsn base_lsn() const { return base_lsn_; }
  Lsn last_lsn() const { return last_lsn_; }

 private:
  struct Free {
    void operator()(uint8_t* memory) const { std::free(memory); }
  };

  uint32_t block_bytes_;
  uint64_t capacity_;
  uint64_t header_span_;
  std::unique_ptr<uint8_t, Free> memory_;
  uint8_t* frame_;
  uint64_t used_ = 0;
  uint32_t fragments_ = 0;
  uint32_t records_ = 0;
  Lsn base_lsn_ = 0;
  Lsn last_lsn_ = 0;
};

}  // namespace flashdb
