// A disk in memory under the real log: it remembers what is synced, loses the rest on demand, tears
// writes at sectors, fails, fills up and refuses. Deterministic: nothing happens but by a call, and
// all chance comes from a given seed.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/file.h"

namespace flashdb {

class FakeDisk final : public FileSystem, public AsyncFiles {
 public:
  static constexpr size_t kSector = 512;

  explicit FakeDisk(uint32_t block_bytes = 512) : block_bytes_(block_bytes) {}

  // FileSystem
  StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path, WriteMode mode,
                                               bool create) override;
  StatusOr<std::unique_ptr<File>> CreateLike(const std::string& path, const std::string&) override {
    return OpenForWrite(path, WriteMode::kBuffered, true);
  }
  StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  Status CreateDirectories(const std::string& directory) override;
  Status CreateDirectory(const std::string& directory) override;
  Status RemoveDirectory(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  bool Exists(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> OpenDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& directory) override;
  uint32_t LogicalBlockSize(const std::string&) override { return block_bytes_; }

  // AsyncFiles: an operation takes effect, all at once, when the test runs it.
  void Write(File& file, uint64_t offset, std::span<const uint8_t> bytes,
             Completion& done) override;
  void Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) override;
  void Sync(File& file, Completion& done) override;
  void Allocate(File& file, uint64_t size, Completion& done) override;
  void SyncDirectory(File& directory, Completion& done) override;
  void Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) override;
  void CreateDirectory(const std::string& path, Completion& done) override;
  void Rename(const std::string& from, const std::string& to, Completion& done) override;
  void Remove(const std::string& path, Completion& done) override;
  void RemoveDirectory(const std::string& path, Completion& done) override;
  void Close(std::unique_ptr<File> file) override { file.reset(); }

  size_t pending() const { return pending_.size(); }
  /// Ends the pending operation at `index` (0 is the oldest) and calls its completion.
  void RunOne(size_t index = 0);
  /// Until nothing is pending.
  void RunAll();
  /// Operations that are asked for from now on are `submitter`'s (a shard's, say).
  void set_submitter(uint32_t submitter) { submitter_ = submitter; }
  uint32_t SubmitterOf(size_t index) const { return pending_.at(index).submitter; }
  /// The pending operation at `index` is a write of log data (not of zeros).
  bool IsDataWrite(size_t index) const;

  /// The power fails: of everything not synced, and of writes under way, any subset of sectors
  /// survives; of directory changes some prefix. Pending operations never complete. All files must
  /// be closed by now or never used again.
  void PowerLoss(uint64_t seed);
  /// The process dies, the machine lives on: what was written stays (though not durable); pending
  /// operations may or may not take effect.
  void KillProcess(uint64_t seed);
  /// What a new process finds after the power failed (or, with `power` false, after only the
  /// process was killed) at this instant. This disk stays as it is, for those who still use it.
  std::unique_ptr<FakeDisk> CrashedCopy(bool power, uint64_t seed) const;
  /// The disk stops at the nth change from now (1: the next): that one may happen in part, it and
  /// all later ones fail. For crashes inside blocking calls.
  void StopAtChange(uint64_t nth) { stop_at_change_ = changes_made_ + nth; }
  bool stopped() const { return changes_made_ >= stop_at_change_; }
  /// A disk that acknowledges syncs and does nothing for them.
  void set_lies(bool lies) { lies_ = lies; }

  /// Is called in each blocking write, to let time pass, say.
  void set_during_write(std::function<void()> during_write) {
    during_write_ = std::move(during_write);
  }
  /// The nth write (sync) from now, 1 being the next, fails with EIO, as do all after it.
  void FailWritesFrom(uint64_t nth) { fail_writes_from_ = writes_ + nth; }
  void FailSyncsFrom(uint64_t nth) { fail_syncs_from_ = syncs_ + nth; }
  void StopFailing() { fail_writes_from_ = fail_syncs_from_ = UINT64_MAX; }
  /// Allocations and growth beyond this many bytes in all files fail with ENOSPC.
  void set_capacity(uint64_t bytes) { capacity_ = bytes; }
  uint64_t used_bytes() const;
  /// Files can be made only in directories that were made before. Otherwise anywhere.
  void set_needs_directories() { needs_directories_ = true; }
  void set_refuse_direct(bool refuse) { refuse_direct_ = refuse; }
  /// Files are opened for direct writes, which fail with EINVAL then.
  void set_refuse_direct_writes(bool refuse) { refuse_direct_writes_ = refuse; }
  /// That were tried.
  uint64_t direct_writes() const { return direct_writes_; }
  uint64_t writes() const { return writes_; }

  /// Flips bits in a stored byte, behind everybody's back.
  void Damage(const std::string& path, uint64_t offset);
  /// Sectors that held something else than zeros and were written once more.
  uint64_t overwritten_sectors() const { return overwritten_sectors_; }

 private:
  friend class FakeFile;
  using Sector = std::array<uint8_t, kSector>;
  // A sector that is not in the map holds zeros. A directory is an inode too, always empty.
  struct Inode {
    absl::flat_hash_map<uint64_t, Sector> now;
    absl::flat_hash_map<uint64_t, Sector> durable;
    absl::flat_hash_set<uint64_t> dirty;
    uint64_t size = 0;
    uint64_t durable_size = 0;
  };
  using InodePtr = std::shared_ptr<Inode>;
  struct DirectoryChange {
    std::string removed;
    std::string added;
    InodePtr inode;
  };
  enum class Kind : uint8_t { kWrite, kRead, kSync, kAllocate, kSyncDirectory, kNames };
  struct Pending {
    Kind kind;
    File* file;
    InodePtr inode;
    uint64_t offset;  // of a sync: the size when it began
    std::span<const uint8_t> bytes;
    std::span<uint8_t> into;
    Completion* done;
    uint32_t submitter;
    std::vector<uint64_t> written = {};           // of a sync: sectors written before it began
    std::function<Status(FakeDisk&)> names = {};  // what changes names, on this disk or a copy
    std::string path = {};                        // of a file that is created ...
    std::unique_ptr<File>* created = nullptr;     // ... and opened here
  };

  /// Counts a change; false if the disk has stopped.
  bool MayChange() { return ++changes_made_ < stop_at_change_; }
  void TearLastWrite(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes);
  void PutBytes(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes);
  int WriteAs(WriteMode mode, Inode& inode, uint64_t offset, std::span<const uint8_t> bytes);
  int WriteSectors(Inode& inode, uint64_t offset, std::span<const uint8_t> bytes);
  static void PutSector(Inode& inode, uint64_t sector, const uint8_t* bytes);
  int SyncInode(Inode& inode);
  int SyncWritten(const Pending& sync);
  int AllocateInode(Inode& inode, uint64_t size);
  /// The sectors [first, end) of what was written, and the size.
  void MakeDurable(Inode& inode, uint64_t first = 0, uint64_t end = UINT64_MAX);
  static void Settle(Inode& inode, uint64_t sector);
  Status Change(DirectoryChange change);
  static void Apply(std::map<std::string, InodePtr>& names, const DirectoryChange& change);
  void LandUnaligned(Inode& inode, const Pending& pending, Random& random);
  void ForgetUnreachable();
  void LandSome(const Pending& pending, Random& random);
  void LoseSome(Inode& inode, Random& random);
  int32_t Perform(const Pending& pending);
  int32_t PerformNames(const Pending& pending);
  void PushNames(std::function<Status(FakeDisk&)> names, Completion& done);

  uint32_t block_bytes_;
  std::map<std::string, InodePtr> names_;
  std::map<std::string, InodePtr> durable_names_;
  absl::flat_hash_set<std::string> young_directories_;  // of CreateDirectory, maybe not durable
  std::vector<DirectoryChange> changes_;                // since the last sync, in order
  std::deque<Pending> pending_;
  uint64_t writes_ = 0;
  uint64_t syncs_ = 0;
  uint64_t fail_writes_from_ = UINT64_MAX;
  uint64_t fail_syncs_from_ = UINT64_MAX;
  uint64_t capacity_ = UINT64_MAX;
  uint64_t overwritten_sectors_ = 0;
  bool refuse_direct_ = false;
  bool refuse_direct_writes_ = false;
  uint64_t direct_writes_ = 0;
  bool needs_directories_ = false;
  bool lies_ = false;
  uint32_t submitter_ = 0;
  std::function<void()> during_write_;
  uint64_t changes_made_ = 0;
  uint64_t stop_at_change_ = UINT64_MAX;
};

}  // namespace flashdb
