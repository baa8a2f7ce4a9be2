// The real disk: what the log and the start rely on.
#include "io/posix_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <optional>

namespace flashdb {
namespace {

std::span<const uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class PosixFileTest : public testing::Test {
 protected:
  PosixFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-io-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~PosixFileTest() override { std::filesystem::remove_all(directory_); }

  std::string At(const std::string& name) const { return directory_ + "/" + name; }

  std::unique_ptr<File> Create(const std::string& name, std::string_view content = "") {
    auto file = files_.OpenForWrite(At(name), WriteMode::kBuffered, /*create=*/true);
    EXPECT_TRUE(file.ok()) << file.status();
    EXPECT_TRUE((*file)->WriteAt(0, BytesOf(content)).ok());
    return *std::move(file);
  }
  /// What ReadAt gives; its size is ReadAt's count.
  static std::string Read(File& file, uint64_t offset, size_t size) {
    std::string text(size, '?');
    auto count = file.ReadAt(offset, {reinterpret_cast<uint8_t*>(text.data()), size});
    EXPECT_TRUE(count.ok()) << count.status();
    text.resize(count.value_or(0));
    return text;
  }

  std::string directory_;
  PosixFileSystem files_;
};

TEST_F(PosixFileTest, ReadsWhatWasWritten) {
  auto file = Create("a", "hello");
  EXPECT_TRUE(file->WriteAt(3, BytesOf("P!")).ok());
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(Read(*file, 0, 5), "helP!");
  EXPECT_EQ(file->Size().value(), 5u);
  EXPECT_EQ(file->mode(), WriteMode::kBuffered);
  auto reader = files_.OpenForRead(At("a"));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(Read(**reader, 1, 2), "el");
}

TEST_F(PosixFileTest, DirectModesPassThePageCacheAndOnlyOneOfThemSyncs) {
  Create("a", std::string(8192, 'x'));
  for (WriteMode mode : {WriteMode::kDirect, WriteMode::kDirectSync}) {
    auto file = files_.OpenForWrite(At("a"), mode, /*create=*/false);
    if (!file.ok()) {  // some file systems have no direct writes
      EXPECT_EQ(MessageOf(file.status()), At("a") + ": the file system refuses O_DIRECT");
      continue;
    }
    EXPECT_EQ((*file)->mode(), mode);
    int flags = ::fcntl((*file)->fd(), F_GETFL);
    EXPECT_NE(flags & O_DIRECT, 0);
    EXPECT_EQ((flags & O_DSYNC) != 0, mode == WriteMode::kDirectSync);
    alignas(4096) uint8_t block[4096];
    std::fill(std::begin(block), std::end(block), static_cast<uint8_t>('d'));
    ASSERT_TRUE((*file)->WriteAt(4096, block).ok());
    auto reader = files_.OpenForRead(At("a"));
    EXPECT_EQ(Read(**reader, 4095, 2), "xd");
  }
}

TEST_F(PosixFileTest, AReadIsShortOnlyAtTheEnd) {
  auto file = Create("a", "hello");
  EXPECT_EQ(Read(*file, 3, 10), "lo");
  EXPECT_EQ(Read(*file, 5, 10), "");
  EXPECT_EQ(Read(*file, 500, 10), "");
}

TEST_F(PosixFileTest, AHoleReadsAsZeros) {
  auto file = Create("a");
  EXPECT_TRUE(file->WriteAt(4, BytesOf("x")).ok());
  EXPECT_EQ(Read(*file, 0, 10), std::string("\0\0\0\0x", 5));
}

TEST_F(PosixFileTest, AllocateAndTruncateSetTheSize) {
  auto file = Create("a", "hello");
  EXPECT_TRUE(file->Allocate(8192).ok());
  EXPECT_EQ(file->Size().value(), 8192u);
  EXPECT_EQ(Read(*file, 0, 6), std::string("hello\0", 6));
  EXPECT_TRUE(file->Truncate(2).ok());
  EXPECT_EQ(Read(*file, 0, 10), "he");
}

TEST_F(PosixFileTest, CreatingNeverTakesAnExistingFile) {
  Create("a", "precious");
  auto again = files_.OpenForWrite(At("a"), WriteMode::kBuffered, true);
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  EXPECT_EQ(Read(**files_.OpenForRead(At("a")), 0, 20), "precious");
}

TEST_F(PosixFileTest, ErrorsSayWhatFailedAndWhere) {
  auto missing = files_.OpenForRead(At("missing"));
  EXPECT_TRUE(absl::IsNotFound(missing.status()));
  EXPECT_EQ(MessageOf(missing.status()), "open " + At("missing") + ": No such file or directory");

  auto reader = files_.OpenForRead((Create("a", "x"), At("a")));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(MessageOf((*reader)->WriteAt(0, BytesOf("y"))),
            "write " + At("a") + ": Bad file descriptor");
  EXPECT_EQ(MessageOf((*reader)->Truncate(0)), "truncate " + At("a") + ": Invalid argument");

  EXPECT_EQ(MessageOf(files_.Remove(At("missing"))),
            "remove " + At("missing") + ": No such file or directory");
  EXPECT_EQ(MessageOf(files_.Rename(At("missing"), At("b"))),
            "rename " + At("missing") + ": No such file or directory");
  EXPECT_EQ(MessageOf(files_.List(At("missing")).status()),
            "list " + At("missing") + ": No such file or directory");
  EXPECT_EQ(MessageOf(files_.SyncDirectory(At("missing"))),
            "open " + At("missing") + ": No such file or directory");
  EXPECT_EQ(MessageOf(files_.CreateDirectories(At("a") + "/below")),
            "create directory " + At("a") + "/below: Not a directory");
}

TEST_F(PosixFileTest, RenamingReplacesTheTargetAsAWhole) {
  Create("old", "old");
  EXPECT_TRUE(Create("new", "new")->Sync().ok());
  ASSERT_TRUE(files_.Rename(At("new"), At("old")).ok());
  ASSERT_TRUE(files_.SyncDirectory(directory_).ok());
  EXPECT_FALSE(files_.Exists(At("new")));
  EXPECT_EQ(Read(**files_.OpenForRead(At("old")), 0, 10), "new");
}

TEST_F(PosixFileTest, ListsNamesInOrder) {
  Create("b");
  Create("a");
  ASSERT_TRUE(files_.CreateDirectories(At("c/d/e")).ok());
  ASSERT_TRUE(files_.CreateDirectories(At("c/d/e")).ok()) << "what exists is no error";
  EXPECT_EQ(files_.List(directory_).value(), (std::vector<std::string>{"a", "b", "c"}));
  ASSERT_TRUE(files_.Remove(At("a")).ok());
  EXPECT_EQ(files_.List(directory_).value(), (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(files_.Exists(At("c/d")));
}

TEST_F(PosixFileTest, TheBlockSizeIsOneThatDevicesHave) {
  uint32_t size = files_.LogicalBlockSize(directory_);
  EXPECT_GE(size, 512u);
  EXPECT_EQ(size & (size - 1), 0u);
}

// ---- The lock -----------------------------------------------------------------------------------

/// Tries to lock in a child process; the error's message, empty if it got the lock.
std::string LockInChild(const std::string& path) {
  int pipe_ends[2];
  EXPECT_EQ(::pipe(pipe_ends), 0);
  pid_t child = ::fork();
  if (child == 0) {
    auto lock = DirectoryLock::Acquire(path);
    std::string text = lock.ok() ? "" : MessageOf(lock.status());
    ssize_t written = ::write(pipe_ends[1], text.data(), text.size());
    ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(pipe_ends[1]);
  std::string text(1000, '\0');
  ssize_t n = ::read(pipe_ends[0], text.data(), text.size());
  ::close(pipe_ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

TEST_F(PosixFileTest, ASecondProcessIsRefusedAndToldWhoHoldsTheLock) {
  std::string path = At("LOCK");
  {
    auto lock = DirectoryLock::Acquire(path);
    ASSERT_TRUE(lock.ok()) << lock.status();
    EXPECT_EQ(
        LockInChild(path),
        fmt::format("{} is locked by another server (pid {}); stop it or choose another --dir",
                    path, ::getpid()));
  }
  EXPECT_EQ(LockInChild(path), "") << "the lock goes with its holder";
  auto again = DirectoryLock::Acquire(path);
  EXPECT_TRUE(again.ok()) << "a lock file that was left behind holds nobody up";
}

TEST_F(PosixFileTest, AMovedLockIsHeldOnce) {
  std::string path = At("LOCK");
  auto lock = DirectoryLock::Acquire(path);
  ASSERT_TRUE(lock.ok());
  std::optional<DirectoryLock> moved(*std::move(lock));
  EXPECT_NE(LockInChild(path), "");
  moved.reset();
  EXPECT_EQ(LockInChild(path), "");
}

TEST_F(PosixFileTest, ALockThatCannotBeCreatedNamesItsPath) {
  auto lock = DirectoryLock::Acquire(At("missing/LOCK"));
  EXPECT_EQ(MessageOf(lock.status()),
            "open lock file " + At("missing/LOCK") + ": No such file or directory");
}

}  // namespace
}  // namespace flashdb
