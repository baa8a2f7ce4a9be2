// The topics of one shard: the catalog, the partitions whose slots the shard owns, the cache of
// their newest records, and the way from the log to the topics' files.
//
// Everything that changes goes through the mutators here, which log through the keyspace's door;
// replay (Apply) does the same again. Used by its shard's thread only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "shards/shard.h"
#include "shards/tenant.h"
#include "topics/block_cache.h"
#include "topics/catalog.h"
#include "topics/client_waits.h"
#include "topics/file_storage.h"
#include "topics/flush_queue.h"
#include "topics/group_coordinator.h"
#include "topics/partition.h"
#include "topics/topic_service.h"

namespace flashdb {

struct TopicOptions {
  std::string directory;  // of the topics' files
  StorageKind default_storage = StorageKind::kFile;
  bool auto_create = true;
  uint64_t max_value_bytes = uint64_t{1} << 20;  // of one record
  uint64_t cache_bytes = uint64_t{64} << 20;     // of this shard
  uint64_t segment_bytes = uint64_t{256} << 20;
  /// Whether the log is ever synced: then the files get only what is on disk in the log, so that
  /// after a power failure they are not ahead of it.
  bool log_is_synced = true;
  /// Records that only the log has are kept in memory; from this many bytes on, appends wait.
  uint64_t unflushed_bytes = uint64_t{256} << 20;
  /// Milliseconds after which a partition's records go to its files anyway.
  uint64_t flush_interval = 10'000;
  size_t max_open_files = 256;  // of topics, on this shard
  /// Whole blocks of one write to a file that go past the page cache; and its size.
  size_t direct_bytes = 128u << 10;
  size_t write_bytes = WriteBuffers::kLargeBytes;
};

/// Of one read: it ends before these are exceeded, but has at least one record if there is one.
struct ReadLimits {
  uint32_t records;
  uint64_t bytes;   // of frames
  uint64_t enough;  // bytes for which files are not waited for any more; at most `bytes`
};

class TopicStore final : public Tenant {
 public:
  using PartitionKey = std::pair<TopicId, PartitionNumber>;

  /// `files` must outlive the store. Makes itself the tenant of the shard's keyspace.
  TopicStore(Shard& shard, FileSystem& files, TopicOptions options);
  ~TopicStore() override;

  /// The running shard's.
  static TopicStore& Here();

  const TopicOptions& options() const { return options_; }
  /// The directory, the size of segments and the open files stay what they are.
  void set_options(const TopicOptions& options) {
    options_ = options;
    cache_.set_max_bytes(options.cache_bytes);
  }
  Shard& shard() { return shard_; }
  const Catalog& catalog() const { return catalog_; }
  GroupCoordinator& groups() { return groups_; }
  ClientWaits& waits() { return waits_; }
  /// Which partition the next batch without a key goes to.
  PartitionNumber NextPartition(const Topic& topic) {
    return next_partition_++ % topic.config.partitions;
  }

  // ---- Changes of the catalog: called on every shard by one transaction over all slots ----------

  const Topic& PutTopic(Topic topic);  // id 0: a new one
  void RemoveTopic(TopicId id);
  const Group& PutGroup(Group group);  // id 0: a new one
  void RemoveGroup(GroupId id);

  // ---- Partitions ----------------------------------------------------------------------------

  /// The partition, whose slot is owned here; nullptr if the topic has none of that number. What is
  /// told of it depends on its slot's last change (noted for the gate).
  Partition* Find(TopicId topic, PartitionNumber number);
  Partition* Find(const Topic& topic, PartitionNumber number) { return Find(topic.id, number); }
  /// Loads what appends to these partitions will read, as far as they are here.
  void Prefetch(std::span<const PartitionKey> partitions) const;
  /// Appends and logs. The records are within the limits. Returns what the client is told; for a
  /// stamp that repeats the producer's last batch, that batch. FailedPrecondition if the sequence
  /// is older than that.
  StatusOr<AppendedPart> Append(Partition& partition, std::span<const RecordInput* const> records,
                                const ProducerStamp* stamp);
  /// Whether the producer's `last` batch (null: it has none) was the one with that stamp.
  /// FailedPrecondition if it had another number of records, or was a later one.
  static StatusOr<bool> IsRepeated(const ProducerBatch* last, size_t records,
                                   const ProducerStamp& stamp);
  /// OutOfRange if the offset is above `end`, the partition's.
  static Status CheckCommit(const Partition& partition, const OffsetCommit& commit, Offset end);
  /// The group's next record is `commit.offset`. As CheckCommit.
  Status Commit(Partition& partition, const Group& group, const OffsetCommit& commit);

  /// Reads from memory. False if what is there is not enough, and more has to come from the
  /// storage. `from` is at least start() and at most end().
  bool ReadFromMemory(Partition& partition, Offset from, const ReadLimits& limits,
                      FetchedPart& part);
  /// Goes on from the storage, and from memory where that goes on, up to part.high_watermark. The
  /// limits are of all of `part`.
  Task<StatusOr<FetchedPart>> ReadFromStorage(Partition& partition, FetchedPart part,
                                              ReadLimits limits);

  /// The first record at or after `time`; end() if there is none.
  Task<StatusOr<Offset>> OffsetOfTime(Partition& partition, UnixMillis time);

  // ---- In the background ---------------------------------------------------------------------

  /// Once a turn. Gives settled records to the files, applies retention and compaction.
  void Pump();
  /// When Pump() has something to do next; MonotonicNanos of the clock.
  uint64_t NextDeadlineNanos() const;
  /// So much is on its way to the files that appends should wait.
  bool Behind() const { return unflushed_bytes_ > options_.unflushed_bytes; }
  /// So much that even appends are refused that were on their way already when it began.
  bool FarBehind() const { return unflushed_bytes_ > options_.unflushed_bytes + kInFlightBytes; }
  /// Some shard of the process is behind (any thread may ask).
  static bool AnyBehind() { return shards_behind_.load(std::memory_order_relaxed) > 0; }
  /// `wait` is woken when this shard is no longer behind. False if it is not, or if waiting does
  /// not help because the files have failed.
  bool AwaitRoom(const ClientWait& wait);
  /// The topics' files could not be written or read; it stays so. (If the disk is full they are
  /// written again when there is room.)
  bool failed() const { return !failure_.ok(); }
  /// Why appends are refused that have waited for long enough.
  Status BehindStatus() const;
  /// An asynchronous operation is under way.
  bool busy() const;
  /// Log records up to this one are no longer needed by the topics: their records have reached the
  /// files. (What lets log segments be recycled, once checkpoints cover the keys in them.)
  Lsn DurableLsn() const;

  // ---- Start and end -------------------------------------------------------------------------

  Status Apply(EffectOp op, Decoder& in, Lsn lsn) override;
  /// Records in memory: not yet in files, cached, or of topics that are kept there.
  size_t MemoryBytes() const override {
    return unflushed_bytes_ + cache_.bytes() + stored_in_memory_;
  }
  /// Before replay; blocking.
  Status Prepare();
  /// After replay; blocking. From now on files are used through `async`.
  Status FinishRecovery(AsyncFiles& async);
  /// Removes what is left of topics that are gone. After FinishRecovery of all shards, by one of
  /// them; blocking.
  Status RemoveLeftovers();
  /// After the loop has ended, when all is settled: the files are given all that they lack.
  void GiveAll();
  /// After GiveAll(), when no operation is under way (busy()); blocking. The files have all then.
  Status Close();

  TopicStats Stats() const;

 private:
  static constexpr uint64_t kInFlightBytes = uint64_t{64} << 20;
  static constexpr uint64_t kFlushBytes = 256 * 1024;  // that a partition does not wait with

  // topic_store_apply.cc
  Status ApplyTopicPut(Decoder& in);
  Status ApplyAppend(Decoder& in);
  Status ApplyFrames(Partition* partition, const Topic* topic, uint64_t count, Decoder& in,
                     ProducerBatch& batch);
  Status ApplyCommit(Decoder& in);
  Status ApplyTrim(Decoder& in);
  Partition* PartitionToReplay(const Topic* topic, uint64_t number) const;
  Status FlushReplayed();
  Status BuryReplayed();

  // topic_store.cc
  enum class FilesOf : uint8_t { kNewTopic, kRecovery };
  StatusOr<std::unique_ptr<PartitionStorage>> NewStorage(const Topic& topic, PartitionNumber number,
                                                         FilesOf files);
  Status AddPartitions(const Topic& topic, FilesOf files);
  void DropPartition(std::unique_ptr<Partition> partition);
  bool TakeFromMemory(Partition& partition, const ReadLimits& limits, FetchedPart& part);
  /// The one way into a tail: counts the frame and lists the partition as dirty.
  void AppendToTail(Partition& partition, std::string_view frame, UnixMillis timestamp);
  void WakeWaits(Partition& partition);
  static void WakeAll(std::vector<ClientWait>& waits);
  void NoteBehind();
  void CountBehind(bool behind);

  // topic_store_flush.cc
  bool NameIsTaken(const Partition& partition) const;
  /// So many bytes are not on their way to the files that some have to go now, though they be few.
  bool Hurries() const { return unmarked_bytes_ >= options_.unflushed_bytes / 2; }
  bool FlushIsDue(uint64_t nanos) const;
  void BeginFlushes(uint64_t nanos);
  bool FlushSome(Partition& partition);
  void TakeReadable(Partition& partition);
  /// Runs `change` and counts what it adds to or takes from a storage in memory.
  template <typename F>
  void CountStored(Partition& partition, F change);
  void Retain(Partition& partition, UnixMillis now);
  void RetainSome(UnixMillis now);
  void Fail(Status status);
  void NoteStall();
  void BuryDead(size_t most);

  Shard& shard_;
  Keyspace& keys_;
  TopicOptions options_;
  Catalog catalog_;
  SegmentFiles segment_files_;
  BlockCache cache_;
  GroupCoordinator groups_;
  ClientWaits waits_;
  PartitionNumber next_partition_ = 0;
  absl::flat_hash_map<PartitionKey, std::unique_ptr<Partition>> partitions_;
  FlushQueue flushes_;
  struct Dropped {
    std::unique_ptr<Partition> partition;
    bool waits = true;  // its storage has to be told (again) to remove everything
  };
  std::vector<Dropped> dropped_;  // until their removal is settled and done
  std::vector<PartitionKey> retain_round_;
  std::vector<ClientWait> room_waits_;  // until this shard is no longer behind
  bool counted_behind_ = false;         // in shards_behind_
  static inline std::atomic<uint32_t> shards_behind_ = 0;
  uint64_t unflushed_bytes_ = 0;
  uint64_t unmarked_bytes_ = 0;  // those of them that are not on their way to the files
  uint64_t stored_in_memory_ = 0;
  uint64_t next_pump_nanos_ = 0;
  UnixMillis next_retention_ = 0;
  bool retains_more_ = false;  // it goes on at the next pump
  Status failure_;
  Status stall_;                  // of some partition; what is told of it
  Status stall_met_;              // in this round of retries
  bool retries_stalled_ = false;  // this pump
  uint64_t next_retry_nanos_ = 0;
  TopicStats stats_;
};

template <typename F>
void TopicStore::CountStored(Partition& partition, F change) {
  const uint64_t before = partition.storage().MemoryBytes();
  change();
  stored_in_memory_ += partition.storage().MemoryBytes() - before;
}

}  // namespace flashdb
