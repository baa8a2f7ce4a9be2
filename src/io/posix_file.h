// The real disk.
#pragma once

#include "io/file.h"

namespace flashdb {

class PosixFileSystem final : public FileSystem {
 public:
  StatusOr<std::unique_ptr<File>> OpenForRead(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> OpenForWrite(const std::string& path, WriteMode mode,
                                               bool create) override;
  StatusOr<std::unique_ptr<File>> CreateLike(const std::string& path,
                                             const std::string& like) override;
  StatusOr<std::vector<std::string>> List(const std::string& directory) override;
  Status CreateDirectories(const std::string& directory) override;
  Status CreateDirectory(const std::string& directory) override;
  Status RemoveDirectory(const std::string& directory) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  bool Exists(const std::string& path) override;
  StatusOr<std::unique_ptr<File>> OpenDirectory(const std::string& path) override;
  Status SyncDirectory(const std::string& directory) override;
  uint32_t LogicalBlockSize(const std::string& directory) override;
};

/// An exclusive advisory lock (flock) on a file, held until destroyed or the process ends.
class DirectoryLock {
 public:
  /// Creates `path` if needed and locks it. FailedPrecondition, naming the file and the holder's
  /// pid, if another process holds it.
  static StatusOr<DirectoryLock> Acquire(const std::string& path);

  DirectoryLock(DirectoryLock&& other) noexcept;
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace flashdb
