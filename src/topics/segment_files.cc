#include "topics/segment_files.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "topics/segment_reader.h"

namespace flashdb {
namespace {

// Blocking calls tell an errno value only by its kind; the kinds that matter are kept.
int32_t ResultOf(const Status& status) {
  if (status.ok()) return 0;
  if (absl::IsNotFound(status)) return -ENOENT;
  if (absl::IsAlreadyExists(status)) return -EEXIST;
  if (absl::IsInvalidArgument(status)) return -EINVAL;
  return absl::IsResourceExhausted(status) ? -ENOSPC : -EIO;
}

}  // namespace

OpenSegment::~OpenSegment() {
  if (removed_ && home_.async_ != nullptr) home_.async_->Close(std::move(file_));
}

bool FileOperation::await_ready() {
  if (files_.attached()) return false;
  result_ = Block();
  return true;
}

int32_t FileOperation::Block() {
  switch (kind_) {
    case Kind::kRead: {
      StatusOr<size_t> count = file_->ReadAt(offset_, into_);
      return count.ok() ? static_cast<int32_t>(*count) : ResultOf(count.status());
    }
    case Kind::kWrite: {
      const Status status = file_->WriteAt(offset_, bytes_);
      return status.ok() ? static_cast<int32_t>(bytes_.size()) : ResultOf(status);
    }
    case Kind::kSync:
      return ResultOf(file_->Sync());
    case Kind::kSyncDirectory:
      return ResultOf(files_.files().SyncDirectory(*path_));
    case Kind::kCreate: {
      auto file = files_.files().OpenForWrite(*path_, WriteMode::kBuffered, true);
      if (file.ok()) *created_ = *std::move(file);
      return ResultOf(file.status());
    }
    case Kind::kCreateDirectory:
      return ResultOf(files_.files().CreateDirectory(*path_));
    case Kind::kRename:
      return ResultOf(files_.files().Rename(*path_, *to_));
    case Kind::kRemove:
      return ResultOf(files_.files().Remove(*path_));
    case Kind::kRemoveDirectory:
      return ResultOf(files_.files().RemoveDirectory(*path_));
  }
  return -EINVAL;
}

void FileOperation::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  on_done = [](Completion& self, int32_t result) {
    auto& operation = static_cast<FileOperation&>(self);
    operation.result_ = result;
    operation.waiter_.resume();
  };
  AsyncFiles& async = *files_.async_;
  switch (kind_) {
    case Kind::kRead:
      return async.Read(*file_, offset_, into_, *this);
    case Kind::kWrite:
      return async.Write(*file_, offset_, bytes_, *this);
    case Kind::kSync:
      return async.Sync(*file_, *this);
    case Kind::kSyncDirectory:
      return async.SyncDirectory(*file_, *this);
    case Kind::kCreate:
      return async.Create(*path_, *created_, *this);
    case Kind::kCreateDirectory:
      return async.CreateDirectory(*path_, *this);
    case Kind::kRename:
      return async.Rename(*path_, *to_, *this);
    case Kind::kRemove:
      return async.Remove(*path_, *this);
    case Kind::kRemoveDirectory:
      return async.RemoveDirectory(*path_, *this);
  }
}

SegmentFiles::SegmentFiles(FileSystem& files, Options options)
    : files_(files),
      options_(std::move(options)),
      write_buffers_(options_.write_bytes),
      compaction_keys_{options_.max_compacted_keys} {
  FLASHDB_CHECK(options_.segment_bytes <= kMaxSegmentBytes, "segments of {} bytes",
                options_.segment_bytes);
}

SegmentFiles::~SegmentFiles() {
  idle_readers_.clear();
  FLASHDB_CHECK(!busy() && waiting_.empty(), "reads are under way");
  while (!open_.empty()) Release(SegmentRef(open_.back()));
  while (!indexes_.empty()) Release(SegmentRef(indexes_.back()));
}

Status SegmentFiles::Prepare() { return files_.CreateDirectories(options_.directory); }

FileOperation SegmentFiles::Read(File& file, uint64_t offset, std::span<uint8_t> into) {
  FileOperation operation(*this, FileOperation::Kind::kRead);
  operation.file_ = &file;
  operation.offset_ = offset;
  operation.into_ = into;
  return operation;
}

FileOperation SegmentFiles::Write(File& file, uint64_t offset, std::string_view bytes) {
  FileOperation operation(*this, FileOperation::Kind::kWrite);
  operation.file_ = &file;
  operation.offset_ = offset;
  operation.bytes_ = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  return operation;
}

FileOperation SegmentFiles::Sync(File& file) {
  FileOperation operation(*this, FileOperation::Kind::kSync);
  operation.file_ = &file;
  return operation;
}

FileOperation SegmentFiles::SyncDirectory(File& directory, const std::string& path) {
  FileOperation operation(*this, FileOperation::Kind::kSyncDirectory);
  operation.file_ = &directory;
  operation.path_ = &path;
  return operation;
}

FileOperation SegmentFiles::Create(const std::string& path, std::unique_ptr<File>& file) {
  FileOperation operation(*this, FileOperation::Kind::kCreate);
  operation.path_ = &path;
  operation.created_ = &file;
  return operation;
}

FileOperation SegmentFiles::CreateDirectory(const std::string& path) {
  FileOperation operation(*this, FileOperation::Kind::kCreateDirectory);
  operation.path_ = &path;
  return operation;
}

FileOperation SegmentFiles::Rename(const std::string& from, const std::string& to) {
  FileOperation operation(*this, FileOperation::Kind::kRename);
  operation.path_ = &from;
  operation.to_ = &to;
  return operation;
}

FileOperation SegmentFiles::Remove(const std::string& path) {
  FileOperation operation(*this, FileOperation::Kind::kRemove);
  operation.path_ = &path;
  return operation;
}

FileOperation SegmentFiles::RemoveDirectory(const std::string& path) {
  FileOperation operation(*this, FileOperation::Kind::kRemoveDirectory);
  operation.path_ = &path;
  return operation;
}

StatusOr<std::shared_ptr<OpenSegment>> SegmentFiles::Open(const SegmentRef& segment) {
  if (segment->gone) return absl::AbortedError(segment->stem + " is gone");
  if (segment->open != nullptr) {
    open_.splice(open_.begin(), open_, segment->in_open);
    return segment->open;
  }
  FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           files_.OpenForWrite(segment->LogPath(), WriteMode::kBuffered, false));
  Opened(segment, std::move(file));
  return segment->open;
}

std::unique_ptr<File> SegmentFiles::OpenDirect(const TopicSegment& segment) {
  if (refuses_direct_) return nullptr;
  auto file = files_.OpenForWrite(segment.LogPath(), WriteMode::kDirect, false);
  refuses_direct_ = absl::IsInvalidArgument(file.status());
  return file.ok() ? *std::move(file) : nullptr;
}

void SegmentFiles::Opened(const SegmentRef& segment, std::unique_ptr<File> file) {
  segment->open = std::make_shared<OpenSegment>(*this, std::move(file));
  open_.push_front(segment);
  segment->in_open = open_.begin();
  std::shared_ptr<OpenSegment> kept = segment->open;  // not closed right away
  CloseBeyondLimit();
}

void SegmentFiles::CloseBeyondLimit() {
  auto at = open_.end();
  while (open_.size() > options_.max_open_files && at != open_.begin()) {
    --at;
    if ((*at)->open.use_count() > 1) continue;  // an operation needs it
    (*at)->open.reset();
    at = open_.erase(at);
  }
}

void SegmentFiles::Retire(const SegmentRef& segment) {
  segment->gone = true;
  if (segment->open != nullptr) segment->open->WillBeRemoved();
  Release(segment);
}

void SegmentFiles::Release(const SegmentRef& segment) {
  if (segment->open != nullptr) {
    segment->open.reset();
    open_.erase(segment->in_open);
  }
  ForgetIndex(*segment);
}

void SegmentFiles::ForgetIndex(TopicSegment& segment) {
  if (segment.cached_index == nullptr) return;
  index_bytes_ -= segment.cached_index->MemoryBytes();
  segment.cached_index.reset();
  indexes_.erase(segment.in_indexes);
}

std::shared_ptr<const SegmentIndex> SegmentFiles::CachedIndex(const SegmentRef& segment) {
  if (segment->cached_index != nullptr) {
    indexes_.splice(indexes_.begin(), indexes_, segment->in_indexes);
  }
  return segment->cached_index;
}

void SegmentFiles::CacheIndex(const SegmentRef& segment,
                              std::shared_ptr<const SegmentIndex> index) {
  ForgetIndex(*segment);
  if (segment->gone) return;
  index_bytes_ += index->MemoryBytes();
  segment->cached_index = std::move(index);
  indexes_.push_front(segment);
  segment->in_indexes = indexes_.begin();
  while (index_bytes_ > options_.max_index_bytes && indexes_.size() > 1) {
    SegmentRef oldest = indexes_.back();
    ForgetIndex(*oldest);
  }
}

SegmentFiles::Buffer& SegmentFiles::Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  Return();
  files_ = other.files_;
  memory_ = std::move(other.memory_);
  return *this;
}

void SegmentFiles::Buffer::Return() {
  if (memory_ != nullptr) files_->ReturnMemory(std::move(memory_));
}

std::unique_ptr<uint8_t[]> SegmentFiles::NewMemory() {
  ++buffers_in_use_;
  if (free_buffers_.empty()) {
    return std::unique_ptr<uint8_t[]>(new uint8_t[kHeadroomBytes + kReadBytes]);
  }
  std::unique_ptr<uint8_t[]> memory = std::move(free_buffers_.back());
  free_buffers_.pop_back();
  return memory;
}

void SegmentFiles::ReturnMemory(std::unique_ptr<uint8_t[]> memory) {
  --buffers_in_use_;
  if (free_buffers_.size() < kFreeBuffers) free_buffers_.push_back(std::move(memory));
  WakeWaiters();
}

// Those woken may return buffers in turn: one loop, here, for all.
void SegmentFiles::WakeWaiters() {
  if (std::exchange(waking_, true)) return;
  while (!waiting_.empty() && buffers_in_use_ < options_.max_buffers) {
    std::coroutine_handle<> waiter = waiting_.front();
    waiting_.pop_front();
    waiter.resume();
  }
  waking_ = false;
}

struct SegmentFiles::BufferWait {
  SegmentFiles& files;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiter) { files.waiting_.push_back(waiter); }
  void await_resume() const {}
};

Task<SegmentFiles::Buffer> SegmentFiles::TakeBuffer() {
  while (buffers_in_use_ >= options_.max_buffers && !idle_readers_.empty()) {
    idle_readers_.pop_back();
  }
  while (buffers_in_use_ >= options_.max_buffers) {
    FLASHDB_CHECK(attached(), "a blocking read waits for a buffer");
    BufferWait wait{*this};
    co_await wait;
  }
  Buffer buffer;
  buffer.files_ = this;
  buffer.memory_ = NewMemory();
  co_return std::move(buffer);
}

SegmentFiles::Buffer SegmentFiles::TryTakeBuffer() {
  Buffer buffer;
  if (buffers_in_use_ >= options_.max_buffers || !waiting_.empty()) return buffer;
  buffer.files_ = this;
  buffer.memory_ = NewMemory();
  return buffer;
}

void SegmentFiles::Vacate(const std::string& directory) {
  auto occupied = occupied_.extract(directory);
  if (occupied.empty()) return;
  for (std::coroutine_handle<> waiter : occupied.mapped()) waiter.resume();
}

void SegmentFiles::KeepReader(const void* owner, Offset next, std::unique_ptr<FrameReader> reader) {
  if (!waiting_.empty()) return;  // its buffer is wanted
  idle_readers_.push_front({owner, next, std::move(reader)});
  if (idle_readers_.size() > kMaxIdleReaders) idle_readers_.pop_back();
}

std::unique_ptr<FrameReader> SegmentFiles::TakeReader(const void* owner, Offset next) {
  for (auto at = idle_readers_.begin(); at != idle_readers_.end(); ++at) {
    if (at->owner != owner || at->next != next) continue;
    std::unique_ptr<FrameReader> reader = std::move(at->reader);
    idle_readers_.erase(at);
    return reader;
  }
  return nullptr;
}

void SegmentFiles::DropReaders(const void* owner) {
  idle_readers_.remove_if([owner](const IdleReader& idle) { return idle.owner == owner; });
}

}  // namespace flashdb
