#include "topics/partition.h"

#include <algorithm>

#include "base/check.h"
#include "base/prefetch.h"

namespace flashdb {

Partition::Partition(TopicId topic, PartitionNumber number, SlotId slot,
                     std::unique_ptr<PartitionStorage> storage)
    : topic_(topic),
      number_(number),
      slot_(slot),
      end_(storage->end()),
      last_timestamp_(storage->max_timestamp()),
      storage_(std::move(storage)),
      start_(storage_->start()) {}

// ---- Records -----------------------------------------------------------------------------------

// A new block will hold about as much as the one before: it need not be copied while it grows.
RecordBlock& Partition::BlockWithRoom() {
  if (open_ != nullptr && !open_->full()) return *open_;
  if (!tail_.empty()) {
    block_bytes_ = tail_.back()->bytes().size();
    block_records_ = tail_.back()->count();
  }
  tail_.push_back(std::make_shared<RecordBlock>(end_));
  open_ = tail_.back().get();
  open_->Reserve(std::min(block_bytes_, 2 * RecordBlock::kFullBytes), block_records_);
  return *open_;
}

void Partition::Append(std::string_view frame, UnixMillis timestamp) {
  BlockWithRoom().Append(frame, end_, timestamp);
  ++end_;
  last_timestamp_ = timestamp;
  tail_bytes_ += frame.size();
  not_given_bytes_ += frame.size();
  unmarked_bytes_ += frame.size();
  ++not_given_records_;
}

BlockRef Partition::TailBlock(Offset offset) const {
  auto after = std::upper_bound(tail_.begin(), tail_.end(), offset,
                                [](Offset wanted, const std::shared_ptr<RecordBlock>& block) {
                                  return wanted < block->end();
                                });
  return after == tail_.end() ? nullptr : *after;
}

void Partition::TrimTo(Offset start) {
  start_ = std::max(start_, std::min(start, end_));
  storage_->TrimTo(start_);
}

// ---- On the way to the storage -----------------------------------------------------------------

void Partition::MarkSettlesAt(Lsn lsn) {
  if (mark_lsn_ == 0 && !FullyGiven()) Mark(lsn);
}

void Partition::Mark(Lsn lsn) {
  mark_lsn_ = lsn;
  mark_end_ = end_;
  open_ = nullptr;
  unmarked_bytes_ = 0;
}

void Partition::FlushToMark() {
  for (const std::shared_ptr<RecordBlock>& block : tail_) {
    if (block->base() < storage_->end()) continue;
    if (block->end() > mark_end_) break;
    not_given_records_ -= block->count();
    not_given_bytes_ -= block->bytes().size();
    storage_->Append(block, mark_lsn_);
  }
  mark_lsn_ = 0;
}

std::vector<BlockRef> Partition::TakeReadable() {
  std::vector<BlockRef> taken;
  while (!tail_.empty() && tail_.front()->end() <= storage_->readable_end()) {
    tail_bytes_ -= tail_.front()->bytes().size();
    taken.push_back(std::move(tail_.front()));
    tail_.pop_front();
  }
  return taken;
}

void Partition::GiveAll() {
  if (FullyGiven()) return;
  Mark(std::max<Lsn>(mark_lsn_, 1));
  FlushToMark();
}

Status Partition::FlushBlocking() {
  GiveAll();
  FLASHDB_RETURN_IF_ERROR(storage_->FlushBlocking());
  (void)TakeReadable();
  return OkStatus();
}

// ---- Ahead of an append ------------------------------------------------------------------------

void Partition::PrefetchSelf() const {
  PrefetchLine(this);
  PrefetchLine(reinterpret_cast<const char*>(this) + alignof(Partition));
}

void Partition::PrefetchTail() const {
  if (open_ == nullptr) return;
  PrefetchLine(open_);
  PrefetchLine(reinterpret_cast<const char*>(open_ + 1) - 1);
}

void Partition::PrefetchEnd() const {
  if (open_ != nullptr) open_->PrefetchEnd();
}

// ---- Producers and groups ----------------------------------------------------------------------

const ProducerBatch* Partition::FindProducer(std::string_view id) const {
  auto found = producers_.find(id);
  return found == producers_.end() ? nullptr : &found->second;
}

void Partition::NoteProducer(std::string_view id, const ProducerBatch& batch) {
  producers_[id] = batch;
  if (producers_.size() > kMaxProducers) ForgetOldProducers();
}

// A tenth at a time, so that it costs little per batch.
void Partition::ForgetOldProducers() {
  std::vector<UnixMillis> times;
  times.reserve(producers_.size());
  for (const auto& [id, batch] : producers_) times.push_back(batch.timestamp);
  auto tenth = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), tenth, times.end());
  const UnixMillis oldest_kept = *tenth;
  size_t left = kMaxProducers / 10;
  absl::erase_if(producers_, [&](const auto& producer) {
    return left > 0 && producer.second.timestamp <= oldest_kept && left-- > 0;
  });
}

const PartitionCommit* Partition::FindCommit(GroupId group) const {
  auto found = commits_.find(group);
  return found == commits_.end() ? nullptr : &found->second;
}

}  // namespace flashdb
