// Data directories that are locked, damaged, torn, newer, unusable or full.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// wal/FORMAT.md: the header's span, and a frame's alignment, on all but exotic disks.
constexpr size_t kBlock = 4096;

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteAt(const std::string& path, size_t offset, std::string_view bytes) {
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(offset));
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  ASSERT_TRUE(out.good()) << path;
}

class FaultsTest : public ServerTest {
 protected:
  FaultsTest() : ServerTest(SmallServer(1)) {}

  // Each value is a frame of its own: the next is sent when the last is acknowledged.
  void WriteValues(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(client->Command({"SET", fmt::format("k{}", i), std::string(100, 'v')}).ok());
    }
  }

  // Segments with records in them, in their order.
  std::vector<std::string> Segments() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(server.dir() + "/wal")) {
      if (entry.path().extension() != ".seg") continue;
      const std::string bytes = ReadFile(entry.path());
      if (bytes.size() > kBlock && bytes.starts_with("FLASHWAL") && bytes[kBlock + 4] != 0) {
        found.push_back(entry.path());
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // Behind the last byte that is not zero.
  static size_t EndOfData(const std::string& path) {
    return ReadFile(path).find_last_not_of('\0') + 1;
  }

  std::string FailureOfStart() {
    const Status status = server.Start();
    EXPECT_FALSE(status.ok()) << "it started";
    return MessageOf(status);
  }
};

TEST_F(FaultsTest, ASecondServerOnTheDirectoryIsRefused) {
  ServerProcess::Options options = SmallServer(1);
  options.dir = server.dir();
  ServerProcess second(options);
  const Status status = second.Start();
  EXPECT_THAT(MessageOf(status), AllOf(HasSubstr("exit code 1"), HasSubstr(server.dir())));
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG"));
}

TEST_F(FaultsTest, AnUnusableDirectoryIsNamed) {
  server.Kill9();
  std::ofstream(server.dir() + "/file") << "x";
  for (const std::string& dir : {server.dir() + "/file/below", std::string("/proc/flashdb")}) {
    server.options().dir = dir;
    EXPECT_THAT(FailureOfStart(), AllOf(HasSubstr("exit code 1"), HasSubstr(dir)));
  }
}

TEST_F(FaultsTest, AManifestOfANewerFormatIsRefusedAndLeftAlone) {
  server.Kill9();
  const std::string path = server.dir() + "/MANIFEST";
  const std::string newer = "flashdb 99\nsomething new\n";
  std::ofstream(path) << newer;
  EXPECT_THAT(FailureOfStart(), AllOf(HasSubstr(path), HasSubstr("newer")));
  EXPECT_EQ(ReadFile(path), newer);
}

TEST_F(FaultsTest, AnUnreadableManifestIsRefused) {
  server.Kill9();
  const std::string path = server.dir() + "/MANIFEST";
  for (const char* text : {"", "garbage", "flashdb 1\n", "flashdb 1\nchecksum 00000000\n"}) {
    std::ofstream(path) << text;
    EXPECT_THAT(FailureOfStart(), AllOf(HasSubstr(path), HasSubstr("Restore")));
  }
}

TEST_F(FaultsTest, ASegmentOfANewerFormatIsRefused) {
  WriteValues(3);
  server.Kill9();
  const std::string segment = Segments().back();
  WriteAt(segment, 8, "\x02");
  EXPECT_THAT(FailureOfStart(), AllOf(HasSubstr(segment), HasSubstr("newer")));
}

TEST_F(FaultsTest, GarbageBehindTheLogIsCutOffWithAMessage) {
  WriteValues(20);
  server.Kill9();
  const std::string segment = Segments().back();
  const size_t end = (EndOfData(segment) + kBlock - 1) / kBlock * kBlock;
  WriteAt(segment, end, std::string(1000, 'g'));
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_THAT(server.stderr_text(), AllOf(HasSubstr("recovery: "), HasSubstr(".seg")));
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(20));
  WriteValues(25);
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(25));
}

TEST_F(FaultsTest, AHalfWrittenLastFrameIsCutOff) {
  WriteValues(20);
  server.Kill9();
  const std::string segment = Segments().back();
  WriteAt(segment, EndOfData(segment) - 20, std::string(20, '\0'));
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_THAT(server.stderr_text(), HasSubstr("recovery: "));
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(19));
}

TEST_F(FaultsTest, DamageInTheMiddleStopsTheStartAndChangesNothing) {
  WriteValues(40);
  server.Kill9();
  const std::string segment = Segments().front();
  const std::string intact = ReadFile(segment);
  const size_t at = kBlock * 3 + 60;  // inside the third frame
  WriteAt(segment, at, std::string(1, static_cast<char>(intact[at] ^ 1)));
  const std::string damaged = ReadFile(segment);
  EXPECT_THAT(FailureOfStart(), AllOf(HasSubstr(segment), HasSubstr(std::to_string(kBlock * 3)),
                                      AnyOf(HasSubstr("estore"), HasSubstr("backup"))));
  EXPECT_EQ(ReadFile(segment), damaged);
  WriteAt(segment, at, intact.substr(at, 1));
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(40));
}

TEST_F(FaultsTest, AMissingSegmentIsNoticed) {
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(client->Command({"SET", fmt::format("k{}", i), std::string(100'000, 'v')}).ok());
  }
  server.Kill9();
  const std::vector<std::string> segments = Segments();
  ASSERT_GE(segments.size(), 3u);
  const std::string moved = server.dir() + "/moved";
  fs::rename(segments[1], moved);
  EXPECT_THAT(FailureOfStart(), HasSubstr(".seg"));
  fs::rename(moved, segments[1]);
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(30));
}

// ---- A full disk -------------------------------------------------------------------------------

// A file system of 24 MB in memory. Needs root, or a kernel that lets users have namespaces.
class SmallDisk {
 public:
  SmallDisk() {
    const bool root = geteuid() == 0;
    const std::string user = fmt::format("0 {} 1", geteuid());
    mounted_ = unshare(root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) == 0;
    if (mounted_ && !root) std::ofstream("/proc/self/uid_map") << user;
    mounted_ = mounted_ && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("small", dir_.path().c_str(), "tmpfs", 0, "size=24m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(dir_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& path() const { return dir_.path(); }

 private:
  TempDir dir_;
  bool mounted_ = false;
};

class FullDiskTest : public ServerTest {
 protected:
  FullDiskTest() : ServerTest(SmallServer(2)) { server.options().dir = disk_.path() + "/data"; }
  ~FullDiskTest() override { server.Kill9(); }
  void SetUp() override {
    ASSERT_TRUE(disk_.mounted()) << "cannot mount a tmpfs: run as root, or allow unprivileged user "
                                    "namespaces (sysctl kernel.unprivileged_userns_clone=1)";
    ServerTest::SetUp();
  }

  // Takes all space that is left.
  void FillDisk() {
    std::ofstream ballast(disk_.path() + "/ballast");
    const std::string piece(64 * 1024, 'b');
    while (ballast.write(piece.data(), static_cast<std::streamsize>(piece.size())).flush()) {
    }
  }
  void FreeSpace() { fs::remove(disk_.path() + "/ballast"); }

  // Writes until an error comes; the error.
  Reply WriteUntilRefused() {
    const std::string value(20'000, 'v');
    while (true) {
      const Reply reply = client->Command({"SET", fmt::format("k{}", written_), value});
      if (!reply.ok()) return reply;
      ++written_;
    }
  }

  // Not even a small write is taken after that.
  void WriteUntilRefusedOn(uint32_t shard) {
    while (client->Command({"SET", KeyOn(shard, 2, "small"), "v"}).ok()) {
    }
  }

  void CheckAllThere() {
    for (int i = 0; i < written_; ++i) {
      ASSERT_EQ(client->Command({"STRLEN", fmt::format("k{}", i)}), Reply::Integer(20'000)) << i;
    }
    EXPECT_EQ(client->Command({"DBSIZE"}), Reply::Integer(written_));
  }

  SmallDisk disk_;
  int written_ = 0;
};

TEST_F(FullDiskTest, WritesAreRefusedReadsGoOnAndNothingIsLost) {
  FillDisk();
  const Reply refusal = WriteUntilRefused();
  ASSERT_TRUE(refusal.is_error()) << ToString(refusal);
  EXPECT_THAT(refusal.str, AllOf(HasSubstr("disk"), HasSubstr("full")));
  EXPECT_GT(written_, 0) << "space is reserved ahead";
  CheckAllThere();
  EXPECT_TRUE(client->Command({"MSET", "m1", std::string(1 << 20, 'x'), "m2", "y"}).is_error());
  EXPECT_EQ(client->Command({"EXISTS", "m1", "m2"}), Reply::Integer(0)) << "none is half done";
  FreeSpace();
  EXPECT_TRUE(Eventually([this] {
    return client->Command({"SET", "again", "1"}).ok();
  })) << "there is room again";
  client->Command({"DEL", "again"});
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  CheckAllThere();
}

// A removal is a write, and what is left on the disk is for writes that have begun.
TEST_F(FullDiskTest, WhatExpiresIsRemovedWhenThereIsRoom) {
  constexpr int kKeys = 4000;
  constexpr int kOneStep = 400;  // of each shard, which a last bit of room may let through
  client->Command({"DEBUG", "SET-ACTIVE-EXPIRE", "0"});
  for (int i = 0; i < kKeys; ++i) client->Command({"SET", fmt::format("e{}", i), "v", "PX", "1"});
  FillDisk();
  for (uint32_t shard : {0u, 1u}) WriteUntilRefusedOn(shard);
  client->Command({"DEBUG", "SET-ACTIVE-EXPIRE", "1"});
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  EXPECT_GE(client->Command({"DBSIZE"}).integer, kKeys - 2 * kOneStep);
  EXPECT_TRUE(client->Command({"GET", "e1"}).is_null());
  EXPECT_EQ(*server.Terminate(), 0);
  FreeSpace();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_TRUE(Eventually([this] { return client->Command({"DBSIZE"}) == Reply::Integer(2); }));
}

class FullDiskOfTopicsTest : public FullDiskTest {
 protected:
  FullDiskOfTopicsTest() {
    std::vector<std::string>& args = server.options().args;
    args.insert(args.end(), {"--topic-flush-interval-ms", "50"});
  }
};

// The log has room left that was reserved ahead; the topics' files have none.
TEST_F(FullDiskOfTopicsTest, FilesAreWrittenAgainWhenThereIsRoom) {
  auto info_has = [this](std::string_view text) {
    return client->Command({"INFO", "topics"}).str.find(text) != std::string::npos;
  };
  FillDisk();
  ASSERT_FALSE(
      client->Command({"TOPIC", "APPEND", "t", "VALUE", std::string(5000, 'v')}).is_error());
  ASSERT_TRUE(Eventually([&] { return info_has("No space left"); }));
  EXPECT_FALSE(client->Command({"TOPIC", "APPEND", "t", "VALUE", "more"}).is_error());
  FreeSpace();
  EXPECT_TRUE(Eventually([&] { return info_has("topic_unflushed_bytes:0"); }));
  EXPECT_TRUE(Eventually([&] { return !info_has("No space left"); }));
  EXPECT_THAT(server.stderr_text(), HasSubstr("the files are written again"));
  EXPECT_EQ(*server.Terminate(), 0);
}

TEST_F(FullDiskTest, ADiskThatTheLogItselfFillsLosesNothing) {
  const Reply refusal = WriteUntilRefused();
  ASSERT_TRUE(refusal.is_error()) << ToString(refusal);
  CheckAllThere();
  server.Kill9();
  const Status started = server.Start();
  if (started.ok()) {
    client = std::make_unique<Client>(server.port());
  } else {
    EXPECT_THAT(MessageOf(started), AllOf(HasSubstr("No space left"), HasSubstr(disk_.path())));
    ASSERT_EQ(mount("small", disk_.path().c_str(), "tmpfs", MS_REMOUNT, "size=48m"), 0);
    ASSERT_NO_FATAL_FAILURE(Start());
  }
  CheckAllThere();
}

}  // namespace
}  // namespace flashdb::e2e
