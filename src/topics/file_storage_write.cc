// Appending blocks to the active segment.
#include <limits>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {

void FileStorage::StartWriting() {
  if (writing_ || stopped() || (queue_.empty() && !roll_wanted_)) return;
  Detach(WriteLoop());
}

Task<void> FileStorage::WriteLoop() {
  Busy busy(*this);
  writing_ = true;
  while (!stopped() && (!queue_.empty() || roll_wanted_)) {
    if (roll_wanted_) CloseActive();
    const bool rolled = std::exchange(roll_wanted_, false);
    Status status = OkStatus();
    if (queue_.empty()) {
      status = co_await WriteEmptySegment();
    } else {
      status = co_await WriteNext();
    }
    if (!status.ok()) Fail(status);
    if (stopped()) break;
    if (rolled) RemoveBelow(trim_to_);
    StartSyncing();
  }
  writing_ = false;
}

bool FileStorage::MustRoll(const RecordBlock& next) const {
  if (next.end() - active_->base > std::numeric_limits<uint32_t>::max()) return true;
  if (active_->facts.records == 0) return false;
  return active_->facts.log_bytes + next.bytes().size() > files_.options().segment_bytes ||
         next.base() != active_->facts.end;
}

void FileStorage::CloseActive() {
  if (active_ == nullptr) return;
  active_->closed = true;
  active_->live_index->CoverTo(readable_end_);
  active_->facts = active_->live_index->facts();
  active_ = nullptr;
  StartSyncing();
}

// How many of the queued blocks one write takes.
size_t FileStorage::BlocksToWrite() const {
  size_t bytes = queue_.front().block->bytes().size();
  const uint64_t room = files_.options().segment_bytes;
  size_t count = 1;
  for (; count < queue_.size(); ++count) {
    const RecordBlock& next = *queue_[count].block;
    bytes += next.bytes().size();
    if (bytes > kWriteBytes || active_->facts.log_bytes + bytes > room) break;
    if (next.base() != queue_[count - 1].block->end()) break;
  }
  return count;
}

Task<Status> FileStorage::WriteNext() {
  const RecordBlock& first = *queue_.front().block;
  if (active_ != nullptr && MustRoll(first)) CloseActive();
  if (active_ == nullptr) {
    StatusOr<SegmentRef> begun = BeginSegment(first.base());
    if (!begun.ok()) co_return begun.status();
  }
  SegmentRef segment = active_;
  const size_t blocks = BlocksToWrite();
  std::string gathered;
  if (segment->facts.log_bytes == 0) gathered = EncodeSegmentHead({owner(), segment->base});
  const uint64_t position = segment->facts.log_bytes + gathered.size();
  const bool as_it_is = gathered.empty() && blocks == 1;
  for (size_t i = 0; i < blocks && !as_it_is; ++i) gathered += queue_[i].block->bytes();
  BlockRef held = queue_.front().block;
  Status status = co_await WriteAll(segment, as_it_is ? held->bytes() : gathered);
  if (!status.ok() || dropped_) co_return status;
  uint64_t at = position;
  for (size_t i = 0; i < blocks; ++i) {
    NoteWritten(*segment, queue_.front(), at);
    at += queue_.front().block->bytes().size();
    queued_bytes_ -= queue_.front().block->bytes().size();
    queue_.pop_front();
  }
  if (queue_.empty()) readable_end_ = end_;  // past a SkipTo
  co_return OkStatus();
}

void FileStorage::NoteWritten(TopicSegment& segment, const Queued& queued, uint64_t position) {
  const RecordBlock& block = *queued.block;
  for (size_t i = 0; i < block.count(); ++i) {
    const size_t bytes = block.Frames(i, i + 1).size();
    segment.live_index->Add(block.OffsetAt(i), block.TimestampAt(i), position, bytes);
    position += bytes;
  }
  segment.facts = segment.live_index->facts();
  segment.last_lsn = queued.lsn;
  readable_end_ = block.end();
  bytes_ += block.bytes().size();
  records_ += block.count();
}

// At the end of what is written.
Task<Status> FileStorage::WriteAll(SegmentRef segment, std::string_view bytes) {
  StatusOr<std::shared_ptr<OpenSegment>> file = files_.Open(segment);
  if (!file.ok()) co_return file.status();
  std::shared_ptr<OpenSegment> held = *std::move(file);
  co_return co_await WriteAt(held->file(), segment->facts.log_bytes, bytes, segment->LogPath());
}

StatusOr<SegmentRef> FileStorage::BeginSegment(Offset base) {
  auto segment = std::make_shared<TopicSegment>();
  segment->base = base;
  segment->stem = directory_ + "/" + TopicSegmentName(base);
  segment->live_index = std::make_shared<SegmentIndex>(base);
  segment->facts = segment->live_index->facts();
  FLASHDB_RETURN_IF_ERROR(CreateFile(segment));
  segments_.push_back(segment);
  active_ = segment;
  return segment;
}

// Directories are made when they are missing, once more if the removal of an older topic of the
// same name took one away between.
Status FileStorage::CreateFile(const SegmentRef& segment) {
  const std::string topic_directory = directory_.substr(0, directory_.rfind('/'));
  constexpr int kTries = 10;
  for (int i = 0;; ++i) {
    const Status status = files_.Open(segment, true).status();
    if (!absl::IsNotFound(status) || i == kTries) return status;
    directories_durable_ = false;
    for (const std::string& directory : {topic_directory, directory_}) {
      const Status created = files_.files().CreateDirectory(directory);
      const bool fine = created.ok() || absl::IsAlreadyExists(created) || absl::IsNotFound(created);
      if (!fine) return created;
    }
  }
}

Task<Status> FileStorage::WriteEmptySegment() {
  if (active_ != nullptr) co_return OkStatus();
  StatusOr<SegmentRef> begun = BeginSegment(readable_end_);
  if (!begun.ok()) co_return begun.status();
  SegmentRef segment = *begun;
  const std::string head = EncodeSegmentHead({owner(), segment->base});
  Status status = co_await WriteAll(segment, head);
  if (!status.ok() || dropped_) co_return status;
  segment->live_index->AddHead();
  segment->facts = segment->live_index->facts();
  co_return OkStatus();
}

}  // namespace flashdb
