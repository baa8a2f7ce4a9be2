// DIR/MANIFEST: what is written is read back, and nothing else passes for one.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/crc32c.h"
#include "io/posix_file.h"
#include "server/recovery.h"
#include "sim/fake_disk.h"

namespace flashdb {
namespace {

using Generations = std::vector<std::pair<uint32_t, uint32_t>>;

class ManifestTest : public testing::Test {
 protected:
  ManifestTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-man-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    path_ = directory_ + "/MANIFEST";
  }
  ~ManifestTest() override { std::filesystem::remove_all(directory_); }

  void Write(std::string_view text) { std::ofstream(path_, std::ios::binary) << text; }
  /// `lines` with the checksum they should have.
  void WriteSummed(const std::string& lines) {
    uint32_t sum = Crc32c({reinterpret_cast<const uint8_t*>(lines.data()), lines.size()});
    Write(lines + fmt::format("checksum {:08x}\n", sum));
  }
  std::string Text() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Generations Read() {
    auto read = ReadManifest(files_, directory_);
    EXPECT_TRUE(read.ok()) << read.status();
    Generations found;
    for (const Generation& generation : read.value_or(std::vector<Generation>{})) {
      found.emplace_back(generation.number, generation.shards);
    }
    return found;
  }
  void ExpectDamaged(std::string_view what) {
    auto read = ReadManifest(files_, directory_);
    EXPECT_TRUE(absl::IsDataLoss(read.status())) << read.status() << " of:\n" << Text();
    EXPECT_EQ(MessageOf(read.status()),
              fmt::format("{}: {}. Restore the file from a backup of the data directory; nothing "
                          "was changed.",
                          path_, what));
  }
  void MakeFile(const std::string& name) {
    std::filesystem::create_directories(
        std::filesystem::path(directory_ + "/" + name).parent_path());
    std::ofstream(directory_ + "/" + name) << "x";
  }

  std::string directory_;
  std::string path_;
  PosixFileSystem files_;
};

TEST_F(ManifestTest, WhatIsWrittenIsReadBack) {
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}, {2, 16}}).ok());
  EXPECT_EQ(Read(), (Generations{{1, 2}, {2, 16}}));
  EXPECT_TRUE(Text().starts_with("flashdb 1\ngeneration 1 shards 2\ngeneration 2 shards 16\n"));
}

TEST_F(ManifestTest, AnotherOneReplacesItAndLeavesNothingBehind) {
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}}).ok());
  MakeFile("MANIFEST.tmp");  // of a server that died while it wrote
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}, {2, 4}}).ok());
  EXPECT_EQ(Read(), (Generations{{1, 2}, {2, 4}}));
  EXPECT_EQ(files_.List(directory_).value(), std::vector<std::string>{"MANIFEST"});
}

TEST_F(ManifestTest, AnUnwritableDirectoryIsNamed) {
  Status status = WriteManifest(files_, directory_ + "/missing", {{1, 2}});
  EXPECT_NE(MessageOf(status).find(directory_ + "/missing/MANIFEST.tmp"), std::string::npos);
}

// ---- Damage -------------------------------------------------------------------------------------

TEST_F(ManifestTest, NoDamagedByteIsServed) {
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}, {2, 4}}).ok());
  std::string good = Text();
  for (size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      Write(bad);
      EXPECT_FALSE(ReadManifest(files_, directory_).ok()) << "bit " << bit << " of byte " << i;
    }
  }
}

TEST_F(ManifestTest, NoPrefixOfItPassesForTheWhole) {
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}, {2, 4}}).ok());
  std::string good = Text();
  for (size_t size = 0; size < good.size(); ++size) {
    Write(good.substr(0, size));
    EXPECT_FALSE(ReadManifest(files_, directory_).ok()) << size << " bytes";
  }
}

TEST_F(ManifestTest, AWrongChecksumIsDamage) {
  Write("flashdb 1\ngeneration 1 shards 2\nchecksum 00000000\n");
  ExpectDamaged("the checksum is wrong");
}

TEST_F(ManifestTest, BytesAfterTheChecksumAreDamage) {
  ASSERT_TRUE(WriteManifest(files_, directory_, {{1, 2}}).ok());
  Write(Text() + "generation 2 shards 4\n");
  ExpectDamaged("the checksum is wrong");
}

TEST_F(ManifestTest, AMissingChecksumIsDamage) {
  Write("flashdb 1\ngeneration 1 shards 2\n");
  ExpectDamaged("the checksum is missing");
}

TEST_F(ManifestTest, SomethingElseIsNoManifest) {
  Write("");
  ExpectDamaged("not a manifest");
  Write("hello 1\n");
  ExpectDamaged("not a manifest");
  Write("flashdb one\n");
  ExpectDamaged("not a manifest");
  Write(std::string((1 << 20) + 1, 'x'));
  ExpectDamaged("far too long to be a manifest");
}

TEST_F(ManifestTest, MalformedLinesAreDamageWhateverTheChecksumSays) {
  for (const char* line : {"generation 1 shards 0\n", "generation 1 shards\n",
                           "generation x shards 2\n", "generation 1 slices 2\n", "surprise\n",
                           "generation 1 shards 2\nsurprise\ngeneration 2 shards 4\n"}) {
    WriteSummed(std::string("flashdb 1\n") + line);
    ExpectDamaged("a generation's line is malformed");
  }
}

TEST_F(ManifestTest, OneWithoutGenerationsIsDamage) {
  WriteSummed("flashdb 1\n");
  ExpectDamaged("it names no generation");
}

TEST_F(ManifestTest, ANewerFormatIsRefusedAndNamed) {
  Write("flashdb 2\nwhatever comes then\n");
  auto read = ReadManifest(files_, directory_);
  EXPECT_TRUE(absl::IsFailedPrecondition(read.status()));
  EXPECT_EQ(MessageOf(read.status()),
            path_ +
                ": written by a newer FlashDB (format 2, this one knows 1). Start that newer "
                "version, or choose another --dir.");
}

// ---- None ---------------------------------------------------------------------------------------

TEST_F(ManifestTest, AnEmptyDirectoryIsANewServer) { EXPECT_EQ(Read(), Generations{}); }

TEST_F(ManifestTest, AFirstStartThatEndedEarlyIsANewServerStill) {
  std::filesystem::create_directories(directory_ + "/wal/g000001/s0000");
  std::filesystem::create_directories(directory_ + "/wal/g000001/s0001");
  MakeFile("wal/write-probe.tmp");
  EXPECT_EQ(Read(), Generations{});
}

TEST_F(ManifestTest, AMissingManifestBesideALogIsDamage) {
  MakeFile("wal/g000001/s0001/0000000000000001.seg");
  ExpectDamaged("the file is missing though there are logs");
}

TEST_F(ManifestTest, AMissingManifestBesideSeveralGenerationsIsDamage) {
  MakeFile("wal/g000001/s0000/0000000000000001.seg");
  MakeFile("wal/g000002/s0000/0000000000000001.seg");
  ExpectDamaged("the file is missing though there are logs");
}

// A start may be killed after the manifest got its name and before that was on disk.
TEST(ManifestOnFakeDiskTest, OneThatWasReadSurvivesAPowerCut) {
  for (uint64_t seed = 1; seed <= 16; ++seed) {
    FakeDisk disk;
    ASSERT_TRUE(disk.CreateDirectories("/data").ok());
    ASSERT_TRUE(WriteManifest(disk, "/data", {{.number = 1, .shards = 2}}).ok());
    ASSERT_TRUE(disk.Rename("/data/MANIFEST", "/data/elsewhere").ok());
    ASSERT_TRUE(disk.SyncDirectory("/data").ok());
    ASSERT_TRUE(disk.Rename("/data/elsewhere", "/data/MANIFEST").ok());
    ASSERT_TRUE(ReadManifest(disk, "/data").ok());
    disk.PowerLoss(seed);
    EXPECT_TRUE(disk.Exists("/data/MANIFEST")) << seed;
  }
}

}  // namespace
}  // namespace flashdb
