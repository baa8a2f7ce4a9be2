// Files behind one small interface, so that tests and the simulation can fake the disk under the
// real log. Implementations: PosixFileSystem (posix_file.h) and the tests' in-memory disk.
//
// Blocking calls are for start-up, recovery and tools. A running event loop uses only the
// asynchronous ones (AsyncFiles), but for small writes to the page cache (wal/copy_pace.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "io/completion.h"

namespace flashdb {

/// How a file that is open for writing reaches the disk.
enum class WriteMode : uint8_t {
  kBuffered,    // through the page cache; durable after a sync
  kDirect,      // O_DIRECT: past the page cache; durable after a sync; aligned in memory and file
  kDirectSync,  // O_DIRECT | O_DSYNC: the same, but durable when the write completes
};

/// An open file. Closed by the destructor. Not thread-safe.
class File {
 public:
  virtual ~File() = default;

  /// Reads up to `into.size()` bytes at `offset`; fewer only at the end of the file. Returns the
  /// count. Blocking.
  virtual StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> into) = 0;
  /// Writes all of `bytes` at `offset`. Blocking; in kDirectSync mode durable on return.
  virtual Status WriteAt(uint64_t offset, std::span<const uint8_t> bytes) = 0;
  /// fdatasync. Blocking.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  /// Reserves blocks for [0, size) and sets the size (fallocate); ResourceExhausted on a full disk.
  virtual Status Allocate(uint64_t size) = 0;
  virtual StatusOr<uint64_t> Size() const = 0;
  /// The descriptor for asynchronous calls; -1 in a fake.
  virtual int fd() const = 0;
  virtual WriteMode mode() const = 0;
};

/// Opens, lists and renames. Blocking; any thread may call.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) = 0;
  /// Opens an existing file, or creates it if `create` (which fails if it exists), for reading and
  /// writing. The direct modes fail with InvalidArgument where the file system refuses O_DIRECT.
  virtual StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path, WriteMode mode,
                                                       bool create) = 0;
  /// Creates `path` (fails if it exists) for kBuffered writing. It has the permissions of `like`,
  /// if there is such a file, from the first moment on.
  virtual StatusOr<std::unique_ptr<File>> CreateLike(const std::string& path,
                                                     const std::string& like) = 0;
  /// Names (not paths) of the entries of `directory`, sorted.
  virtual StatusOr<std::vector<std::string>> List(const std::string& directory) = 0;
  /// Creates the directory and those above it, as far as they are missing; durable on return.
  virtual Status CreateDirectories(const std::string& directory) = 0;
  /// Creates one directory; AlreadyExists if there is such a name. Not durable before
  /// SyncDirectory of the one above.
  virtual Status CreateDirectory(const std::string& directory) = 0;
  /// Removes an empty directory.
  virtual Status RemoveDirectory(const std::string& directory) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual bool Exists(const std::string& path) = 0;
  /// For AsyncFiles::SyncDirectory only.
  virtual StatusOr<std::unique_ptr<File>> OpenDirectory(const std::string& path) = 0;
  /// Makes the directory's entries (created, renamed, removed files) durable.
  virtual Status SyncDirectory(const std::string& directory) = 0;
  /// Logical block size of the device below `directory`, in bytes (at least 512).
  virtual uint32_t LogicalBlockSize(const std::string& directory) = 0;
};

/// Asynchronous file operations of one event loop. Each call submits; `done` is called from the
/// loop later. Buffers and files must outlive the operation. Only the owning thread may call.
class AsyncFiles {
 public:
  virtual ~AsyncFiles() = default;
  virtual void Write(File& file, uint64_t offset, std::span<const uint8_t> bytes,
                     Completion& done) = 0;
  virtual void Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) = 0;
  /// fdatasync.
  virtual void Sync(File& file, Completion& done) = 0;
  virtual void Allocate(File& file, uint64_t size, Completion& done) = 0;
  /// As FileSystem::SyncDirectory; `directory` was opened with OpenDirectory.
  virtual void SyncDirectory(File& directory, Completion& done) = 0;
  // As the functions of FileSystem. Arguments must stay in place until `done` is called.
  /// Creates `path` (fails if it exists) for kBuffered writing; `file` is set before `done` is
  /// called with 0.
  virtual void Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) = 0;
  virtual void CreateDirectory(const std::string& path, Completion& done) = 0;
  virtual void Rename(const std::string& from, const std::string& to, Completion& done) = 0;
  virtual void Remove(const std::string& path, Completion& done) = 0;
  virtual void RemoveDirectory(const std::string& path, Completion& done) = 0;
  /// Closes `file` without waiting: the last close of a removed file frees its blocks, which takes
  /// long. No operation of it may be under way.
  virtual void Close(std::unique_ptr<File> file) = 0;
};

}  // namespace flashdb
