#include "io/posix_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

namespace flashdb {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(int fd, std::string path, WriteMode mode)
      : fd_(fd), mode_(mode), path_(std::move(path)) {}
  ~PosixFile() override { ::close(fd_); }

  StatusOr<size_t> ReadAt(uint64_t offset, std::span<uint8_t> into) override {
    size_t done = 0;
    while (done < into.size()) {
      ssize_t n =
          ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "read " + path_);
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Status WriteAt(uint64_t offset, std::span<const uint8_t> bytes) override {
    size_t done = 0;
    while (done < bytes.size()) {
      ssize_t n = ::pwrite(fd_, bytes.data() + done, bytes.size() - done,
                           static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return ErrnoStatus(errno, "write " + path_);
      done += static_cast<size_t>(n);
    }
    return OkStatus();
  }

  Status Sync() override {
    return ::fdatasync(fd_) == 0 ? OkStatus() : ErrnoStatus(errno, "sync " + path_);
  }

  Status Truncate(uint64_t size) override {
    return ::ftruncate(fd_, static_cast<off_t>(size)) == 0
               ? OkStatus()
               : ErrnoStatus(errno, "truncate " + path_);
  }

  Status Allocate(uint64_t size) override {
    int error = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
    return error == 0 ? OkStatus() : ErrnoStatus(error, "allocate " + path_);
  }

  StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (::fstat(fd_, &info) != 0) return ErrnoStatus(errno, "stat " + path_);
    return static_cast<uint64_t>(info.st_size);
  }

  int fd() const override { return fd_; }
  WriteMode mode() const override { return mode_; }

 private:
  int fd_;
  WriteMode mode_;
  std::string path_;
};

constexpr mode_t kPermissions = 0640;

StatusOr<std::unique_ptr<File>> Open(const std::string& path, int flags, WriteMode mode,
                                     mode_t permissions = kPermissions) {
  int fd = ::open(path.c_str(), flags | O_CLOEXEC, permissions);
  if (fd < 0 && errno == EINVAL && mode != WriteMode::kBuffered) {
    return absl::InvalidArgumentError(path + ": the file system refuses O_DIRECT");
  }
  if (fd < 0) return ErrnoStatus(errno, "open " + path);
  return std::make_unique<PosixFile>(fd, path, mode);
}

uint32_t QueueBlockSize(dev_t device) {
  std::string base = fmt::format("/sys/dev/block/{}:{}/", major(device), minor(device));
  // A partition has no queue of its own; its parent directory is the disk.
  for (const char* queue : {"queue/logical_block_size", "../queue/logical_block_size"}) {
    std::ifstream in(base + queue);
    uint32_t size = 0;
    if (in >> size && size >= 512) return size;
  }
  return 4096;
}

}  // namespace

StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForRead(const std::string& path) {
  return Open(path, O_RDONLY, WriteMode::kBuffered);
}

StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenForWrite(const std::string& path,
                                                              WriteMode mode, bool create) {
  int flags = O_RDWR | (create ? O_CREAT | O_EXCL : 0);
  if (mode != WriteMode::kBuffered) flags |= O_DIRECT;
  if (mode == WriteMode::kDirectSync) flags |= O_DSYNC;
  return Open(path, flags, mode);
}

StatusOr<std::unique_ptr<File>> PosixFileSystem::CreateLike(const std::string& path,
                                                            const std::string& like) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL;
  struct stat facts;
  if (::stat(like.c_str(), &facts) != 0) {
    if (errno != ENOENT) return ErrnoStatus(errno, "stat " + like);
    return Open(path, kFlags, WriteMode::kBuffered);
  }
  const mode_t permissions = facts.st_mode & 0777;
  FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                           Open(path, kFlags, WriteMode::kBuffered, permissions));
  // What the process's umask took away.
  if (::fchmod(file->fd(), permissions) != 0) return ErrnoStatus(errno, "chmod " + path);
  return file;
}

StatusOr<std::vector<std::string>> PosixFileSystem::List(const std::string& directory) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) return ErrnoStatus(errno, "list " + directory);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = ::readdir(dir)) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  int error = errno;  // a null entry is the end, or a failure
  ::closedir(dir);
  if (error != 0) return ErrnoStatus(error, "list " + directory);
  std::sort(names.begin(), names.end());
  return names;
}

Status PosixFileSystem::CreateDirectories(const std::string& directory) {
  std::filesystem::path path = directory;
  if (!path.has_filename()) path = path.parent_path();  // a slash at the end
  std::vector<std::string> changed;                     // directories that get a new entry
  std::error_code error;
  for (auto missing = path; !missing.empty() && !std::filesystem::is_directory(missing, error);
       missing = missing.parent_path()) {
    changed.push_back(missing.has_parent_path() ? missing.parent_path().string() : ".");
  }
  std::filesystem::create_directories(path, error);
  if (error) return ErrnoStatus(error.value(), "create directory " + directory);
  for (const std::string& parent : changed) FLASHDB_RETURN_IF_ERROR(SyncDirectory(parent));
  return OkStatus();
}

Status PosixFileSystem::CreateDirectory(const std::string& directory) {
  return ::mkdir(directory.c_str(), 0777) == 0
             ? OkStatus()
             : ErrnoStatus(errno, "create directory " + directory);
}

Status PosixFileSystem::RemoveDirectory(const std::string& directory) {
  return ::rmdir(directory.c_str()) == 0 ? OkStatus()
                                         : ErrnoStatus(errno, "remove directory " + directory);
}

Status PosixFileSystem::Rename(const std::string& from, const std::string& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? OkStatus()
                                                 : ErrnoStatus(errno, "rename " + from);
}

Status PosixFileSystem::Remove(const std::string& path) {
  return ::unlink(path.c_str()) == 0 ? OkStatus() : ErrnoStatus(errno, "remove " + path);
}

bool PosixFileSystem::Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

StatusOr<std::unique_ptr<File>> PosixFileSystem::OpenDirectory(const std::string& path) {
  return Open(path, O_RDONLY | O_DIRECTORY, WriteMode::kBuffered);
}

Status PosixFileSystem::SyncDirectory(const std::string& directory) {
  int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, "open " + directory);
  int result = ::fsync(fd);
  int error = errno;
  ::close(fd);
  return result == 0 ? OkStatus() : ErrnoStatus(error, "sync " + directory);
}

uint32_t PosixFileSystem::LogicalBlockSize(const std::string& directory) {
  struct stat info;
  if (::stat(directory.c_str(), &info) != 0) return 4096;
  return QueueBlockSize(info.st_dev);
}

StatusOr<DirectoryLock> DirectoryLock::Acquire(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return ErrnoStatus(errno, "open lock file " + path);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    char holder[32] = {};
    ssize_t n = ::pread(fd, holder, sizeof(holder) - 1, 0);
    ::close(fd);
    std::string pid = n > 0 ? std::string(holder, static_cast<size_t>(n)) : "unknown";
    return absl::FailedPreconditionError(
        fmt::format("{} is locked by another server (pid {}); stop it or choose another --dir",
                    path, pid.substr(0, pid.find('\n'))));
  }
  std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    int error = errno;
    ::close(fd);
    return ErrnoStatus(error, "write lock file " + path);
  }
  return DirectoryLock(fd);
}

DirectoryLock::DirectoryLock(DirectoryLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

DirectoryLock::~DirectoryLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace flashdb
