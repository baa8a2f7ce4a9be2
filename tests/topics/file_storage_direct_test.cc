// What of a write goes past the page cache, and what becomes of it where that is not possible.
#include "topics/storage_fixture.h"

namespace flashdb {
namespace {

class DirectWritesTest : public StorageTest {
 protected:
  static constexpr Offset kEnd = 5000;

  DirectWritesTest() {
    options_.segment_bytes = 100'000;
    options_.direct_bytes = 2 * WriteBuffers::kBlockBytes;
    options_.write_bytes = 15'000;
    Start();
  }

  // In writes of many sizes, large ones among them; then all of it must be readable, also by a new
  // process.
  void WriteAndCheck() {
    FileStorage& storage = New();
    for (Offset step = 1; storage.end() < kEnd; step = step % 900 + 37) {
      AppendNumbered(storage, std::min(storage.end() + step, kEnd), 70);
      if (step % 3 == 0) disk_->RunAll();
    }
    Settle(storage);
    EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, kEnd));
    Start();
    EXPECT_EQ(*ReadAll(Opened(), 0), NumberedRecords(0, kEnd));
    EXPECT_EQ(notes_, std::vector<std::string>{});
  }
};

// That whole blocks of memory are written to whole blocks of the file is checked by the disk.
TEST_F(DirectWritesTest, WholeBlocksOfLargeWritesGoPastThePageCache) {
  WriteAndCheck();
  EXPECT_GT(disk_->direct_writes(), 5u);
}

TEST_F(DirectWritesTest, OnlyTheLastWriteOfManyEndsWithinABlock) {
  options_ = {.directory = "/data", .segment_bytes = 8u << 20};
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, kEnd, 100, 1000);
  disk_->RunAll();
  EXPECT_EQ(storage.readable_end(), kEnd);
  EXPECT_GE(disk_->direct_writes(), 5u);
  EXPECT_LE(disk_->writes() - disk_->direct_writes(), 2u) << "the first block, and the end";
  EXPECT_EQ(*ReadAll(storage, 0, 1u << 20), NumberedRecords(0, kEnd, 1000));
}

TEST_F(DirectWritesTest, TrimmingWhileABlockIsHalfWrittenGoesOnBehindIt) {
  options_.segment_bytes = 40'000;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 2000, 50);
  while (disk_->direct_writes() < 2) disk_->RunOne();
  ASSERT_GT(storage.readable_end(), 0u);
  ASSERT_LT(storage.readable_end(), 2000u);
  storage.TrimTo(2000);
  disk_->RunAll();
  EXPECT_EQ(storage.readable_end(), 2000u);
  AppendNumbered(storage, 4000, 50);
  Settle(storage);
  storage.TrimTo(2000);
  disk_->RunAll();
  const Offset start = storage.start();
  EXPECT_GT(start, 1000u);
  EXPECT_EQ(*ReadAll(storage, start), NumberedRecords(start, 4000));
  Start();
  EXPECT_EQ(Opened().start(), start);
  EXPECT_EQ(*ReadAll(*storages_.back(), start), NumberedRecords(start, 4000));
}

TEST_F(DirectWritesTest, SmallWritesGoThroughThePageCache) {
  options_.direct_bytes = 2 * options_.segment_bytes;
  Start();
  WriteAndCheck();
  EXPECT_EQ(disk_->direct_writes(), 0u);
}

TEST_F(DirectWritesTest, WhereFilesDoNotOpenForItThePageCacheTakesAll) {
  disk_->set_refuse_direct(true);
  WriteAndCheck();
  EXPECT_EQ(disk_->direct_writes(), 0u);
}

TEST_F(DirectWritesTest, WhereSuchWritesAreRefusedThePageCacheTakesAll) {
  disk_->set_refuse_direct_writes(true);
  WriteAndCheck();
  EXPECT_EQ(disk_->direct_writes(), 1u) << "tried again and again";
}

TEST_F(DirectWritesTest, AFailedWritePastThePageCacheFailsTheStorage) {
  FileStorage& storage = New();
  AppendNumbered(storage, 10);
  Settle(storage);
  AppendNumbered(storage, 2000, 2000);
  disk_->RunOne();  // through the page cache, to the end of a block
  disk_->FailWritesFrom(1);
  disk_->RunAll();
  EXPECT_EQ(disk_->direct_writes(), 1u);
  EXPECT_FALSE(storage.failure().ok());
  EXPECT_LT(storage.readable_end(), 2000u);
}

}  // namespace
}  // namespace flashdb
