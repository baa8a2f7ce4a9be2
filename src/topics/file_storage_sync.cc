// Making what is written durable, and sealing segments that are full.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {

void FileStorage::StartSyncing() {
  if (syncing_ || stopped()) return;
  SegmentRef next = NextToSync();
  if (next != nullptr && SyncIsDue(*next)) Detach(SyncLoop());
}

// Segments are sealed in order: those that are not are the last ones.
SegmentRef FileStorage::NextToSync() const {
  SegmentRef next;
  for (auto at = segments_.rbegin(); at != segments_.rend() && !(*at)->sealed; ++at) {
    if ((*at)->closed || (*at)->durable_bytes < (*at)->facts.log_bytes) next = *at;
  }
  return next;
}

bool FileStorage::SyncIsDue(const TopicSegment& next) const {
  if (next.closed) return true;
  if (next.facts.log_bytes - next.durable_bytes >= files_.options().sync_bytes) return true;
  return sync_target_ > durable_end_ && readable_end_ >= sync_target_;
}

Task<void> FileStorage::SyncLoop() {
  Busy busy(*this);
  syncing_ = true;
  while (!stopped()) {
    SegmentRef next = NextToSync();
    if (next == nullptr || !SyncIsDue(*next)) break;
    Status status = OkStatus();
    if (next->closed) {
      status = co_await Seal(next);
    } else {
      status = co_await SyncSegment(next);
    }
    if (!status.ok() && !next->gone) {
      FailOrStall(status, care_stall_);
      break;
    }
    care_stall_ = OkStatus();
  }
  syncing_ = false;
}

// A failed sync is final, whatever the reason: the kernel may have given up what it could not
// write.
Task<Status> FileStorage::SyncSegment(SegmentRef segment) {
  const Lsn lsn = segment->last_lsn;
  const Offset end = segment->facts.end;
  const uint64_t bytes = segment->facts.log_bytes;
  StatusOr<std::shared_ptr<OpenSegment>> file = files_.Open(segment);
  if (!file.ok()) co_return file.status();
  std::shared_ptr<OpenSegment> held = *std::move(file);
  const int32_t result = co_await files_.Sync(held->file());
  if (result < 0) {
    Fail(ErrnoStatus(-result, "sync " + segment->LogPath()));
    co_return failure_;
  }
  if (!segment->name_durable) {
    Status status = co_await SyncNames(segment);
    if (!status.ok()) co_return status;
  }
  if (dropped_) co_return OkStatus();
  segment->durable_bytes = bytes;
  durable_lsn_ = std::max(durable_lsn_, lsn);
  durable_end_ = std::max(durable_end_, end);
  co_return OkStatus();
}

// That the file exists, and the directories above it, from the top down.
Task<Status> FileStorage::SyncNames(SegmentRef segment) {
  if (!directories_durable_) {
    const std::array<std::string, 2> directories = {files_.options().directory,
                                                    directory_.substr(0, directory_.rfind('/'))};
    for (const std::string& above : directories) {
      Status status = co_await SyncDirectory(above);
      if (!status.ok()) co_return status;
    }
    directories_durable_ = true;
  }
  Status status = co_await SyncDirectory(directory_);
  if (status.ok()) segment->name_durable = true;
  co_return status;
}

Task<Status> FileStorage::SyncDirectory(std::string path) {
  if (dropped_) co_return OkStatus();
  StatusOr<std::unique_ptr<File>> directory = files_.files().OpenDirectory(path);
  if (!directory.ok()) co_return directory.status();
  std::unique_ptr<File> held = *std::move(directory);
  const int32_t result = co_await files_.SyncDirectory(*held, path);
  if (result < 0 && !dropped_) Fail(ErrnoStatus(-result, "sync " + path));
  co_return failure_;
}

Task<Status> FileStorage::Seal(SegmentRef segment) {
  Status status = co_await SyncSegment(segment);
  if (status.ok() && !stopped() && !segment->gone) status = co_await WriteIndexes(segment);
  if (!status.ok() || stopped() || segment->gone) co_return status;
  segment->sealed = true;
  files_.CacheIndex(segment, std::move(segment->live_index));
  co_return OkStatus();
}

Task<Status> FileStorage::WriteIndexes(SegmentRef segment) {
  std::shared_ptr<SegmentIndex> index = segment->live_index;
  Status status = co_await WriteFile(segment->IndexPath(), index->EncodeOffsets(owner()));
  if (!status.ok() || dropped_ || segment->gone) co_return status;
  status = co_await WriteFile(segment->TimeIndexPath(), index->EncodeTimes(owner()));
  if (!status.ok() || dropped_ || segment->gone) co_return status;
  co_return co_await SyncDirectory(directory_);
}

// The kernel may take only some of it.
Task<Status> FileStorage::WriteAt(File& file, uint64_t position, std::string_view bytes,
                                  std::string path) {
  while (!bytes.empty()) {
    const int32_t result = co_await files_.Write(file, position, bytes);
    if (result <= 0) co_return ErrnoStatus(result == 0 ? EIO : -result, "write " + path);
    bytes.remove_prefix(static_cast<size_t>(result));
    position += static_cast<size_t>(result);
  }
  co_return OkStatus();
}

// A small file, anew; durable but for its name.
Task<Status> FileStorage::WriteFile(std::string path, std::string contents) {
  if (dropped_) co_return OkStatus();
  std::unique_ptr<File> file;
  int32_t result = co_await ChangeName(files_.Create(path, file));
  if (result == -EEXIST && !dropped_) {
    result = co_await ChangeName(files_.Remove(path));
    if (result == 0 && !dropped_) result = co_await ChangeName(files_.Create(path, file));
  }
  if (dropped_) co_return OkStatus();
  if (result < 0) co_return ErrnoStatus(-result, "create " + path);
  Status status = co_await WriteAt(*file, 0, contents, path);
  if (!status.ok()) co_return status;
  result = co_await files_.Sync(*file);
  co_return result < 0 ? ErrnoStatus(-result, "sync " + path) : OkStatus();
}

}  // namespace flashdb
