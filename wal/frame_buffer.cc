#include "wal/frame_buffer.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace flashdb {

FrameBuffer::FrameBuffer(uint32_t block_bytes, uint64_t capacity)
    : block_bytes_(block_bytes), capacity_(capacity), header_span_(SegmentHeaderSpan(block_bytes)) {
  FLASHDB_CHECK(capacity % block_bytes == 0, "frame of {} bytes, blocks of {}", capacity,
                block_bytes);
  size_t bytes = RoundUp(header_span_ + capacity, header_span_);
  memory_.reset(static_cast<uint8_t*>(std::aligned_alloc(header_span_, bytes)));
  FLASHDB_CHECK(memory_ != nullptr, "out of memory for a log buffer of {} bytes", bytes);
  frame_ = memory_.get() + header_span_;
  Reset(0);
}

void FrameBuffer::TouchMemory() {
  constexpr uint64_t kMost = 1u << 20;
  std::memset(memory_.get(), 0, header_span_ + std::min(capacity_, kMost));
}

void FrameBuffer::Reset(Lsn base_lsn) {
  used_ = kFrameHeaderBytes;
  fragments_ = records_ = 0;
  base_lsn_ = last_lsn_ = base_lsn;
}

void FrameBuffer::BeginFragment(const FragmentHeader& header) {
  FLASHDB_CHECK(static_cast<int64_t>(header.length) <= room(), "fragment of {} bytes, room for {}",
                header.length, room());
  EncodeFragmentHeader(header, frame_ + used_);
  used_ += kFragmentHeaderBytes;
  ++fragments_;
}

void FrameBuffer::Put(std::string_view bytes) {
  if (bytes.empty()) return;
  std::memcpy(frame_ + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
}

void FrameBuffer::Seal(uint64_t frame_seq, uint64_t epoch, uint64_t durable_frame_seq) {
  std::memset(frame_ + used_, 0, padded_bytes() - used_);
  FrameHeader header{
      static_cast<uint32_t>(used_), frame_seq, epoch, durable_frame_seq, last_lsn_, fragments_};
  SealFrame(header, frame_);
}

std::span<const uint8_t> FrameBuffer::FrameAfter(const SegmentHeader& header) {
  uint8_t* start = memory_.get();
  std::memset(start, 0, header_span_);
  EncodeSegmentHeader(header, start);
  return {start, header_span_ + padded_bytes()};
}

}  // namespace flashdb
