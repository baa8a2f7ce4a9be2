// What the file storages of one shard share: the way to the disk, a bounded number of open files,
// of indexes in memory and of read buffers.
//
// Used by one thread. Must outlive its storages; not busy() when it is destroyed.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <array>
#include <coroutine>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "shards/task.h"
#include "topics/key_offsets.h"
#include "topics/segment_index.h"
#include "topics/write_buffers.h"

namespace flashdb {

class SegmentFiles;
class FrameReader;

/// A segment's open file; stays open while somebody holds it.
class OpenSegment {
 public:
  OpenSegment(SegmentFiles& home, std::unique_ptr<File> file)
      : home_(home), file_(std::move(file)) {}
  OpenSegment(const OpenSegment&) = delete;
  OpenSegment& operator=(const OpenSegment&) = delete;
  ~OpenSegment();

  File& file() { return *file_; }
  /// The file is about to be removed: closing it will free its blocks.
  void WillBeRemoved() { removed_ = true; }

 private:
  SegmentFiles& home_;
  std::unique_ptr<File> file_;
  bool removed_ = false;
};

/// One segment of a partition. Shared with those who read it while it is trimmed or replaced.
struct TopicSegment {
  Offset base = 0;
  std::string stem;       // its files' path without the suffix
  SegmentSummary facts;   // of what is written
  bool closed = false;    // nothing more is appended
  bool sealed = false;    // closed, durable, and its index files are written
  bool gone = false;      // removed or replaced: its name must not be opened any more
  bool renaming = false;  // others take its names now; its open file is still its own
  bool name_durable = false;
  uint64_t durable_bytes = 0;
  Lsn last_lsn = 0;  // of what is written
  /// While it is not sealed, or if it is damaged.
  std::shared_ptr<SegmentIndex> live_index;

  // For SegmentFiles.
  using Lru = std::list<std::shared_ptr<TopicSegment>>;
  std::shared_ptr<OpenSegment> open;
  Lru::iterator in_open;
  std::shared_ptr<const SegmentIndex> cached_index;
  Lru::iterator in_indexes;

  std::string LogPath() const { return stem + std::string(kLogSuffix); }
  std::string IndexPath() const { return stem + std::string(kIndexSuffix); }
  std::string TimeIndexPath() const { return stem + std::string(kTimeIndexSuffix); }
  /// Of all of its files, the log first.
  std::array<std::string, 3> Paths() const { return {LogPath(), IndexPath(), TimeIndexPath()}; }
};
using SegmentRef = std::shared_ptr<TopicSegment>;

/// `co_await` gives the kernel's result: a count, or a negated errno value. Performed at once, in
/// the calling thread, while the files are not attached to an event loop.
class FileOperation : private Completion {
 public:
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  int32_t await_resume() const { return result_; }

 private:
  friend class SegmentFiles;
  enum class Kind : uint8_t {
    kRead,
    kWrite,
    kSync,
    kSyncDirectory,
    kCreate,
    kCreateDirectory,
    kRename,
    kRemove,
    kRemoveDirectory
  };
  FileOperation(SegmentFiles& files, Kind kind) : files_(files), kind_(kind) {}
  int32_t Block();

  SegmentFiles& files_;
  Kind kind_;
  File* file_ = nullptr;
  uint64_t offset_ = 0;
  std::span<uint8_t> into_;
  std::span<const uint8_t> bytes_;
  const std::string* path_ = nullptr;
  const std::string* to_ = nullptr;
  std::unique_ptr<File>* created_ = nullptr;
  std::coroutine_handle<> waiter_;
  int32_t result_ = 0;
};

class SegmentFiles {
 public:
  struct Options {
    std::string directory;
    uint64_t segment_bytes = 256u << 20;  // a segment is closed when it would grow beyond this
    uint64_t sync_bytes = 16u << 20;      // unsynced ones of a partition that start a sync
    size_t direct_bytes = 128u << 10;     // whole blocks of one write that go past the page cache
    size_t write_bytes = WriteBuffers::kLargeBytes;  // in one write, of a few at a time
    size_t max_open_files = 256;                     // besides those of large writes under way
    size_t max_index_bytes = 16u << 20;              // of segments that are not written any more
    size_t max_buffers = 64;                         // readers at one time; more wait
    size_t max_compacted_keys = 1u << 20;            // in memory, of all compactions under way
  };
  /// Largest that --topic-segment-bytes may be: positions have 32 bits, and one block more may fit.
  static constexpr uint64_t kMaxSegmentBytes = 1u << 30;
  static constexpr size_t kReadBytes = 256 * 1024;
  /// Room before what is read, for the beginning of a frame that the previous read cut.
  static constexpr size_t kHeadroomBytes = 64 * 1024;

  SegmentFiles(FileSystem& files, Options options);
  ~SegmentFiles();
  SegmentFiles(const SegmentFiles&) = delete;
  SegmentFiles& operator=(const SegmentFiles&) = delete;

  /// Blocking, at the start: creates the directory.
  Status Prepare();
  /// From now on operations are asynchronous. Before, they block.
  void Attach(AsyncFiles& async) { async_ = &async; }
  bool attached() const { return async_ != nullptr; }
  /// Operations that begin during its life block.
  class BlockingScope {
   public:
    explicit BlockingScope(SegmentFiles& files)
        : files_(files), async_(std::exchange(files.async_, nullptr)) {}
    ~BlockingScope() { files_.async_ = async_; }
    BlockingScope(const BlockingScope&) = delete;
    BlockingScope& operator=(const BlockingScope&) = delete;

   private:
    SegmentFiles& files_;
    AsyncFiles* async_;
  };

  const Options& options() const { return options_; }
  FileSystem& files() { return files_; }
  size_t open_files() const { return open_.size(); }
  size_t index_bytes() const { return index_bytes_; }
  /// A read-ahead is under way.
  bool busy() const { return reads_ahead_ > 0; }

  // Operations; their arguments must stay in place until they end.
  FileOperation Read(File& file, uint64_t offset, std::span<uint8_t> into);
  FileOperation Write(File& file, uint64_t offset, std::string_view bytes);
  FileOperation Sync(File& file);
  FileOperation SyncDirectory(File& directory, const std::string& path);
  /// Creates a file, which must not exist, and opens it.
  FileOperation Create(const std::string& path, std::unique_ptr<File>& file);
  FileOperation CreateDirectory(const std::string& path);
  FileOperation Rename(const std::string& from, const std::string& to);
  FileOperation Remove(const std::string& path);
  FileOperation RemoveDirectory(const std::string& path);

  /// The segment's file, opened if need be. Aborted if the segment is gone.
  StatusOr<std::shared_ptr<OpenSegment>> Open(const SegmentRef& segment);
  /// The segment's file once more, for writing whole blocks (WriteBuffers::kBlockBytes) past the
  /// page cache. Null if that can't be: the file that is open anyway takes the write then.
  std::unique_ptr<File> OpenDirect(const TopicSegment& segment);
  /// The file system took the open, but refuses such a write: from now on there are none.
  void RefuseDirect() { refuses_direct_ = true; }
  /// Takes over the file of a new segment.
  void Opened(const SegmentRef& segment, std::unique_ptr<File> file);
  /// The segment will be removed or replaced: it is marked `gone` and forgotten here.
  void Retire(const SegmentRef& segment);
  /// Forgets the segment's file and index, which may be opened and loaded again.
  void Release(const SegmentRef& segment);

  WriteBuffers& write_buffers() { return write_buffers_; }

  KeyBudget& compaction_keys() { return compaction_keys_; }
  /// So many that reading all of a partition for them is worth it.
  bool HasKeysForCompaction() const {
    return compaction_keys_.left > 0 && compaction_keys_.left >= options_.max_compacted_keys / 8;
  }

  std::shared_ptr<const SegmentIndex> CachedIndex(const SegmentRef& segment);
  void CacheIndex(const SegmentRef& segment, std::shared_ptr<const SegmentIndex> index);

  /// A read buffer; goes back when destroyed.
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : files_(other.files_), memory_(std::exchange(other.memory_, nullptr)) {}
    Buffer& operator=(Buffer&& other) noexcept;
    ~Buffer() { Return(); }
    uint8_t* data() const { return memory_.get(); }
    explicit operator bool() const { return memory_ != nullptr; }
    void Return();

   private:
    friend class SegmentFiles;
    SegmentFiles* files_ = nullptr;
    std::unique_ptr<uint8_t[]> memory_;
  };
  /// Waits while max_buffers are in use.
  Task<Buffer> TakeBuffer();
  /// Does not wait: maybe none.
  Buffer TryTakeBuffer();

  /// A partition that is dropped still has to do with its directory: others of the same name wait.
  void Occupy(const std::string& directory) { occupied_.try_emplace(directory); }
  void Vacate(const std::string& directory);
  struct VacancyWait {
    SegmentFiles& files;
    const std::string& directory;
    bool await_ready() const { return !files.occupied_.contains(directory); }
    void await_suspend(std::coroutine_handle<> waiter) {
      files.occupied_[directory].push_back(waiter);
    }
    void await_resume() const {}
  };

  /// Readers that wait for the next read at `next`, which their buffers may answer.
  void KeepReader(const void* owner, Offset next, std::unique_ptr<FrameReader> reader);
  std::unique_ptr<FrameReader> TakeReader(const void* owner, Offset next);
  void DropReaders(const void* owner);

 private:
  friend class FileOperation;
  friend class OpenSegment;
  friend struct ReadAhead;
  static constexpr size_t kMaxIdleReaders = 16;
  static constexpr size_t kFreeBuffers = 8;

  struct IdleReader {
    const void* owner;
    Offset next;
    std::unique_ptr<FrameReader> reader;
  };
  struct BufferWait;

  void CloseBeyondLimit();
  void ForgetIndex(TopicSegment& segment);
  std::unique_ptr<uint8_t[]> NewMemory();
  void ReturnMemory(std::unique_ptr<uint8_t[]> memory);
  void WakeWaiters();

  FileSystem& files_;
  AsyncFiles* async_ = nullptr;
  Options options_;
  TopicSegment::Lru open_;  // used last in front
  TopicSegment::Lru indexes_;
  size_t index_bytes_ = 0;
  bool refuses_direct_ = false;
  WriteBuffers write_buffers_;
  KeyBudget compaction_keys_;
  size_t buffers_in_use_ = 0;
  std::vector<std::unique_ptr<uint8_t[]>> free_buffers_;
  std::deque<std::coroutine_handle<>> waiting_;
  bool waking_ = false;
  absl::flat_hash_map<std::string, std::vector<std::coroutine_handle<>>> occupied_;
  std::list<IdleReader> idle_readers_;  // used last in front
  size_t reads_ahead_ = 0;
};

/// Runs a task that does not wait because files are not attached or in a BlockingScope.
template <typename T>
T RunBlocking(Task<T> task) {
  std::optional<T> result;
  Detach([](Task<T> inner, std::optional<T>& to) -> Task<void> { to.emplace(co_await inner); }(
                                                     std::move(task), result));
  FLASHDB_CHECK(result.has_value(), "a blocking operation waits");
  return std::move(*result);
}

}  // namespace flashdb
