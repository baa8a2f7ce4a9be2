// Removing segments and partitions.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {
void FileStorage::TrimTo(Offset start) {
  if (stopped()) return;
  trim_to_ = std::max(trim_to_, start);
  // If all records go, an empty segment takes their place, which keeps the offset.
  const bool all = start >= readable_end_ && queue_.empty() && !segments_.empty();
  const bool nothing_left = active_ != nullptr && active_->facts.records == 0;
  if (all && !nothing_left) {
    roll_wanted_ = true;
    StartWriting();
  }
  RemoveBelow(trim_to_);
}

void FileStorage::RemoveBelow(Offset start) {
  while (segments_.size() > 1 && segments_.front()->closed && segments_[1]->base <= start) {
    SegmentRef segment = segments_.front();
    segments_.pop_front();
    bytes_ -= segment->facts.frame_bytes();
    records_ -= segment->facts.records;
    durable_lsn_ = std::max(durable_lsn_, segment->last_lsn);
    files_.Retire(segment);
    removed_.push_back(std::move(segment));
  }
  StartRemoving();
}

void FileStorage::StartRemoving() {
  if (removing_ || removed_.empty() || stopped()) return;
  Detach(RemoveLoop());
}

// The offset lives in the first segment's name: it must be durable before those before it go.
Task<void> FileStorage::RemoveLoop() {
  Busy busy(*this);
  removing_ = true;
  while (!stopped() && !removed_.empty()) {
    SegmentRef first = segments_.front();
    Status status = OkStatus();
    if (!first->name_durable) {
      status = co_await SyncSegment(first);
    } else {
      SegmentRef segment = removed_.front();
      removed_.pop_front();
      status = co_await RemoveFiles(segment);
      if (MayPass(status)) removed_.push_front(segment);
    }
    if (!status.ok() && !absl::IsAborted(status)) {
      FailOrStall(status, care_stall_);
      break;
    }
  }
  removing_ = false;
}

Task<Status> FileStorage::RemoveFiles(SegmentRef segment) {
  const std::array<std::string, 3> paths = segment->Paths();
  for (const std::string& path : paths) {
    if (dropped_) break;
    const int32_t result = co_await ChangeName(files_.Remove(path));
    if (result < 0 && result != -ENOENT) co_return ErrnoStatus(-result, "remove " + path);
  }
  co_return OkStatus();
}

bool FileStorage::Drop() {
  if (std::exchange(dropped_, true)) return false;
  queue_.clear();
  removed_.clear();
  compaction_.reset();
  files_.DropReaders(this);
  for (const SegmentRef& segment : segments_) files_.Retire(segment);
  segments_.clear();
  active_ = nullptr;
  bytes_ = records_ = queued_bytes_ = 0;
  readable_end_ = end_;
  if (!has_directory_) return false;
  files_.Occupy(directory_);
  if (names_changing_ == 0) Detach(FinishDrop());
  return false;
}

// Moves the directory aside: its name is free for a new topic.
Task<void> FileStorage::FinishDrop() {
  Busy busy(*this);
  const std::string aside = DirectoryWhenDeleted();
  const int32_t renamed = co_await files_.Rename(directory_, aside);
  files_.Vacate(directory_);
  if (renamed == 0) {
    co_await DropAll(aside);
  } else if (renamed == -ENOENT) {
    co_await RemoveTopicDirectory();
  } else {
    Fail(ErrnoStatus(-renamed, "rename " + directory_));
  }
}

Task<int32_t> FileStorage::ChangeName(FileOperation operation) {
  ++names_changing_;
  const int32_t result = co_await operation;
  if (--names_changing_ == 0 && dropped_) Detach(FinishDrop());
  co_return result;
}

Task<void> FileStorage::DropAll(std::string directory) {
  Busy busy(*this);
  StatusOr<std::vector<std::string>> names = files_.files().List(directory);
  if (!names.ok()) {
    Fail(names.status());
    co_return;
  }
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    const int32_t result = co_await files_.Remove(path);
    if (result < 0) Fail(ErrnoStatus(-result, "remove " + path));
  }
  const int32_t result = co_await files_.RemoveDirectory(directory);
  if (result < 0) Fail(ErrnoStatus(-result, "remove " + directory));
  co_await RemoveTopicDirectory();
}

// Refused while other partitions are there.
Task<void> FileStorage::RemoveTopicDirectory() {
  Busy busy(*this);
  const std::string topic_directory = directory_.substr(0, directory_.rfind('/'));
  co_await files_.RemoveDirectory(topic_directory);
}

}  // namespace flashdb
