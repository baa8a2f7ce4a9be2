#include "topics/block_cache.h"

#include <iterator>
#include <utility>

namespace flashdb {

// Since no block is inside another, ends rise as bases do: the last base at or below `offset` has
// the furthest end of those.
BlockCache::Entry* BlockCache::Covering(const Partition& partition, Offset offset) {
  auto after = partition.by_base.upper_bound(offset);
  if (after == partition.by_base.begin()) return nullptr;
  Entry& entry = *std::prev(after)->second;
  return entry.block->end() > offset ? &entry : nullptr;
}

void BlockCache::Touch(Partition& partition, Entry& entry) {
  partition.lru.splice(partition.lru.begin(), partition.lru, entry.in_partition);
  auto in_all = partition.by_base.find(entry.block->base())->second;
  lru_.splice(lru_.begin(), lru_, in_all);
}

void BlockCache::Remove(Partition& partition, Lru::iterator entry) {
  bytes_ -= entry->bytes;
  partition.records -= entry->block->count();
  partition.lru.erase(entry->in_partition);
  partition.by_base.erase(entry->block->base());
  lru_.erase(entry);
}

void BlockCache::RemoveInside(Partition& partition, const RecordBlock& block) {
  auto at = partition.by_base.lower_bound(block.base());
  while (at != partition.by_base.end() && at->second->block->end() <= block.end()) {
    const Offset base = at->first;
    Remove(partition, at->second);
    at = partition.by_base.upper_bound(base);
  }
}

void BlockCache::Insert(PartitionHandle handle, BlockRef block, size_t max_records) {
  const size_t bytes = block->MemoryBytes() + sizeof(Entry);
  if (block->count() == 0 || bytes > max_bytes_) return;
  Partition& partition = partitions_[handle];
  Entry* cached = Covering(partition, block->base());
  if (cached != nullptr && cached->block->end() >= block->end()) {
    Touch(partition, *cached);
    return;
  }
  RemoveInside(partition, *block);
  bytes_ += bytes;
  partition.records += block->count();
  lru_.push_front({handle, std::move(block), bytes, {}});
  partition.lru.push_front(&lru_.front());
  lru_.front().in_partition = partition.lru.begin();
  partition.by_base[lru_.front().block->base()] = lru_.begin();
  while (partition.records - partition.lru.back()->block->count() >= max_records &&
         partition.lru.size() > 1) {
    Remove(partition, partition.by_base.find(partition.lru.back()->block->base())->second);
  }
  KeepBounds();
}

void BlockCache::KeepBounds() {
  while (bytes_ > max_bytes_) {
    auto oldest = std::prev(lru_.end());
    auto partition = partitions_.find(oldest->partition);
    Remove(partition->second, oldest);
    if (partition->second.lru.empty()) partitions_.erase(partition);
  }
}

BlockRef BlockCache::Find(PartitionHandle handle, Offset offset) {
  auto partition = partitions_.find(handle);
  Entry* entry = partition == partitions_.end() ? nullptr : Covering(partition->second, offset);
  if (entry == nullptr) {
    ++statistics_.misses;
    return nullptr;
  }
  ++statistics_.hits;
  Touch(partition->second, *entry);
  return entry->block;
}

void BlockCache::CountRecords(bool hit, uint64_t records) {
  (hit ? statistics_.hit_records : statistics_.missed_records) += records;
}

void BlockCache::TrimTo(PartitionHandle handle, Offset start) {
  auto found = partitions_.find(handle);
  if (found == partitions_.end()) return;
  Partition& partition = found->second;
  while (!partition.by_base.empty() && partition.by_base.begin()->second->block->end() <= start) {
    Remove(partition, partition.by_base.begin()->second);
  }
  if (partition.lru.empty()) partitions_.erase(found);
}

void BlockCache::Drop(PartitionHandle handle) { TrimTo(handle, kNoOffset); }

void BlockCache::set_max_bytes(size_t bytes) {
  max_bytes_ = bytes;
  KeepBounds();
}

size_t BlockCache::records(PartitionHandle handle) const {
  auto partition = partitions_.find(handle);
  return partition == partitions_.end() ? 0 : partition->second.records;
}

}  // namespace flashdb
