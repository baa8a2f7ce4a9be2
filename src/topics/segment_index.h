// Where the records of one segment are: sparse, one entry for about 8 KiB of its .log file. Grown
// in memory while the segment is written or scanned; two files afterwards.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "topics/segment_format.h"

namespace flashdb {

class SegmentIndex {
 public:
  /// There is an entry for the first record that begins this many bytes after the last one's.
  static constexpr uint64_t kGapBytes = 8192;

  explicit SegmentIndex(Offset base) { facts_.base = facts_.end = base; }

  /// Takes the next record, whose frame is `bytes` at `position`.
  void Add(Offset offset, UnixMillis timestamp, uint64_t position, size_t bytes);
  /// The head has been written, and no record yet.
  void AddHead() { facts_.log_bytes = kSegmentHeadBytes; }
  /// The segment covers offsets up to `end`, though it may have no records there.
  void CoverTo(Offset end) { facts_.end = std::max(facts_.end, end); }

  const SegmentSummary& facts() const { return facts_; }
  /// A position at or before the first record at or after `offset`, where a frame begins.
  uint64_t PositionFor(Offset offset) const;
  /// All records of the segment before this offset are earlier than `time`.
  Offset OffsetFor(UnixMillis time) const;
  /// The first entry's offset beyond `position`, to go on after damage; the segment's end if there
  /// is none.
  Offset OffsetAfter(uint64_t position) const;
  size_t MemoryBytes() const;

  /// The contents of the two files.
  std::string EncodeOffsets(const SegmentOwner& owner) const;
  std::string EncodeTimes(const SegmentOwner& owner) const;
  /// DataLoss, saying what is wrong, if the files are not whole, are another segment's, or do not
  /// fit each other or a log of `log_bytes`.
  static StatusOr<SegmentIndex> Decode(const SegmentOwner& owner, Offset base, uint64_t log_bytes,
                                       std::string_view offsets_file, std::string_view times_file);

  bool operator==(const SegmentIndex&) const = default;

 private:
  struct OffsetEntry {
    uint32_t relative_offset;
    uint32_t position;
    bool operator==(const OffsetEntry&) const = default;
  };
  // No record before the offset is later than the timestamp. Timestamps rise.
  struct TimeEntry {
    UnixMillis timestamp;
    uint32_t relative_offset;
    bool operator==(const TimeEntry&) const = default;
  };

  SegmentSummary facts_;
  std::vector<OffsetEntry> offsets_;
  std::vector<TimeEntry> times_;
};

}  // namespace flashdb
