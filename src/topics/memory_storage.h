// A partition's records in memory only: a queue of its blocks.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "topics/key_offsets.h"
#include "topics/partition_storage.h"

namespace flashdb {

/// After a restart it is empty: the shard's log fills it again. So durable_lsn() follows what has
/// been trimmed only.
class MemoryStorage final : public PartitionStorage {
 public:
  /// Empty; its first block begins at `start`.
  explicit MemoryStorage(Offset start = 0) : start_(start), end_(start) {}

  Offset start() const override { return start_; }
  Offset end() const override { return end_; }
  Offset readable_end() const override { return end_; }
  uint64_t bytes() const override { return bytes_; }
  uint64_t record_count() const override { return records_; }
  UnixMillis max_timestamp() const override;
  uint64_t MemoryBytes() const override { return bytes_; }

  void Append(BlockRef block, Lsn lsn) override;
  void SkipTo(Offset offset) override;
  void Sync() override {}
  Lsn durable_lsn() const override { return trimmed_lsn_; }
  bool durable() const override { return blocks_.empty(); }
  Status failure() const override { return OkStatus(); }
  Status stalled() const override { return OkStatus(); }
  void Retry() override {}

  /// Blocks as they were appended, or merged to about `max_bytes` if they are much smaller.
  Task<StatusOr<BlockRef>> Read(Offset from, size_t max_bytes) override;
  Task<StatusOr<Offset>> OffsetOfTime(UnixMillis time) override;

  void TrimTo(Offset start) override;
  Offset StartFor(const RetentionLimits& limits, UnixMillis now) const override;
  /// All blocks but the last are compacted; a call visits at most kCompactedBytes of them.
  bool Compact(UnixMillis tombstones_before) override;

  bool Drop() override;
  bool busy() const override { return reads_ > 0; }
  Status FlushBlocking() override { return OkStatus(); }

 private:
  static constexpr size_t kCompactedBytes = 1u << 20;
  static constexpr size_t kFreedBytes = 1u << 20;  // at once, about

  struct Held {
    BlockRef block;
    Lsn lsn;
  };
  // Two passes over [start, end): which record of each key is the last, then away with the others.
  struct Compaction {
    Compaction(Offset from, Offset before, UnixMillis old)
        : next(from), end(before), tombstones_before(old) {}
    Offset next;
    Offset end;
    UnixMillis tombstones_before;
    bool copying = false;
    KeyBudget budget;  // as large as can be: memory has the records themselves
    KeyOffsets last_of_key{budget};
  };

  size_t IndexOf(Offset offset) const;  // of the block that covers it, or of the first after it
  void Replace(Held& held, BlockRef block);
  void BeginCompaction(UnixMillis tombstones_before);
  void NoteKeys(const RecordBlock& block);
  bool Keeps(const RecordView& record) const;
  void Thin(Held& held);

  std::deque<Held> blocks_;
  Offset start_;
  Offset end_;
  uint64_t bytes_ = 0;
  uint64_t records_ = 0;
  Lsn trimmed_lsn_ = 0;
  uint32_t reads_ = 0;
  std::optional<Compaction> compaction_;
  Offset compacted_to_ = 0;
};

}  // namespace flashdb
