// A file that is replaced is the old one or the new one, whatever happens on the way.
#include "io/replace_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "io/posix_file.h"
#include "sim/fake_disk.h"

namespace flashdb {
namespace {

const std::string kOld(700, 'o');
const std::string kNew(5000, 'n');

std::span<const uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

/// The content, or "none".
std::string Content(FileSystem& files, const std::string& path) {
  auto file = files.OpenForRead(path);
  if (!file.ok()) return "none";
  std::string text((*file)->Size().value(), '\0');
  std::span<uint8_t> into(reinterpret_cast<uint8_t*>(text.data()), text.size());
  EXPECT_EQ((*file)->ReadAt(0, into).value(), text.size());
  return text;
}

class ReplaceOnFakeDiskTest : public testing::Test {
 protected:
  ReplaceOnFakeDiskTest() { EXPECT_TRUE(disk_.CreateDirectories("/data").ok()); }
  FakeDisk disk_;
};

TEST_F(ReplaceOnFakeDiskTest, APowerCutAtAnyChangeLeavesTheOldFileOrTheNewOne) {
  bool old_seen = false;
  bool whole = false;
  for (uint64_t change = 1; !whole; ++change) {
    for (uint64_t seed = 1; seed <= 16; ++seed) {
      FakeDisk disk;
      ASSERT_TRUE(disk.CreateDirectories("/data").ok());
      ASSERT_TRUE(ReplaceFile(disk, "/data/file", BytesOf(kOld)).ok());
      disk.StopAtChange(change);
      whole = ReplaceFile(disk, "/data/file", BytesOf(kNew)).ok();
      auto after = disk.CrashedCopy(/*power=*/true, seed);
      const std::string content = Content(*after, "/data/file");
      EXPECT_TRUE(content == kNew || (content == kOld && !whole))
          << "change " << change << ", seed " << seed << ": " << content.size() << " bytes of '"
          << content.substr(0, 1) << "'";
      old_seen |= content == kOld;
      // What the crash left does not stand in the way of the next one.
      ASSERT_TRUE(ReplaceFile(*after, "/data/file", BytesOf(kNew)).ok());
      EXPECT_EQ(Content(*after, "/data/file"), kNew);
    }
  }
  EXPECT_TRUE(old_seen);
}

TEST_F(ReplaceOnFakeDiskTest, WhatItSaysIsDoneSurvivesAPowerCut) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    ASSERT_TRUE(ReplaceFile(disk_, "/data/file", BytesOf(kNew)).ok());
    disk_.PowerLoss(seed);
    EXPECT_EQ(Content(disk_, "/data/file"), kNew) << seed;
  }
}

TEST_F(ReplaceOnFakeDiskTest, AFailedWriteOrSyncLeavesTheOldFileAndNothingElse) {
  for (bool sync : {false, true}) {
    ASSERT_TRUE(ReplaceFile(disk_, "/data/file", BytesOf(kOld)).ok());
    sync ? disk_.FailSyncsFrom(1) : disk_.FailWritesFrom(1);
    EXPECT_FALSE(ReplaceFile(disk_, "/data/file", BytesOf(kNew)).ok());
    disk_.StopFailing();
    EXPECT_EQ(Content(disk_, "/data/file"), kOld);
    EXPECT_EQ(disk_.List("/data").value(), std::vector<std::string>{"file"});
  }
}

class ReplaceFileTest : public testing::Test {
 protected:
  ReplaceFileTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-rep-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/file";
  }
  ~ReplaceFileTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  std::string path_;
  PosixFileSystem files_;
};

TEST_F(ReplaceFileTest, TheNewFileHasThePermissionsOfTheOldOne) {
  for (mode_t mode : {0600u, 0664u, 0640u}) {
    std::ofstream(path_) << "secret";
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    ASSERT_TRUE(ReplaceFile(files_, path_, BytesOf(kNew)).ok());
    struct stat facts;
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777, mode);
    EXPECT_EQ(Content(files_, path_), kNew);
    EXPECT_EQ(files_.List(directory_).value(), std::vector<std::string>{"file"});
  }
}

TEST_F(ReplaceFileTest, APathWithoutADirectoryIsInTheCurrentOne) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory_);
  EXPECT_TRUE(ReplaceFile(files_, "file", BytesOf(kNew)).ok());
  std::filesystem::current_path(before);
  EXPECT_EQ(Content(files_, path_), kNew);
}

}  // namespace
}  // namespace flashdb
