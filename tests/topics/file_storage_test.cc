#include "topics/file_storage.h"

#include "topics/storage_fixture.h"

namespace flashdb {
namespace {

using FileStorageTest = StorageTest;

TEST_F(FileStorageTest, FromEveryOffsetExactlyTheRecordsFromThereAreRead) {
  FileStorage& storage = New();
  AppendNumbered(storage, 300);
  Settle(storage);
  EXPECT_GT(storage.segment_count(), 5u);
  EXPECT_EQ(storage.readable_end(), 300u);
  EXPECT_EQ(storage.record_count(), 300u);
  for (size_t max_bytes : {1u, 500u, 100'000u}) {
    for (Offset from = 0; from < 300; ++from) {
      ASSERT_EQ(*ReadAll(storage, from, max_bytes), NumberedRecords(from, 300)) << from;
    }
  }
}

TEST_F(FileStorageTest, NothingIsMadeOnTheDiskBeforeTheFirstRecord) {
  FileStorage& storage = New();
  EXPECT_FALSE(storage.busy());
  EXPECT_TRUE(storage.durable());
  EXPECT_FALSE(disk_->Exists("/data/topic"));
  AppendNumbered(storage, 1);
  disk_->RunAll();
  EXPECT_TRUE(disk_->Exists(Path(0)));
}

TEST_F(FileStorageTest, WhatIsAppendedIsReadableWhenItIsWrittenAndDurableWhenItIsSynced) {
  options_.sync_bytes = 1u << 20;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 10);
  EXPECT_EQ(storage.end(), 10u);
  EXPECT_EQ(storage.readable_end(), 0u);
  EXPECT_TRUE(storage.busy());
  disk_->RunAll();
  EXPECT_EQ(storage.readable_end(), 10u);
  EXPECT_EQ(storage.durable_lsn(), 0u);
  EXPECT_FALSE(storage.durable());
  EXPECT_FALSE(storage.busy());
  Settle(storage);
  EXPECT_EQ(storage.durable_lsn(), 10u);
}

TEST_F(FileStorageTest, RetentionTakesNothingThatIsStillOnItsWayToTheFirstFile) {
  FileStorage& storage = New();
  AppendNumbered(storage, 10);
  EXPECT_EQ(storage.start(), 0u);
  EXPECT_EQ(storage.StartFor({}, 1'000'000), 0u);
  Settle(storage);
  EXPECT_EQ(storage.start(), 0u);
}

TEST_F(FileStorageTest, BlocksGatherWhileAWriteIsUnderWay) {
  options_.segment_bytes = 1u << 20;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 10);
  disk_->RunAll();
  AppendNumbered(storage, 1000);
  disk_->RunOne();
  EXPECT_EQ(storage.readable_end(), 20u);
  disk_->RunOne();
  EXPECT_EQ(storage.readable_end(), 1000u);
  disk_->RunAll();
  EXPECT_EQ(storage.segment_count(), 1u);
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 1000));
}

TEST_F(FileStorageTest, AFullSegmentIsSealedWithItsIndexes) {
  FileStorage& storage = New();
  AppendNumbered(storage, 100);
  Settle(storage);
  EXPECT_TRUE(disk_->Exists(Path(0, kIndexSuffix)));
  EXPECT_TRUE(disk_->Exists(Path(0, kTimeIndexSuffix)));
}

TEST_F(FileStorageTest, RecordsLargerThanTheBuffersAreRead) {
  options_.segment_bytes = 8u << 20;
  Start();
  FileStorage& storage = New();
  std::vector<TestRecord> all;
  for (size_t bytes : {10u, 70'000u, 300'000u, 262'144u, 262'100u, 5u, 1'000'000u, 60'000u,
                       200'000u, 190'000u, 65'536u, 65'500u, 330'000u, 1u}) {
    all.push_back({all.size(), 0, {}, std::string(bytes, 'x')});
    storage.Append(BlockOf({all.back()}), all.size());
  }
  Settle(storage);
  for (size_t max_bytes : {1u, 100'000u, 10'000'000u}) {
    for (Offset from = 0; from < all.size(); ++from) {
      ASSERT_EQ(
          *ReadAll(storage, from, max_bytes),
          std::vector<TestRecord>(all.begin() + static_cast<std::ptrdiff_t>(from), all.end()));
    }
  }
}

TEST_F(FileStorageTest, AfterARestartAllIsThereAndGoesOn) {
  AppendNumbered(New(), 130);
  Settle(*storages_.back());
  Start();
  FileStorage& storage = Opened();
  EXPECT_EQ(notes_, std::vector<std::string>{});
  EXPECT_EQ(storage.end(), 130u);
  EXPECT_EQ(storage.record_count(), 130u);
  EXPECT_EQ(storage.max_timestamp(), 129'000);
  AppendNumbered(storage, 260);
  Settle(storage);
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 260));
  Start();
  EXPECT_EQ(*ReadAll(Opened(), 0), NumberedRecords(0, 260));
}

TEST_F(FileStorageTest, BlockingWritesOfRecoveryAreReadableAfterAFlush) {
  Start(false);
  FileStorage& storage = Opened();
  AppendNumbered(storage, 200);
  EXPECT_TRUE(storage.FlushBlocking().ok());
  EXPECT_EQ(storage.readable_end(), 200u);
  EXPECT_TRUE(storage.durable());
  EXPECT_EQ(storage.durable_lsn(), 200u);
  files_->Attach(*disk_);
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 200));
}

TEST_F(FileStorageTest, AFlushedLogIsNotReadAtTheNextStart) {
  options_.segment_bytes = 8u << 20;
  Start();
  AppendNumbered(New(), 3000, 100, 1000);
  disk_->RunAll();
  EXPECT_TRUE(storages_.back()->FlushBlocking().ok());
  disk_->Damage(Path(0), 1'000'000);  // would be found by reading
  Start();
  FileStorage& storage = Opened();
  EXPECT_EQ(storage.end(), 3000u);
  AppendNumbered(storage, 3100, 100, 1000);
  Settle(storage);
  EXPECT_EQ(storage.segment_count(), 1u);
  EXPECT_EQ(*ReadAll(storage, 2000), NumberedRecords(2000, 3100, 1000));
}

TEST_F(FileStorageTest, ATimeIsFoundInEverySegment) {
  FileStorage& storage = New();
  AppendNumbered(storage, 300);
  Settle(storage);
  for (Offset i = 0; i < 300; i += 7) {
    const auto time = static_cast<UnixMillis>(i * 1000);
    EXPECT_EQ(*Wait(storage.OffsetOfTime(time)), i);
    EXPECT_EQ(*Wait(storage.OffsetOfTime(time - 1)), i);
  }
  EXPECT_EQ(*Wait(storage.OffsetOfTime(300'000)), 300u);
}

TEST_F(FileStorageTest, ATimeIsFoundThoughClocksStepBack) {
  options_.segment_bytes = 100'000;
  Start();
  FileStorage& storage = New();
  std::vector<TestRecord> all;
  Random random(5);
  for (Offset i = 0; i < 500; ++i) {
    const auto time = static_cast<UnixMillis>(i * 10 + random.Below(300));
    all.push_back({i, time, {}, std::string(1000, 'v')});
    storage.Append(BlockOf({all.back()}), i + 1);
  }
  Settle(storage);
  for (UnixMillis time = 0; time < 5500; time += 37) {
    auto first = std::find_if(all.begin(), all.end(),
                              [time](const TestRecord& r) { return r.timestamp >= time; });
    EXPECT_EQ(*Wait(storage.OffsetOfTime(time)), static_cast<Offset>(first - all.begin()));
  }
}

TEST_F(FileStorageTest, ManySegmentsNeedFewFilesAndLittleMemory) {
  options_.max_open_files = 8;
  options_.max_index_bytes = 4000;
  options_.segment_bytes = 200;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 9000, 3);
  Settle(storage);
  EXPECT_EQ(storage.segment_count(), 3000u);
  EXPECT_EQ(*ReadAll(storage, 0, 100'000), NumberedRecords(0, 9000));
  for (Offset from = 0; from < 9000; from += 37) {
    EXPECT_EQ(RecordsOf(**Wait(storage.Read(from, 1)))[0].offset, from);
  }
  EXPECT_LE(files_->open_files(), 8u);
  EXPECT_LE(files_->index_bytes(), 4000u);
  Start();
  EXPECT_EQ(Opened().record_count(), 9000u);
  EXPECT_LE(files_->open_files(), 8u);
}

TEST_F(FileStorageTest, MoreReadersThanBuffersWaitForEachOther) {
  options_.max_buffers = 3;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 200);
  Settle(storage);
  std::deque<Running<StatusOr<BlockRef>>> reads;
  for (Offset i = 0; i < 200; ++i) reads.emplace_back(storage.Read(i, 100));
  EXPECT_LE(disk_->pending(), 3u);
  disk_->RunAll();
  for (Offset i = 0; i < 200; ++i) {
    ASSERT_TRUE(reads[i].done());
    EXPECT_EQ(RecordsOf(**reads[i].Take())[0].offset, i);
  }
  EXPECT_FALSE(storage.busy());
}

TEST_F(FileStorageTest, SequentialReadsNeedOneReadForABufferOfRecords) {
  options_.segment_bytes = 8u << 20;
  Start();
  FileStorage& storage = New();
  AppendNumbered(storage, 2000, 100, 1000);
  Settle(storage);
  size_t operations = 0;
  for (Offset from = 0; from < 2000;) {
    Running<StatusOr<BlockRef>> read(storage.Read(from, 10'000));
    for (; !read.done(); ++operations) disk_->RunOne();
    from = (*read.Take())->end();
  }
  disk_->RunAll();
  EXPECT_LE(operations, 2'100'000 / SegmentFiles::kReadBytes + 3);
}

TEST_F(FileStorageTest, AfterASkipReadersGoOnBehindTheGap) {
  FileStorage& storage = New();
  AppendNumbered(storage, 20);
  Settle(storage);
  storage.SkipTo(100);
  EXPECT_EQ((*Wait(storage.Read(50, 100)))->end(), 100u);
  AppendNumbered(storage, 120);
  Settle(storage);
  std::vector<TestRecord> expected = NumberedRecords(0, 20);
  for (TestRecord& record : NumberedRecords(100, 120)) expected.push_back(record);
  EXPECT_EQ(*ReadAll(storage, 0), expected);
  Start();
  EXPECT_EQ(*ReadAll(Opened(), 0), expected);
}

TEST_F(FileStorageTest, AFailedWriteIsFinalAndWhatWasWrittenStaysReadable) {
  FileStorage& storage = New();
  AppendNumbered(storage, 50);
  Settle(storage);
  disk_->FailWritesFrom(1);
  AppendNumbered(storage, 100);
  disk_->RunAll();
  EXPECT_FALSE(storage.failure().ok());
  EXPECT_EQ(storage.readable_end(), 50u);
  EXPECT_EQ(storage.durable_lsn(), 50u);
  disk_->StopFailing();
  storage.Append(NumberedBlock(100, 110), 110);
  EXPECT_EQ(storage.end(), 100u);
  EXPECT_FALSE(storage.FlushBlocking().ok());
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 50));
  Start();
  EXPECT_EQ(Opened().end(), 50u);
}

TEST_F(FileStorageTest, AFullDiskIsToldAndWhenThereIsRoomAllIsWritten) {
  for (uint64_t capacity : {0u, 10u, 60u, 70u, 3000u, 4700u}) {
    Start();
    disk_ = NewDisk();
    Start();
    disk_->set_capacity(capacity);
    FileStorage& storage = New();
    AppendNumbered(storage, 200);
    storage.Sync();
    disk_->RunAll();
    EXPECT_TRUE(absl::IsResourceExhausted(storage.stalled())) << storage.stalled();
    storage.Retry();
    disk_->RunAll();
    EXPECT_TRUE(absl::IsResourceExhausted(storage.stalled())) << storage.stalled();
    EXPECT_TRUE(storage.failure().ok()) << storage.failure();
    EXPECT_TRUE(absl::IsResourceExhausted(storage.FlushBlocking()));
    disk_->set_capacity(UINT64_MAX);
    storage.Retry();
    disk_->RunAll();
    EXPECT_TRUE(storage.stalled().ok()) << storage.stalled();
    AppendNumbered(storage, 250);
    Settle(storage);
    EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 250));
    Start();
    EXPECT_EQ(*ReadAll(Opened(), 0), NumberedRecords(0, 250));
    EXPECT_TRUE(notes_.empty());
  }
}

TEST_F(FileStorageTest, TrimmingAllOnAFullDiskMakesRoom) {
  FileStorage& storage = New();
  AppendNumbered(storage, 30);  // in one segment
  Settle(storage);
  disk_->set_capacity(disk_->used_bytes());
  storage.TrimTo(storage.end());
  disk_->RunAll();
  EXPECT_TRUE(absl::IsResourceExhausted(storage.stalled())) << storage.stalled();
  EXPECT_EQ(storage.record_count(), 0u);
  storage.Retry();
  disk_->RunAll();
  EXPECT_TRUE(storage.stalled().ok()) << storage.stalled();
  EXPECT_EQ(storage.start(), 30u);
  AppendNumbered(storage, 50);
  Settle(storage);
  Start();
  FileStorage& again = Opened();
  EXPECT_EQ(notes_, std::vector<std::string>{});
  EXPECT_EQ(*ReadAll(again, 30), NumberedRecords(30, 50));
}

TEST_F(FileStorageTest, AFailedSyncIsFinal) {
  FileStorage& storage = New();
  AppendNumbered(storage, 10);
  disk_->RunAll();
  disk_->FailSyncsFrom(1);
  storage.Sync();
  disk_->RunAll();
  EXPECT_FALSE(storage.failure().ok());
  EXPECT_EQ(storage.durable_lsn(), 0u);
}

}  // namespace
}  // namespace flashdb
