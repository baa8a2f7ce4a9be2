// Removing segments, partitions and what is left of deleted topics.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/numbers.h"
#include "topics/file_storage.h"

namespace flashdb {
namespace {

constexpr std::string_view kDeletedMark = ".deleted-";

// "3" or "3.deleted-17": the number of the partition whose directory it is.
std::optional<PartitionNumber> PartitionOf(std::string_view name, bool* deleted) {
  const size_t mark = name.find(kDeletedMark);
  *deleted = mark != std::string_view::npos;
  const std::string_view digits = name.substr(0, mark);
  const std::optional<uint64_t> number = ParseUint64(digits);
  if (!number || *number >= kMaxPartitions) return {};
  return static_cast<PartitionNumber>(*number);
}

Status RemoveDirectoryAndFiles(FileSystem& files, const std::string& directory) {
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(directory));
  for (const std::string& name : names) {
    FLASHDB_RETURN_IF_ERROR(files.Remove(directory + "/" + name));
  }
  return files.RemoveDirectory(directory);
}

}  // namespace

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
    }
    if (!status.ok() && !absl::IsAborted(status)) Fail(status);
  }
  removing_ = false;
}

Task<Status> FileStorage::RemoveFiles(SegmentRef segment) {
  for (std::string path : {segment->LogPath(), segment->IndexPath(), segment->TimeIndexPath()}) {
    if (dropped_) break;
    const int32_t result = co_await files_.Remove(path);
    if (result < 0 && result != -ENOENT) co_return ErrnoStatus(-result, "remove " + path);
  }
  co_return OkStatus();
}

void FileStorage::Drop() {
  if (std::exchange(dropped_, true)) return;
  queue_.clear();
  removed_.clear();
  compaction_.reset();
  files_.DropReaders(this);
  for (const SegmentRef& segment : segments_) files_.Retire(segment);
  segments_.clear();
  active_ = nullptr;
  bytes_ = records_ = queued_bytes_ = 0;
  readable_end_ = end_;
  // Its name is free for a new topic at once.
  const std::string aside = fmt::format("{}{}{}", directory_, kDeletedMark, topic_id_);
  const Status renamed = files_.files().Rename(directory_, aside);
  if (renamed.ok()) {
    Detach(DropAll(aside));
  } else if (!absl::IsNotFound(renamed)) {
    Fail(renamed);
  }
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
  // Refused while other partitions are there.
  const std::string topic_directory = directory_.substr(0, directory_.rfind('/'));
  co_await files_.RemoveDirectory(topic_directory);
}

Status FileStorage::RemoveStrays(
    SegmentFiles& files, const std::function<bool(std::string_view, PartitionNumber)>& wanted) {
  FileSystem& system = files.files();
  const std::string& root = files.options().directory;
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> topics, system.List(root));
  for (const std::string& topic : topics) {
    if (!IsValidTopicName(topic)) continue;
    const std::string directory = root + "/" + topic;
    StatusOr<std::vector<std::string>> names = system.List(directory);
    if (!names.ok()) continue;  // not a directory: none of ours
    size_t kept = 0;
    for (const std::string& name : *names) {
      bool deleted = false;
      const std::optional<PartitionNumber> partition = PartitionOf(name, &deleted);
      if (partition && (deleted || !wanted(topic, *partition))) {
        FLASHDB_RETURN_IF_ERROR(RemoveDirectoryAndFiles(system, directory + "/" + name));
      } else {
        ++kept;
      }
    }
    if (kept == 0) FLASHDB_RETURN_IF_ERROR(system.RemoveDirectory(directory));
  }
  return OkStatus();
}

}  // namespace flashdb
