// Crashes at every change of the disk, and damage.
#include "topics/storage_fixture.h"

namespace flashdb {
namespace {

using FileStorageCrashTest = StorageTest;

/// What must hold after a crash of a partition to which NumberedRecords from 0 on were appended.
struct Promise {
  Offset start = 0;    // nothing before it was asked to be removed
  Offset durable = 0;  // records up to here are durable
  Offset end = 0;      // records up to here were appended
};

class CrashPointTest : public StorageTest {
 protected:
  using Workload = std::function<void(FileStorage&, Promise&)>;

  // Runs `work` on a fresh disk until the nth change, crashes, checks. False if it ended before.
  bool CrashAt(uint64_t change, bool power, const Workload& work) {
    Fresh();
    disk_->StopAtChange(change);
    Promise promise;
    FileStorage& storage = New();
    work(storage, promise);
    disk_->RunAll();
    promise.durable = std::max(promise.durable, storage.durable_lsn());
    const bool stopped = disk_->stopped();
    Reboot(power, change);
    Check(promise, change);
    return stopped;
  }

  void Fresh() {
    storages_.clear();
    files_.reset();
    disk_ = NewDisk();
    Start();
  }

  void Reboot(bool power, uint64_t seed) {
    std::unique_ptr<FakeDisk> after = disk_->CrashedCopy(power, seed);
    storages_.clear();
    files_.reset();
    disk_ = std::move(after);
    Start();
  }

  void Check(const Promise& promise, uint64_t change) {
    SCOPED_TRACE(change);
    FileStorage& storage = Opened();
    ASSERT_LE(storage.start(), std::max(promise.start, storage.end()));
    ASSERT_GE(storage.end(), std::max(promise.durable, promise.start));
    ASSERT_LE(storage.end(), promise.end);
    if (promise.start == 0) {
      ASSERT_EQ(storage.start(), 0u);
    }
    CheckRecords(storage);
    // It goes on, and that lasts.
    AppendNumbered(storage, storage.end() + 100);
    Settle(storage);
    const Offset end = storage.end();
    const Offset start = storage.start();
    Reboot(true, change);
    FileStorage& again = Opened();
    ASSERT_EQ(notes_, std::vector<std::string>{});
    ASSERT_EQ(again.end(), end);
    ASSERT_EQ(again.start(), start);
    CheckRecords(again);
  }

  virtual void CheckRecords(FileStorage& storage) {
    StatusOr<std::vector<TestRecord>> all = ReadAll(storage, storage.start());
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(*all, NumberedRecords(storage.start(), storage.end()));
  }

  void CrashEverywhere(const Workload& work) {
    for (const bool power : {false, true}) {
      uint64_t change = 1;
      while (!HasFatalFailure() && CrashAt(change, power, work)) ++change;
      EXPECT_GT(change, 20u);
    }
  }
};

TEST_F(CrashPointTest, AppendingAndRollingKeepsAPrefixAndAllThatIsDurable) {
  CrashEverywhere([this](FileStorage& storage, Promise& promise) {
    for (Offset end = 0; end < 150; end += 15) {
      AppendNumbered(storage, end, 4);
      promise.end = end;
      if (end % 30 == 0) storage.Sync();
      for (int i = 0; i < 3 && disk_->pending() > 0; ++i) disk_->RunOne();
      promise.durable = storage.durable_lsn();
    }
  });
}

/// Most of what is written goes past the page cache.
class DirectCrashTest : public CrashPointTest {
 protected:
  DirectCrashTest() {
    options_.direct_bytes = 4096;
    options_.write_bytes = 10'000;
    options_.segment_bytes = 60'000;
  }
};

TEST_F(DirectCrashTest, WholeBlocksWrittenPastThePageCacheKeepAPrefixAndAllThatIsDurable) {
  CrashEverywhere([this](FileStorage& storage, Promise& promise) {
    for (promise.end = 0; promise.end < 3000; promise.end += 200) {
      AppendNumbered(storage, promise.end, 50);
      if (promise.end % 400 == 0) storage.Sync();
      for (int i = 0; i < 3 && disk_->pending() > 0; ++i) disk_->RunOne();
      promise.durable = storage.durable_lsn();
    }
    EXPECT_GT(disk_->direct_writes() + disk_->stopped(), 0u);
  });
}

TEST_F(CrashPointTest, TrimmingTakesOnlyWhatItMay) {
  CrashEverywhere([this](FileStorage& storage, Promise& promise) {
    for (Offset end = 0; end <= 300 && storage.failure().ok(); end += 50) {
      AppendNumbered(storage, end, 7);
      promise.end = end;
      storage.Sync();
      for (int i = 0; i < 40 && disk_->pending() > 0; ++i) disk_->RunOne();
      promise.durable = storage.durable_lsn();
      if (end > 100) {
        promise.start = std::min(end - 100, promise.durable);
        storage.TrimTo(promise.start);
      }
    }
  });
}

TEST_F(CrashPointTest, TrimmingAllKeepsTheOffset) {
  CrashEverywhere([this](FileStorage& storage, Promise& promise) {
    for (Offset end = 60; end <= 180 && storage.failure().ok(); end += 60) {
      AppendNumbered(storage, end, 7);
      promise.end = end;
      storage.Sync();
      disk_->RunAll();
      if (!storage.failure().ok()) break;
      promise.durable = storage.durable_lsn();
      promise.start = end;
      storage.TrimTo(end);
      disk_->RunAll();
    }
  });
}

TEST_F(CrashPointTest, WritesUnderWayLeaveAPrefix) {
  for (uint64_t seed = 0; seed < 150 && !HasFatalFailure(); ++seed) {
    Fresh();
    Random random(seed);
    Promise promise;
    FileStorage& storage = New();
    for (int i = 0; i < 30; ++i) {
      promise.end += 1 + random.Below(20);
      AppendNumbered(storage, promise.end, 1 + random.Below(9));
      if (random.Below(3) == 0) storage.Sync();
      for (uint64_t n = random.Below(6); n > 0 && disk_->pending() > 0; --n) {
        disk_->RunOne(random.Below(disk_->pending()));
      }
      promise.durable = storage.durable_lsn();
    }
    std::unique_ptr<FakeDisk> after = disk_->CrashedCopy(seed % 3 > 0, seed);
    disk_->RunAll();  // for the old process's sake
    storages_.clear();
    files_.reset();
    disk_ = std::move(after);
    Start();
    Check(promise, seed);
  }
}

/// Records with keys k0..k9 of which the last of each, and all unsealed ones, must be there.
class CompactionCrashTest : public CrashPointTest {
 protected:
  static TestRecord RecordAt(Offset i) {
    TestRecord record = NumberedRecords(i, i + 1)[0];
    record.key = "k" + std::to_string(i * 7 % 10);
    return record;
  }
  void AppendKeyed(FileStorage& storage, Offset end) {
    while (storage.end() < end && storage.failure().ok()) {
      std::vector<TestRecord> records;
      for (Offset i = storage.end(); i < std::min(storage.end() + 10, end); ++i) {
        records.push_back(RecordAt(i));
      }
      storage.Append(BlockOf(records), records.back().offset + 1);
    }
  }
  void CheckRecords(FileStorage& storage) override {
    StatusOr<std::vector<TestRecord>> all = ReadAll(storage, 0);
    ASSERT_TRUE(all.ok()) << all.status();
    keyed_ = std::min(keyed_, storage.end());  // later ones are Check's
    std::map<std::string, Offset> last;
    for (const TestRecord& record : *all) {
      if (record.offset < keyed_) {
        ASSERT_EQ(record, RecordAt(record.offset));
        last[*record.key] = record.offset;
      }
    }
    for (Offset i = 0; i < keyed_; ++i) {
      const std::string key = *RecordAt(i).key;
      ASSERT_TRUE(last.contains(key)) << i;
      ASSERT_GE(last[key], i) << i;
    }
  }

  Offset keyed_ = 0;
};

TEST_F(CompactionCrashTest, CompactingLosesNoLastRecord) {
  CrashEverywhere([this](FileStorage& storage, Promise& promise) {
    for (keyed_ = 100; keyed_ <= 300; keyed_ += 100) {
      AppendKeyed(storage, keyed_);
      promise.end = keyed_;
      storage.Sync();
      disk_->RunAll();
      if (!storage.failure().ok()) break;
      promise.durable = storage.durable_lsn();
      while (storage.Compact(0)) disk_->RunAll();
    }
    keyed_ = promise.end;
  });
}

TEST_F(FileStorageCrashTest, LostAndDamagedIndexesAreMadeAnew) {
  AppendNumbered(New(), 200);
  Settle(*storages_.back());
  EXPECT_TRUE(disk_->Remove(Path(0, kIndexSuffix)).ok());
  disk_->Damage(Path(0, kTimeIndexSuffix), 3);
  const Offset base = *BaseOfLogName(disk_->List("/data/topic/0")->at(3));
  disk_->Damage(Path(base, kIndexSuffix), 1);  // an entry: seen when it is loaded
  Start();
  FileStorage& storage = Opened();
  EXPECT_EQ(notes_, std::vector<std::string>{});
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 200));
  for (Offset from = 0; from < 200; from += 3) {
    EXPECT_EQ(RecordsOf(**Wait(storage.Read(from, 1)))[0].offset, from);
    EXPECT_EQ(*Wait(storage.OffsetOfTime(static_cast<UnixMillis>(from * 1000))), from);
  }
  EXPECT_TRUE(disk_->Exists(Path(0, kIndexSuffix)));
}

TEST_F(FileStorageCrashTest, ADamagedByteIsReportedAndNeverServed) {
  FileStorage& storage = New();
  AppendNumbered(storage, 200);
  Settle(storage);
  const std::vector<TestRecord> good = NumberedRecords(0, 200);
  for (uint64_t byte = kSegmentHeadBytes; byte < 1800; byte += 11) {
    disk_->Damage(Path(0), byte);
    size_t reported = 0;
    for (Offset from = 0; from < 60; ++from) {
      StatusOr<BlockRef> block = Wait(storage.Read(from, 1));
      if (block.ok()) {
        ASSERT_EQ(RecordsOf(**block)[0], good[from]);
      } else {
        ASSERT_TRUE(absl::IsDataLoss(block.status()));
        ASSERT_NE(MessageOf(block.status()).find(Path(0)), std::string::npos);
        ++reported;
      }
      files_->DropReaders(&storage);
    }
    ASSERT_GT(reported, 0u) << byte;
    disk_->Damage(Path(0), byte);  // as it was
  }
}

TEST_F(FileStorageCrashTest, DamageInAnOlderSegmentLeavesTheOthersReadable) {
  AppendNumbered(New(), 300);
  Settle(*storages_.back());
  EXPECT_TRUE(disk_->Remove(Path(0, kIndexSuffix)).ok());
  disk_->Damage(Path(0), 500);
  Start();
  FileStorage& storage = Opened();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("damaged"), std::string::npos) << notes_[0];
  EXPECT_EQ(storage.start(), 0u);
  EXPECT_EQ(storage.end(), 300u);
  EXPECT_TRUE(absl::IsDataLoss(ReadAll(storage, 0).status()));
  EXPECT_EQ(*ReadAll(storage, 100), NumberedRecords(100, 300));
}

TEST_F(FileStorageCrashTest, ATornTailIsCutAndTold) {
  AppendNumbered(New(), 20);
  Settle(*storages_.back());
  disk_->Damage(Path(0), kSegmentHeadBytes + 400);
  Start();
  FileStorage& storage = Opened();
  ASSERT_EQ(notes_.size(), 1u);
  EXPECT_NE(notes_[0].find("is cut at byte"), std::string::npos) << notes_[0];
  EXPECT_LT(storage.end(), 20u);
  EXPECT_GT(storage.end(), 0u);
  AppendNumbered(storage, 40);
  Settle(storage);
  EXPECT_EQ(*ReadAll(storage, 0), NumberedRecords(0, 40));
}

TEST_F(FileStorageCrashTest, ADamagedHeadOfTheOnlySegmentKeepsTheOffset) {
  FileStorage& first = New();
  first.SkipTo(500);
  first.Append(NumberedBlock(500, 510), 1);
  Settle(first);
  disk_->Damage(Path(500), 3);
  Start();
  FileStorage& storage = Opened();
  EXPECT_EQ(notes_.size(), 1u);
  EXPECT_EQ(storage.end(), 500u);
  AppendNumbered(storage, 520);
  Settle(storage);
  EXPECT_EQ(*ReadAll(storage, 500), NumberedRecords(500, 520));
}

TEST_F(FileStorageCrashTest, WhatACrashLeftOfRemovalsAndRewritesIsCleared) {
  AppendNumbered(New(), 200);
  Settle(*storages_.back());
  for (std::string path :
       {Path(5, kIndexSuffix), Path(5, kTimeIndexSuffix), Path(0) + ".compact"}) {
    EXPECT_TRUE(disk_->OpenForWrite(path, WriteMode::kBuffered, true).ok());
  }
  Start();
  EXPECT_EQ(Opened().record_count(), 200u);
  const std::vector<std::string> names = *disk_->List("/data/topic/0");
  for (const std::string& name : names) {
    EXPECT_FALSE(name.starts_with(TopicSegmentName(5))) << name;
    EXPECT_FALSE(name.ends_with(kUnfinishedSuffix)) << name;
  }
}

TEST_F(FileStorageCrashTest, FilesOfADeletedTopicOfTheSameNameAreRemoved) {
  AppendNumbered(New(0, 7), 200);
  Settle(*storages_.back());
  Start();
  FileStorage& storage = Opened(0, 8);
  EXPECT_FALSE(notes_.empty());
  EXPECT_EQ(storage.end(), 0u);
  EXPECT_TRUE(disk_->List("/data/topic/0")->empty());
}

// Replay begins with the older one, though the files are those of the newer.
TEST_F(FileStorageCrashTest, FilesOfANewerTopicOfTheSameNameWaitForIt) {
  AppendNumbered(New(0, 8), 200);
  Settle(*storages_.back());
  for (int start = 0; start < 3; ++start) {
    Start(/*attached=*/false);
    FileStorage& older = Opened(0, 7);
    EXPECT_TRUE(notes_.empty());
    EXPECT_EQ(older.end(), start < 2 ? 0u : 30u);
    AppendNumbered(older, 30);
    ASSERT_TRUE(older.FlushBlocking().ok());
    if (start == 1) continue;  // cut short here
    older.Drop();
    ASSERT_TRUE(older.failure().ok()) << older.failure();
    FileStorage& newer = Opened(0, 8);
    EXPECT_TRUE(notes_.empty());
    EXPECT_EQ(newer.end(), 200u);
    EXPECT_EQ(*ReadAll(newer, 0), NumberedRecords(0, 200));
  }
}

TEST_F(FileStorageCrashTest, AReplayedTopicIsRemovedAgainThoughItsFirstRemovalWasCutShort) {
  AppendNumbered(New(0, 7), 200);
  Settle(*storages_.back());
  storages_.back()->Drop();
  disk_->RunOne();
  ASSERT_TRUE(disk_->Exists("/data/topic/0.deleted-7"));
  std::unique_ptr<FakeDisk> after = disk_->CrashedCopy(false, 1);
  disk_->RunAll();
  storages_.clear();
  files_.reset();
  disk_ = std::move(after);
  Start(/*attached=*/false);
  FileStorage& storage = Opened(0, 7);
  AppendNumbered(storage, 30);
  ASSERT_TRUE(storage.FlushBlocking().ok());
  storage.Drop();
  EXPECT_TRUE(storage.failure().ok()) << storage.failure();
  EXPECT_FALSE(disk_->Exists("/data/topic"));
}

}  // namespace
}  // namespace flashdb
