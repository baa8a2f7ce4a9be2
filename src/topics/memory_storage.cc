#include "topics/memory_storage.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"

namespace flashdb {

void MemoryStorage::Append(BlockRef block, Lsn lsn) {
  FLASHDB_CHECK(block->base() == end_, "a block at {} after {}", block->base(), end_);
  end_ = block->end();
  bytes_ += block->bytes().size();
  records_ += block->count();
  blocks_.push_back({std::move(block), lsn});
}

void MemoryStorage::SkipTo(Offset offset) {
  FLASHDB_CHECK(offset >= end_, "skip to {} from {}", offset, end_);
  end_ = offset;
  if (blocks_.empty()) start_ = offset;
}

size_t MemoryStorage::IndexOf(Offset offset) const {
  auto at =
      std::upper_bound(blocks_.begin(), blocks_.end(), offset,
                       [](Offset wanted, const Held& held) { return wanted < held.block->end(); });
  return static_cast<size_t>(at - blocks_.begin());
}

Task<StatusOr<BlockRef>> MemoryStorage::Read(Offset from, size_t max_bytes) {
  FLASHDB_CHECK(from < end_, "read {} of {}", from, end_);
  if (from < start_) co_return absl::OutOfRangeError("these records were removed");
  const size_t first = IndexOf(from);
  if (first == blocks_.size()) {
    auto nothing = std::make_shared<RecordBlock>(from);
    nothing->CoverTo(end_);
    co_return BlockRef(std::move(nothing));
  }
  const BlockRef& block = blocks_[first].block;
  const bool alone = first + 1 == blocks_.size() ||
                     block->bytes().size() + blocks_[first + 1].block->bytes().size() > max_bytes;
  // Past a gap that compaction or SkipTo left, the block would not cover `from`.
  if (alone && block->base() <= from && block->count() > 0) co_return block;
  auto merged = std::make_shared<RecordBlock>(from);
  for (size_t i = first; i < blocks_.size(); ++i) {
    const RecordBlock& next = *blocks_[i].block;
    if (merged->count() > 0 && merged->bytes().size() + next.bytes().size() > max_bytes) break;
    for (size_t r = next.IndexOf(from); r < next.count(); ++r) {
      merged->Append(next.Frames(r, r + 1), next.OffsetAt(r), next.TimestampAt(r));
    }
    merged->CoverTo(next.end());
  }
  co_return BlockRef(std::move(merged));
}

Task<StatusOr<Offset>> MemoryStorage::OffsetOfTime(UnixMillis time) {
  for (const Held& held : blocks_) {
    const RecordBlock& block = *held.block;
    for (size_t i = 0; i < block.count() && block.max_timestamp() >= time; ++i) {
      if (block.TimestampAt(i) >= time) co_return std::max(start_, block.OffsetAt(i));
    }
  }
  co_return end_;
}

void MemoryStorage::TrimTo(Offset start) {
  while (!blocks_.empty() && blocks_.front().block->end() <= start) {
    bytes_ -= blocks_.front().block->bytes().size();
    records_ -= blocks_.front().block->count();
    trimmed_lsn_ = blocks_.front().lsn;
    start_ = blocks_.front().block->end();
    blocks_.pop_front();
  }
  if (blocks_.empty()) start_ = end_;
}

UnixMillis MemoryStorage::max_timestamp() const {
  UnixMillis latest = 0;
  for (const Held& held : blocks_) latest = std::max(latest, held.block->max_timestamp());
  return latest;
}

Offset MemoryStorage::StartFor(const RetentionLimits& limits, UnixMillis now) const {
  uint64_t bytes = bytes_;
  Offset start = start_;
  for (const Held& held : blocks_) {
    if (bytes_ - bytes >= kFreedBytes) break;
    const uint64_t without = bytes - held.block->bytes().size();
    const bool too_much = limits.max_bytes > 0 && without >= limits.max_bytes;
    const bool too_old =
        limits.max_age_ms > 0 &&
        held.block->max_timestamp() < now - static_cast<UnixMillis>(limits.max_age_ms);
    if (!too_much && !too_old) break;
    bytes = without;
    start = held.block->end();
  }
  return start;
}

void MemoryStorage::BeginCompaction(UnixMillis tombstones_before) {
  compaction_.emplace(start_, blocks_.back().block->base(), tombstones_before);
}

void MemoryStorage::NoteKeys(const RecordBlock& block) {
  for (size_t i = 0; i < block.count(); ++i) {
    size_t size = 0;
    const RecordView record = FrameAt(block.Frames(i, i + 1), &size);
    if (record.key) (void)compaction_->last_of_key.Put(*record.key, record.offset);
  }
}

bool MemoryStorage::Keeps(const RecordView& record) const {
  if (!record.key) return true;
  if (compaction_->last_of_key.Supersedes(*record.key, record.offset)) return false;
  return record.value.has_value() || record.timestamp >= compaction_->tombstones_before;
}

void MemoryStorage::Replace(Held& held, BlockRef block) {
  bytes_ -= held.block->bytes().size() - block->bytes().size();
  records_ -= held.block->count() - block->count();
  held.block = std::move(block);
}

void MemoryStorage::Thin(Held& held) {
  const RecordBlock& block = *held.block;
  auto thinned = std::make_shared<RecordBlock>(block.base());
  for (size_t i = 0; i < block.count(); ++i) {
    size_t size = 0;
    const std::string_view frame = block.Frames(i, i + 1);
    const RecordView record = FrameAt(frame, &size);
    if (Keeps(record)) thinned->Append(frame, record.offset, record.timestamp);
  }
  thinned->CoverTo(block.end());
  if (thinned->count() < block.count()) Replace(held, std::move(thinned));
}

bool MemoryStorage::Compact(UnixMillis tombstones_before) {
  if (!compaction_) {
    if (blocks_.size() < 2 || compacted_to_ >= blocks_.back().block->base()) return false;
    BeginCompaction(tombstones_before);
  }
  size_t visited = 0;
  for (size_t i = IndexOf(compaction_->next); visited < kCompactedBytes; ++i) {
    if (i >= blocks_.size() || blocks_[i].block->base() >= compaction_->end) {
      if (compaction_->copying) {
        compacted_to_ = compaction_->end;
        compaction_.reset();
        return false;
      }
      compaction_->copying = true;
      compaction_->next = start_;
      return true;
    }
    visited += blocks_[i].block->bytes().size();
    compaction_->next = blocks_[i].block->end();
    if (compaction_->copying) {
      Thin(blocks_[i]);
    } else {
      NoteKeys(*blocks_[i].block);
    }
  }
  return true;
}

bool MemoryStorage::Drop() {
  compaction_.reset();
  bytes_ = records_ = 0;
  start_ = end_;
  for (size_t freed = 0; freed < kFreedBytes && !blocks_.empty(); blocks_.pop_front()) {
    freed += blocks_.front().block->MemoryBytes();
  }
  return !blocks_.empty();
}

}  // namespace flashdb
