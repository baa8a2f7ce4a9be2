// One partition on the shard that owns its slot: where its next record goes, the newest records
// until its storage has them, its producers' last batches and its groups' committed offsets.
//
// All of it follows from the log: Append, Commit and Trim are called by the TopicStore, for a
// command (which logs the same) and in replay alike. Used by the owner's thread only.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "topics/partition_storage.h"
#include "topics/record_block.h"
#include "topics/types.h"

namespace flashdb {

/// A long poll on another (or the own) shard that wants to hear of new records; see client_waits.h.
struct ClientWait {
  ShardId home;
  uint64_t token;
};

/// The last batch of an idempotent producer.
struct ProducerBatch {
  uint64_t sequence = 0;
  Offset first = 0;
  uint32_t count = 0;
  UnixMillis timestamp = 0;
};

struct PartitionCommit {
  Offset offset = 0;
  UnixMillis at = 0;
  std::string metadata;
};

class Partition;

/// Kept by the FlushQueue.
struct FlushPlace {
  using List = std::list<Partition*>;
  enum Stage : uint8_t { kNowhere, kWaiting, kFlushing };
  Stage stage = kNowhere;
  bool marked = false;  // since it is being flushed: see MarkSettlesAt
  uint64_t since = 0;   // it waits; nanoseconds of the monotonic clock
  List::iterator at;
};

// Aligned, so that what an append needs is two lines of the cache.
class alignas(64) Partition {
 public:
  /// Producers that are remembered; of more, those whose last batch is the oldest are forgotten.
  static constexpr size_t kMaxProducers = 10'000;

  Partition(TopicId topic, PartitionNumber number, SlotId slot,
            std::unique_ptr<PartitionStorage> storage);

  TopicId topic() const { return topic_; }
  PartitionNumber number() const { return number_; }
  SlotId slot() const { return slot_; }
  /// Offsets [start(), end()) are there (but those that compaction has removed).
  Offset start() const { return start_; }
  Offset end() const { return end_; }
  uint64_t record_count() const { return storage_->record_count() + not_given_records_; }
  uint64_t bytes() const { return storage_->bytes() + not_given_bytes_; }
  UnixMillis last_timestamp() const { return last_timestamp_; }
  /// A record had that time which was removed since, or is in the storage.
  void NoteTimestamp(UnixMillis time) { last_timestamp_ = std::max(last_timestamp_, time); }
  PartitionStorage& storage() { return *storage_; }
  const PartitionStorage& storage() const { return *storage_; }

  // ---- Records -------------------------------------------------------------------------------

  /// The timestamp that a record appended at `now` gets: they never fall.
  UnixMillis NextTimestamp(UnixMillis now) const { return std::max(now, last_timestamp_); }
  /// Takes a copy of the frame, whose offset must be end().
  void Append(std::string_view frame, UnixMillis timestamp);
  /// Bytes that the storage has not been given or cannot give back yet.
  uint64_t tail_bytes() const { return tail_bytes_; }
  /// The first offset that is in the tail; end() if none is.
  Offset tail_start() const { return tail_.empty() ? end_ : tail_.front()->base(); }
  /// The tail's block with `offset`, which is at least tail_start(); null at end(). Only the last
  /// one may still grow (TailGrows).
  BlockRef TailBlock(Offset offset) const;
  bool TailGrows(const RecordBlock& block) const { return &block == open_ && !block.full(); }

  /// From now on the partition begins at `start` at least.
  void TrimTo(Offset start);

  // ---- On the way to the storage -------------------------------------------------------------

  /// What is there now will be settled with `lsn`; ignored while an earlier mark is waited for.
  void MarkSettlesAt(Lsn lsn);
  Lsn mark_lsn() const { return mark_lsn_; }  // 0: none
  /// Of records behind the last mark.
  uint64_t unmarked_bytes() const { return unmarked_bytes_; }
  /// The mark's LSN is settled. Gives the blocks up to it to the storage.
  void FlushToMark();
  bool FullyGiven() const { return storage_->end() == end_; }
  /// Records are in the tail that the storage has been given.
  bool IsBeingStored() const { return tail_start() < storage_->end(); }
  /// Records up to this one are on disk in the topic's files.
  Lsn durable_lsn() const { return storage_->durable_lsn(); }
  /// Takes the blocks out of the tail that the storage can give back now.
  std::vector<BlockRef> TakeReadable();
  /// Everything is settled: gives the storage all that it lacks. It may be busy afterwards.
  void GiveAll();
  /// For recovery: everything is settled; blocks until the storage has all of it.
  Status FlushBlocking();

  // ---- Producers and groups ------------------------------------------------------------------

  const ProducerBatch* FindProducer(std::string_view id) const;
  void NoteProducer(std::string_view id, const ProducerBatch& batch);
  const absl::flat_hash_map<GroupId, PartitionCommit>& commits() const { return commits_; }
  const PartitionCommit* FindCommit(GroupId group) const;
  void PutCommit(GroupId group, PartitionCommit commit) { commits_[group] = std::move(commit); }
  void ForgetGroup(GroupId group) { commits_.erase(group); }

  // ---- Those who wait ------------------------------------------------------------------------

  std::vector<ClientWait>& waits() { return waits_; }

  // ---- Ahead of an append that is near: each step reads what the one before has loaded --------

  void PrefetchSelf() const;
  void PrefetchTail() const;
  void PrefetchEnd() const;

  // ---- Kept by the TopicStore ----------------------------------------------------------------

  /// In the BlockCache.
  uint64_t cache_handle() const { return topic_ * kMaxPartitions + number_; }
  FlushPlace flush_place;
  uint32_t cache_records = 0;  // how many the cache keeps

 private:
  void Mark(Lsn lsn);
  RecordBlock& BlockWithRoom();
  void ForgetOldProducers();

  const TopicId topic_;
  const PartitionNumber number_;
  const SlotId slot_;

  // What an append reads and changes.
  RecordBlock* open_ = nullptr;  // the last block of the tail, unless it is marked
  std::vector<ClientWait> waits_;
  Offset end_;
  UnixMillis last_timestamp_;
  uint64_t tail_bytes_ = 0;
  uint64_t unmarked_bytes_ = 0;
  uint64_t not_given_bytes_ = 0;  // to the storage
  uint64_t not_given_records_ = 0;

  std::unique_ptr<PartitionStorage> storage_;
  Offset start_;
  std::deque<std::shared_ptr<RecordBlock>> tail_;
  size_t block_bytes_ = 0;    // of the last block when the next one began,
  size_t block_records_ = 0;  // and its records
  Offset mark_end_ = 0;       // of the running mark, or of the last one
  Lsn mark_lsn_ = 0;
  absl::flat_hash_map<std::string, ProducerBatch, StringHash, StringEq> producers_;
  absl::flat_hash_map<GroupId, PartitionCommit> commits_;
};

}  // namespace flashdb
