// Reads the frames of one segment in order, through a buffer of fixed size (a larger frame takes
// one of its own for a while). Every frame's checksum is verified.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "topics/record.h"
#include "topics/segment_files.h"

namespace flashdb {

/// A read of the next buffer while this one is being used. Lives until it has ended.
struct ReadAhead;

/// `for (;;) switch (reader.Next(...)) case kMore: co_await reader.Fill()`. The segment may grow
/// meanwhile; kEnd is then followed by records again.
class FrameReader {
 public:
  enum class Step : uint8_t {
    kRecord,
    kMore,     // call Fill
    kEnd,      // of what is written
    kDamaged,  // at position() there is no whole frame, or not the one that should be there
  };

  /// Begins at `position`, where a frame begins.
  FrameReader(SegmentFiles& files, SegmentRef segment, uint64_t position);
  ~FrameReader();
  FrameReader(const FrameReader&) = delete;
  FrameReader& operator=(const FrameReader&) = delete;

  /// The next record; views are valid until the next Fill.
  Step Next(RecordView* record, std::string_view* frame);
  /// The size of the next record's frame, if enough is loaded to tell; 0 otherwise.
  size_t NextBytes() const { return FrameSizeAt(Loaded()); }
  /// Reads on. Aborted if the segment is gone; ErrnoStatus naming the file if reading fails.
  Task<Status> Fill();
  /// The first read takes about so much: for a reader that may need little.
  void set_first_read(size_t bytes) { next_read_ = std::min(bytes, SegmentFiles::kReadBytes); }
  /// From now on the next buffer is read while one is being used.
  void set_read_ahead() { wants_read_ahead_ = true; }

  const SegmentRef& segment() const { return segment_; }
  /// Of the next frame.
  uint64_t position() const { return position_; }

 private:
  std::string_view Loaded() const {
    return {reinterpret_cast<const char*>(bytes_) + begin_, end_ - begin_};
  }
  uint64_t LoadedEnd() const { return position_ + (end_ - begin_); }
  Task<Status> ReadInto(uint64_t position, std::span<uint8_t> into);
  Task<Status> FillLarge(size_t frame_bytes);
  bool TakeAhead(ReadAhead& ahead);
  void BeginReadAhead();

  SegmentFiles& files_;
  SegmentRef segment_;
  uint64_t position_;
  Offset expected_ = 0;  // the next record's offset is at least this
  SegmentFiles::Buffer buffer_;
  std::unique_ptr<uint8_t[]> large_;
  uint8_t* bytes_ = nullptr;  // in buffer_ or large_
  size_t begin_ = 0;
  size_t end_ = 0;
  size_t next_read_ = SegmentFiles::kReadBytes;
  bool wants_read_ahead_ = false;
  std::shared_ptr<ReadAhead> ahead_;
};

}  // namespace flashdb
