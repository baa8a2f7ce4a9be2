// The newest (and the last read) blocks of all partitions of one shard, in memory: an LRU with a
// bound in bytes for all of it and one in records for each partition. Not thread-safe.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/flat_hash_map.h>

#include <list>

#include "topics/record_block.h"

namespace flashdb {

class BlockCache {
 public:
  /// Names a partition of this shard; the caller's choice.
  using PartitionHandle = uint64_t;

  static constexpr size_t kDefaultBytes = 64u << 20;
  static constexpr size_t kDefaultRecords = 1000;

  struct Statistics {
    uint64_t hits = 0;  // lookups
    uint64_t misses = 0;
    uint64_t hit_records = 0;
    uint64_t missed_records = 0;
  };

  explicit BlockCache(size_t max_bytes = kDefaultBytes) : max_bytes_(max_bytes) {}
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;

  /// Adds a block as the one used last. Of the partition's blocks the one used longest ago goes as
  /// long as the others hold at least `max_records` records; of all blocks, as long as they have
  /// more than max_bytes (a block larger than that is not taken). Blocks inside the new one go;
  /// one that is inside a cached block is not taken.
  void Insert(PartitionHandle partition, BlockRef block, size_t max_records = kDefaultRecords);

  /// The block that covers `offset`, now the one used last; nullptr if there is none. Counts a hit
  /// or a miss.
  BlockRef Find(PartitionHandle partition, Offset offset);
  /// Adds to the counts in records, which only the reader knows.
  void CountRecords(bool hit, uint64_t records);

  /// Forgets blocks that end at or below `start`.
  void TrimTo(PartitionHandle partition, Offset start);
  /// Forgets the partition.
  void Drop(PartitionHandle partition);
  void set_max_bytes(size_t bytes);

  size_t bytes() const { return bytes_; }
  size_t max_bytes() const { return max_bytes_; }
  size_t blocks() const { return lru_.size(); }
  size_t records(PartitionHandle partition) const;
  const Statistics& statistics() const { return statistics_; }

 private:
  struct Entry;
  using Lru = std::list<Entry>;            // used last in front
  using PartitionLru = std::list<Entry*>;  // likewise
  struct Partition {
    absl::btree_map<Offset, Lru::iterator> by_base;  // no block is inside another
    PartitionLru lru;
    size_t records = 0;
  };
  struct Entry {
    PartitionHandle partition;
    BlockRef block;
    size_t bytes;
    PartitionLru::iterator in_partition;
  };

  static Entry* Covering(const Partition& partition, Offset offset);
  void Touch(Partition& partition, Entry& entry);
  void RemoveInside(Partition& partition, const RecordBlock& block);
  void Remove(Partition& partition, Lru::iterator entry);
  void KeepBounds();

  size_t max_bytes_;
  size_t bytes_ = 0;
  Lru lru_;
  absl::flat_hash_map<PartitionHandle, Partition> partitions_;
  Statistics statistics_;
};

}  // namespace flashdb
