#include "topics/file_storage.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flashdb {

FileStorage::FileStorage(SegmentFiles& files, std::string topic, TopicId topic_id,
                         PartitionNumber partition)
    : files_(files),
      topic_(std::move(topic)),
      topic_id_(topic_id),
      partition_(partition),
      directory_(fmt::format("{}/{}/{}", files.options().directory, topic_, partition)) {}

FileStorage::~FileStorage() {
  FLASHDB_CHECK(!busy(), "{} is destroyed while it is busy", directory_);
  files_.DropReaders(this);
  for (const SegmentRef& segment : segments_) files_.Release(segment);
}

void FileStorage::Fail(const Status& status) {
  if (failure_.ok()) failure_ = status;
}

// Room comes back, and so do descriptors. All else stays as it is.
bool FileStorage::MayPass(const Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

void FileStorage::FailOrStall(const Status& status, Status& stall) {
  if (MayPass(status)) {
    stall = status;
  } else {
    Fail(status);
  }
}

void FileStorage::Retry() {
  write_stall_ = care_stall_ = OkStatus();
  StartWriting();
  StartSyncing();
  StartRemoving();
}

void FileStorage::Append(BlockRef block, Lsn lsn) {
  if (stopped()) return;
  FLASHDB_CHECK(block->base() == end_, "a block at {} after {}", block->base(), end_);
  FLASHDB_CHECK(block->count() > 0 && block->OffsetAt(block->count() - 1) + 1 == block->end(),
                "a block up to {} without a last record", block->end());
  end_ = block->end();
  queued_bytes_ += block->bytes().size();
  queue_.push_back({std::move(block), lsn});
  // While nothing runs beside it, a write is worth waiting for when it is large.
  if (files_.attached() || queued_bytes_ >= WriteBuffers::kSmallBytes) StartWriting();
}

void FileStorage::SkipTo(Offset offset) {
  FLASHDB_CHECK(offset >= end_, "skip to {} from {}", offset, end_);
  end_ = offset;
  if (queue_.empty()) readable_end_ = offset;
}

void FileStorage::Sync() {
  sync_target_ = end_;
  StartWriting();
  StartSyncing();
}

bool FileStorage::durable() const { return queue_.empty() && NextToSync() == nullptr; }

Status FileStorage::FlushBlocking() {
  FLASHDB_CHECK(!busy(), "{} is flushed while it is busy", directory_);
  SegmentFiles::BlockingScope blocking(files_);
  Sync();
  Retry();
  // A large log would have to be read at the next start if its index were not there.
  constexpr uint64_t kLarge = 1u << 20;
  if (failure_.ok() && active_ != nullptr && active_->facts.log_bytes > kLarge) {
    FLASHDB_RETURN_IF_ERROR(RunBlocking(WriteIndexes(active_)));
  }
  return failure_.ok() ? stalled() : failure_;
}

UnixMillis FileStorage::max_timestamp() const {
  UnixMillis latest = 0;
  for (const SegmentRef& segment : segments_) {
    if (segment->facts.records > 0) latest = std::max(latest, segment->facts.max_timestamp);
  }
  return latest;
}

Offset FileStorage::StartFor(const RetentionLimits& limits, UnixMillis now) const {
  uint64_t left = bytes_;
  Offset start = this->start();
  for (const SegmentRef& segment : segments_) {
    const SegmentSummary& facts = segment->facts;
    const bool last = segment == segments_.back();
    const uint64_t without = left - facts.frame_bytes();
    const bool too_much = limits.max_bytes > 0 && without >= limits.max_bytes && !last;
    const bool too_old = limits.max_age_ms > 0 &&
                         (facts.records == 0 ||
                          facts.max_timestamp < now - static_cast<UnixMillis>(limits.max_age_ms));
    if (!too_much && !too_old) break;
    left = without;
    start = last ? readable_end_ : facts.end;
  }
  return start;
}

}  // namespace flashdb
