#include "wal/segment_pool.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wal/format.h"

namespace flashdb {
namespace {

// Copied to the page cache by a kernel's worker, which the shard may have to wait for.
constexpr size_t kZeroStep = 128u << 10;
// Synced bit by bit, so that no single sync has much to write.
constexpr size_t kSyncStep = 4 * kZeroStep;
constexpr uint64_t kRetryNanos = 1'000'000'000;

// Never written to, so all logs share it. Aligned for direct writes on any device.
alignas(1u << 16) uint8_t zeros[kZeroStep];

std::span<const uint8_t> Zeros(uint64_t from, uint64_t to) {
  return {zeros, static_cast<size_t>(std::min<uint64_t>(to - from, kZeroStep))};
}

}  // namespace

SegmentPool::SegmentPool(FileSystem& files, AsyncFiles& async, const Clock& clock,
                         const LogOptions& options, uint64_t next_seq,
                         std::function<void()> on_usable)
    : files_(files),
      async_(async),
      clock_(clock),
      options_(options),
      next_seq_(next_seq),
      on_usable_(std::move(on_usable)),
      target_(options.spare_segments) {
  operation_.pool = this;
  operation_.on_done = [](Completion& self, int32_t result) {
    static_cast<Operation&>(self).pool->OnStepDone(result);
  };
}

size_t SegmentPool::usable() const {
  return static_cast<size_t>(std::count_if(spares_.begin(), spares_.end(),
                                           [](const Spare& spare) { return spare.reserved; }));
}

std::optional<uint64_t> SegmentPool::retry_nanos() const {
  if (error_.ok() || stopped_) return {};
  return retry_at_;
}

SegmentPool::Spare* SegmentPool::Unready() {
  auto found =
      std::find_if(spares_.begin(), spares_.end(), [](const Spare& spare) { return !spare.ready; });
  return found == spares_.end() ? nullptr : &*found;
}

void SegmentPool::Pump() {
  if (busy_ || stopped_) return;
  bool waiting = !error_.ok() && clock_.MonotonicNanos() < retry_at_;
  if (spares_.size() < target_ && !waiting) return StartAllocation();
  if (Spare* spare = Unready(); spare != nullptr && !waiting) StartZeros(*spare);
}

std::optional<SegmentPool::Spare> SegmentPool::Take() {
  wanted_ = spares_.empty() || !spares_.front().reserved ||
            (busy_ && stepping_seq_ == spares_.front().seq);
  if (wanted_) return {};
  Spare spare = std::move(spares_.front());
  spares_.pop_front();
  return spare;
}

StatusOr<SegmentPool::Spare> SegmentPool::Create() {
  Spare spare;
  spare.seq = next_seq_++;
  spare.path = options_.directory + "/" + SegmentName(spare.seq);
  FLASHDB_ASSIGN_OR_RETURN(spare.file, files_.OpenForWrite(spare.path, options_.mode, true));
  return spare;
}

StatusOr<SegmentPool::Spare> SegmentPool::CreateReserved() {
  FLASHDB_ASSIGN_OR_RETURN(Spare spare, Create());
  Status status = spare.file->Allocate(options_.segment_bytes);
  if (status.ok()) status = spare.file->Sync();
  if (status.ok()) status = files_.SyncDirectory(options_.directory);
  if (!status.ok()) {
    status.Update(files_.Remove(spare.path));
    return status;
  }
  spare.reserved = true;
  return spare;
}

StatusOr<SegmentPool::Spare> SegmentPool::MakeReady() {
  FLASHDB_ASSIGN_OR_RETURN(Spare spare, CreateReserved());
  while (spare.zeroed_bytes < options_.segment_bytes) {
    auto bytes = Zeros(spare.zeroed_bytes, options_.segment_bytes);
    FLASHDB_RETURN_IF_ERROR(spare.file->WriteAt(spare.zeroed_bytes, bytes));
    spare.zeroed_bytes += bytes.size();
  }
  FLASHDB_RETURN_IF_ERROR(spare.file->Sync());
  spare.ready = true;
  return spare;
}

Status SegmentPool::Reserve(size_t count) {
  if (!error_.ok() && clock_.MonotonicNanos() < retry_at_) return error_;
  while (usable() < count) {
    StatusOr<Spare> spare = CreateReserved();
    if (!spare.ok()) {
      Fail(spare.status());
      return error_;
    }
    spares_.push_back(*std::move(spare));
  }
  error_ = OkStatus();
  return OkStatus();
}

Status SegmentPool::Recycle(const std::string& path) {
  FLASHDB_ASSIGN_OR_RETURN(auto file, files_.OpenForWrite(path, options_.mode, false));
  FLASHDB_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  if (size != options_.segment_bytes || spares_.size() > target_) {
    FLASHDB_RETURN_IF_ERROR(files_.Remove(path));
    return files_.SyncDirectory(options_.directory);
  }
  Spare spare;
  spare.seq = next_seq_++;
  spare.path = options_.directory + "/" + SegmentName(spare.seq);
  FLASHDB_RETURN_IF_ERROR(files_.Rename(path, spare.path));
  FLASHDB_RETURN_IF_ERROR(files_.SyncDirectory(options_.directory));
  spare.file = std::move(file);
  spare.recycled = spare.reserved = spare.ready = true;
  spares_.push_back(std::move(spare));
  return OkStatus();
}

Status SegmentPool::RemoveSpares() {
  FLASHDB_CHECK(!busy_);
  for (const Spare& spare : spares_) FLASHDB_RETURN_IF_ERROR(files_.Remove(spare.path));
  spares_.clear();
  return files_.SyncDirectory(options_.directory);
}

void SegmentPool::StartAllocation() {
  StatusOr<Spare> spare = Create();
  if (!spare.ok()) return Fail(spare.status());
  spares_.push_back(*std::move(spare));
  Submit(Step::kAllocate, spares_.back());
}

Status SegmentPool::OpenDirectory() {
  if (directory_ != nullptr) return OkStatus();
  FLASHDB_ASSIGN_OR_RETURN(directory_, files_.OpenDirectory(options_.directory));
  return OkStatus();
}

void SegmentPool::StartZeros(Spare& spare) {
  bool whole = spare.zeroed_bytes >= options_.segment_bytes;
  Submit(whole ? Step::kSyncZeros : Step::kZero, spare);
}

void SegmentPool::Submit(Step step, Spare& spare) {
  busy_ = true;
  step_ = step;
  stepping_seq_ = spare.seq;
  if (step == Step::kAllocate) {
    async_.Allocate(*spare.file, options_.segment_bytes, operation_);
  } else if (step == Step::kZero) {
    async_.Write(*spare.file, spare.zeroed_bytes, Zeros(spare.zeroed_bytes, options_.segment_bytes),
                 operation_);
  } else if (step == Step::kSyncDirectory) {
    async_.SyncDirectory(*directory_, operation_);
  } else {
    async_.Sync(*spare.file, operation_);
  }
}

void SegmentPool::OnStepDone(int32_t result) {
  busy_ = false;
  auto found = std::find_if(spares_.begin(), spares_.end(),
                            [this](const Spare& spare) { return spare.seq == stepping_seq_; });
  FLASHDB_CHECK(found != spares_.end(), "spare segment {} is gone", stepping_seq_);
  if (step_ == Step::kZero && result > 0) found->zeroed_bytes += static_cast<uint64_t>(result);
  bool short_write = step_ == Step::kZero && result == 0;
  Status status = result < 0 || short_write
                      ? ErrnoStatus(short_write ? ENOSPC : -result, "prepare " + found->path)
                      : Advance(*found);
  if (!status.ok()) {
    // The next try begins with a fresh file; a failed sync is never repeated on the old one.
    status.Update(files_.Remove(found->path));
    spares_.erase(found);
    Fail(std::move(status));
  }
  if (std::exchange(wanted_, false)) on_usable_();
  Pump();
}

Status SegmentPool::Advance(Spare& spare) {
  switch (step_) {
    case Step::kAllocate:
      Submit(Step::kSyncAllocation, spare);
      return OkStatus();
    case Step::kSyncAllocation:
      FLASHDB_RETURN_IF_ERROR(OpenDirectory());
      Submit(Step::kSyncDirectory, spare);
      return OkStatus();
    case Step::kSyncDirectory:
      spare.reserved = true;
      if (!error_.ok()) wanted_ = true;
      error_ = OkStatus();
      return OkStatus();
    case Step::kZero:
      if (spare.file->mode() == WriteMode::kBuffered && spare.zeroed_bytes % kSyncStep == 0) {
        Submit(Step::kSyncZeros, spare);
      }
      return OkStatus();
    case Step::kSyncZeros:
      spare.ready = spare.zeroed_bytes >= options_.segment_bytes;
      return OkStatus();
  }
  return OkStatus();
}

void SegmentPool::Fail(Status error) {
  error_ = std::move(error);
  retry_at_ = clock_.MonotonicNanos() + kRetryNanos;
}

}  // namespace flashdb
