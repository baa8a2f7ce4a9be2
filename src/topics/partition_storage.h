// Where a partition's settled records are kept: one interface, two implementations (MemoryStorage,
// FileStorage). The partition's own log position comes from the shard's log; a storage may lag
// behind it, and after a crash it may hold fewer records than it had taken: they are in the log.
//
// Owned by the partition and used by its shard's thread only. A storage is destroyed only when it
// is not busy().
#pragma once

#include <memory>

#include "base/status.h"
#include "shards/task.h"
#include "topics/record_block.h"
#include "topics/types.h"

namespace flashdb {

/// What a partition keeps; 0 means no limit. Whole segments (or blocks, in memory) go: those whose
/// records are all older than the age, and the oldest as long as the others have at least
/// max_bytes.
struct RetentionLimits {
  uint64_t max_bytes = 0;
  uint64_t max_age_ms = 0;
};

class PartitionStorage {
 public:
  virtual ~PartitionStorage() = default;

  /// The storage covers offsets [start(), end()): what Append has been given and has been taken.
  /// end() is where the next block must begin.
  virtual Offset start() const = 0;
  virtual Offset end() const = 0;
  /// Blocks below this offset are no longer needed in memory: Read gives them.
  virtual Offset readable_end() const = 0;
  /// Bytes of frames kept.
  virtual uint64_t bytes() const = 0;
  virtual uint64_t record_count() const = 0;
  /// The latest time of its records; 0 if it has none.
  virtual UnixMillis max_timestamp() const = 0;
  /// Of these bytes, those that memory keeps for as long as the storage has them. O(1).
  virtual uint64_t MemoryBytes() const = 0;

  /// Takes the next block (its base is end()). Returns at once; readable_end() follows. `lsn` is
  /// that of the block's last record in the shard's log.
  virtual void Append(BlockRef block, Lsn lsn) = 0;
  /// The next block will begin at `offset` >= end() (a CHECK otherwise); there are no records
  /// between. For recovery: what the files should hold next is neither there nor in the log.
  virtual void SkipTo(Offset offset) = 0;
  /// Begins to make durable all that was appended; durable_lsn() and durable() follow.
  virtual void Sync() = 0;
  /// Records up to this LSN (of those given to Append) need the shard's log no more: they would
  /// survive a power failure without it, or are no longer kept. What lets log segments be recycled.
  virtual Lsn durable_lsn() const = 0;
  /// That is so for all records, also for those that were found at the start.
  virtual bool durable() const = 0;
  /// The first failed operation; final: nothing more is taken after it (Append does nothing), and
  /// what was taken and is not below readable_end() will not be there after a restart.
  virtual Status failure() const = 0;
  /// What keeps it from going on for now and may pass: a full disk, too few descriptors. Nothing is
  /// lost. Ok again from Retry() on, until that has met the same.
  virtual Status stalled() const = 0;
  /// Tries again, in the background, what is stalled.
  virtual void Retry() = 0;

  /// The records from the first at or after `from` (start() <= from < readable_end()) on, about
  /// `max_bytes` of frames but at least one record; fewer if the block ends at a segment's end. The
  /// block covers all offsets from `from` to its end(); it may have records before `from` too, and
  /// none if there are none up to readable_end(). DataLoss, naming file and offset, if bytes
  /// are damaged; OutOfRange if `from` was trimmed away meanwhile.
  virtual Task<StatusOr<BlockRef>> Read(Offset from, size_t max_bytes) = 0;
  /// The offset of the first record whose timestamp is at least `time`; readable_end() if there is
  /// none.
  virtual Task<StatusOr<Offset>> OffsetOfTime(UnixMillis time) = 0;

  /// Forgets records below `start`, as far as whole segments allow, in the background.
  virtual void TrimTo(Offset start) = 0;
  /// The start that `limits` allow at `now`: records below may go. Never beyond readable_end(). If
  /// much may go, a part of it, which trimming takes a short time for: ask again then.
  virtual Offset StartFor(const RetentionLimits& limits, UnixMillis now) const = 0;
  /// Begins (or goes on with) compaction: of records with the same key only the last stays, and of
  /// tombstones none that is older than `tombstones_before`. Bounded work per call, in the
  /// background; true if there is more to do now.
  virtual bool Compact(UnixMillis tombstones_before) = 0;

  /// Removes everything: a part of what is in memory per call, so that a call is short, and files
  /// in the background. True if it has to be called again. Nothing else is asked of it afterwards.
  virtual bool Drop() = 0;
  /// An asynchronous operation or a Read is under way.
  virtual bool busy() const = 0;
  /// Blocking, for recovery and shutdown; not while busy() (a CHECK): all that was appended is
  /// readable and durable on return, or failure() or stalled() is returned.
  virtual Status FlushBlocking() = 0;
};

}  // namespace flashdb
