// Consecutive records of one partition in memory, as their frames: the unit of the cache and of
// what goes to the files. Offsets rise, with gaps where compaction has removed records.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "topics/record.h"

namespace flashdb {

class RecordBlock {
 public:
  /// A block that holds this many bytes or records takes no more.
  static constexpr size_t kFullBytes = 64 * 1024;
  static constexpr size_t kFullRecords = 256;

  /// Covers offsets from `base` on, whether or not the first record has that one.
  explicit RecordBlock(Offset base) : base_(base), end_(base) {}

  /// Makes room for so much at once.
  void Reserve(size_t bytes, size_t records);
  /// Takes over a copy of one whole frame, whose record is `offset` >= end().
  void Append(std::string_view frame, Offset offset, UnixMillis timestamp);
  /// The block covers offsets up to `end` (>= end()): those without a record have none.
  void CoverTo(Offset end);

  Offset base() const { return base_; }
  Offset end() const { return end_; }
  size_t count() const { return starts_.size(); }
  std::string_view bytes() const { return bytes_; }
  UnixMillis first_timestamp() const { return first_timestamp_; }
  UnixMillis last_timestamp() const { return last_timestamp_; }
  /// The latest of all; clocks may step back.
  UnixMillis max_timestamp() const { return max_timestamp_; }
  bool full() const { return bytes_.size() >= kFullBytes || count() >= kFullRecords; }
  /// Loads the places that the next Append writes to.
  void PrefetchEnd() const;
  /// Heap bytes, the object included.
  size_t MemoryBytes() const;

  /// Index of the first record at or after `offset`; count() if there is none.
  size_t IndexOf(Offset offset) const;
  /// The frames of records [first, last).
  std::string_view Frames(size_t first, size_t last) const;
  Offset OffsetAt(size_t index) const;
  UnixMillis TimestampAt(size_t index) const;

 private:
  Offset base_;
  Offset end_;
  UnixMillis first_timestamp_ = 0;
  UnixMillis last_timestamp_ = 0;
  UnixMillis max_timestamp_ = 0;
  std::string bytes_;
  std::vector<uint32_t> starts_;  // of each frame in bytes_
};

using BlockRef = std::shared_ptr<const RecordBlock>;

}  // namespace flashdb
