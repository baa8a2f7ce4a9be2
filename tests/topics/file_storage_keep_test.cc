// What goes: retention, compaction, deletion.
#include "topics/storage_fixture.h"

namespace flashdb {
namespace {

using FileStorageKeepTest = StorageTest;

TEST_F(FileStorageKeepTest, TrimmingRemovesWholeSegmentsFromTheDisk) {
  FileStorage& storage = New();
  AppendNumbered(storage, 300);
  Settle(storage);
  const uint64_t before = storage.bytes();
  storage.TrimTo(150);
  disk_->RunAll();
  EXPECT_LE(storage.start(), 150u);
  EXPECT_GT(storage.start(), 100u);
  EXPECT_EQ(storage.record_count(), 300 - storage.start());
  EXPECT_LT(storage.bytes(), before);
  EXPECT_FALSE(disk_->Exists(Path(0)));
  EXPECT_FALSE(disk_->Exists(Path(0, kIndexSuffix)));
  EXPECT_TRUE(absl::IsOutOfRange(Wait(storage.Read(10, 100)).status()));
  EXPECT_EQ(*ReadAll(storage, storage.start()), NumberedRecords(storage.start(), 300));
}

TEST_F(FileStorageKeepTest, WhenAllIsTrimmedTheOffsetStays) {
  FileStorage& storage = New();
  AppendNumbered(storage, 100);
  Settle(storage);
  storage.TrimTo(100);
  disk_->RunAll();
  EXPECT_EQ(storage.start(), 100u);
  EXPECT_EQ(storage.bytes(), 0u);
  EXPECT_EQ(storage.segment_count(), 1u);
  Start();
  FileStorage& again = Opened();
  EXPECT_EQ(again.start(), 100u);
  EXPECT_EQ(again.end(), 100u);
  AppendNumbered(again, 120);
  Settle(again);
  EXPECT_EQ(*ReadAll(again, 100), NumberedRecords(100, 120));
}

TEST_F(FileStorageKeepTest, LimitsLetWholeSegmentsGo) {
  FileStorage& storage = New();
  AppendNumbered(storage, 300);
  Settle(storage);
  EXPECT_EQ(storage.StartFor({}, 1'000'000'000), 0u);
  EXPECT_EQ(storage.StartFor({.max_bytes = storage.bytes()}, 0), 0u);
  const Offset half = storage.StartFor({.max_bytes = storage.bytes() / 2}, 0);
  EXPECT_GT(half, 75u);
  EXPECT_LE(half, 150u);
  const Offset aged = storage.StartFor({.max_age_ms = 1000}, 101'000);
  EXPECT_GT(aged, 30u);
  EXPECT_LE(aged, 100u);
  EXPECT_EQ(storage.StartFor({.max_age_ms = 1000}, 400'000), 300u);
  EXPECT_EQ(storage.StartFor({.max_bytes = 1}, 0), storage.StartFor({.max_bytes = 2}, 0));
  storage.TrimTo(half);
  disk_->RunAll();
  EXPECT_EQ(storage.start(), half);
}

TEST_F(FileStorageKeepTest, AReaderOfASegmentThatGoesFinishesOrIsTold) {
  FileStorage& storage = New();
  AppendNumbered(storage, 300);
  Settle(storage);
  Running<StatusOr<BlockRef>> read(storage.Read(5, 100));
  storage.TrimTo(200);
  disk_->RunAll();
  StatusOr<BlockRef> block = read.Take();
  if (block.ok()) {
    EXPECT_EQ(RecordsOf(**block)[0], NumberedRecords(5, 6)[0]);
  } else {
    EXPECT_TRUE(absl::IsOutOfRange(block.status())) << block.status();
  }
}

struct Keyed {
  std::vector<TestRecord> all;
  std::vector<TestRecord> kept;
};

Keyed MakeKeyed(Offset end, Offset sealed_end, UnixMillis old) {
  Random random(11);
  Keyed keyed;
  std::map<std::string, Offset> last;
  for (TestRecord& record : NumberedRecords(0, end)) {
    if (random.Below(10) > 0) record.key = "k" + std::to_string(random.Below(40));
    if (record.key && random.Below(4) == 0) record.value.reset();
    if (record.key && record.offset < sealed_end) last[*record.key] = record.offset;
    keyed.all.push_back(record);
  }
  for (const TestRecord& record : keyed.all) {
    const bool compacted = record.key && record.offset < sealed_end;
    if (compacted && last[*record.key] != record.offset) continue;
    if (compacted && !record.value && record.timestamp < old) continue;
    keyed.kept.push_back(record);
  }
  return keyed;
}

TEST_F(FileStorageKeepTest, CompactionKeepsTheLastRecordOfEachKeyAndAllWithoutOne) {
  constexpr UnixMillis kOld = 900'000;
  FileStorage& storage = New();
  for (const TestRecord& record : MakeKeyed(1000, 0, kOld).all) {
    storage.Append(BlockOf({record}), record.offset + 1);
  }
  Settle(storage);
  const std::vector<std::string> names = *disk_->List("/data/topic/0");
  const Offset sealed_end = *BaseOfLogName(names.back());
  const Keyed keyed = MakeKeyed(1000, sealed_end, kOld);
  size_t calls = 0;
  for (; storage.Compact(kOld); ++calls) disk_->RunAll();
  EXPECT_GE(calls, 2 * storage.segment_count() - 3);
  EXPECT_EQ(*ReadAll(storage, 0), keyed.kept);
  EXPECT_EQ(storage.record_count(), keyed.kept.size());
  for (const TestRecord& record : keyed.kept) {
    EXPECT_EQ(RecordsOf(**Wait(storage.Read(record.offset, 1)))[0], record);
  }
  EXPECT_FALSE(storage.Compact(kOld));
  Start();
  FileStorage& again = Opened();
  EXPECT_EQ(notes_, std::vector<std::string>{});
  EXPECT_EQ(*ReadAll(again, 0), keyed.kept);
}

TEST_F(FileStorageKeepTest, WithLittleMemoryForKeysCompactionTakesSeveralRoundsAndEnds) {
  options_.max_compacted_keys = 16;
  options_.segment_bytes = 20'000;  // hundreds of keys in each
  Start();
  FileStorage& storage = New();
  std::vector<TestRecord> records = NumberedRecords(0, 2000);
  for (TestRecord& record : records) {
    record.key = "k" + std::to_string(record.offset * 7 % 500);
    storage.Append(BlockOf({record}), record.offset + 1);
  }
  Settle(storage);
  const Offset sealed_end = *BaseOfLogName(disk_->List("/data/topic/0")->back());
  size_t calls = 0;
  for (bool more = true; more && calls < 10'000; ++calls) {
    more = storage.Compact(0);
    disk_->RunAll();
    more = more || storage.Compact(0);
    disk_->RunAll();
  }
  EXPECT_LT(calls, 10'000u);
  std::erase_if(
      records, [sealed_end](const TestRecord& record) { return record.offset + 500 < sealed_end; });
  EXPECT_EQ(*ReadAll(storage, 0), records);
  EXPECT_EQ(files_->compaction_keys().left, 16u);
}

// A tombstone that goes while an older value of its key stays would bring that back.
TEST_F(FileStorageKeepTest, AfterACompactionThatFailedNoDeletedKeyComesBack) {
  FileStorage& storage = New();
  auto append = [&storage](Offset end) {
    for (TestRecord& record : NumberedRecords(storage.end(), end)) {
      const bool gone = record.offset == 0 || record.offset == 200;
      record.key = gone ? "gone" : "k" + std::to_string(record.offset);
      if (record.offset == 200) record.value.reset();
      storage.Append(BlockOf({record}), record.offset + 1);
    }
  };
  append(400);
  Settle(storage);
  disk_->set_capacity(0);
  while (storage.Compact(1'000'000)) disk_->RunAll();
  ASSERT_TRUE(storage.failure().ok()) << storage.failure();
  EXPECT_EQ(ReadAll(storage, 0)->front().offset, 0u) << "nothing was compacted";
  disk_->set_capacity(UINT64_MAX);
  append(600);
  Settle(storage);
  while (storage.Compact(1'000'000)) disk_->RunAll();
  const StatusOr<std::vector<TestRecord>> left = ReadAll(storage, 0);
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_EQ(left->size(), 600u - 2u);  // the old value and its tombstone
  for (const TestRecord& record : *left) EXPECT_NE(record.key, "gone") << record;
}

TEST_F(FileStorageKeepTest, ReadersGoOnWhileTheirSegmentIsCompacted) {
  FileStorage& storage = New();
  for (TestRecord& record : NumberedRecords(0, 300)) {
    record.key = record.offset % 3 == 0 ? "same" : "k" + std::to_string(record.offset);
    storage.Append(BlockOf({record}), record.offset + 1);
  }
  Settle(storage);
  Offset from = 0;
  Offset seen = 0;
  for (bool more = true; more || from < 300;) {
    more = storage.Compact(0);
    for (int i = 0; i < 2 && disk_->pending() > 0; ++i) disk_->RunOne();
    if (from >= 300) {
      disk_->RunAll();
      continue;
    }
    StatusOr<BlockRef> block = Wait(storage.Read(from, 200));
    ASSERT_TRUE(block.ok()) << block.status();
    for (const TestRecord& record : RecordsOf(**block)) {
      if (record.offset >= from && record.offset % 3 != 0) ++seen;
    }
    from = (*block)->end();
  }
  EXPECT_EQ(seen, 200u);
}

TEST_F(FileStorageKeepTest, ADroppedPartitionLeavesNothingAndItsNameIsFreeAtOnce) {
  FileStorage& storage = New();
  AppendNumbered(storage, 200);
  disk_->RunAll();
  storage.Drop();
  FileStorage& another = New(0, 8);
  AppendNumbered(another, 50);
  Settle(another);
  EXPECT_FALSE(storage.busy());
  EXPECT_TRUE(storage.failure().ok()) << storage.failure();
  EXPECT_EQ(*ReadAll(another, 0), NumberedRecords(0, 50));
  another.Drop();
  disk_->RunAll();
  EXPECT_FALSE(disk_->Exists("/data/topic"));
}

// Whatever is under way, and in whatever order it ends.
TEST_F(FileStorageKeepTest, ADropWhileEverythingIsUnderWayHarmsNoNewTopicOfTheSameName) {
  for (size_t round = 0; round < 600; ++round) {
    SCOPED_TRACE(round);
    Random random(round);
    const size_t steps = round / 6;
    FileStorage& storage = New(0, 2 * round + 1);
    AppendNumbered(storage, 200);
    for (size_t i = 0; i < steps && disk_->pending() > 0; ++i) disk_->RunOne();
    storage.Sync();
    std::optional<Running<StatusOr<BlockRef>>> read;
    if (storage.readable_end() > 0) read.emplace(storage.Read(0, 1000));
    if (random.Below(2) == 0) storage.TrimTo(40);
    storage.Compact(0);
    if (disk_->pending() > 0) disk_->RunOne(random.Below(disk_->pending()));
    storage.Drop();
    FileStorage& another = New(0, 2 * round + 2);
    AppendNumbered(another, 50);
    const bool at_once = random.Below(4) == 0;
    if (at_once) another.Drop();
    another.Sync();
    while (disk_->pending() > 0) disk_->RunOne(random.Below(disk_->pending()));
    ASSERT_FALSE(storage.busy() || another.busy());
    ASSERT_TRUE(storage.failure().ok()) << storage.failure();
    ASSERT_TRUE(another.failure().ok()) << another.failure();
    if (!at_once) {
      ASSERT_TRUE(another.durable());
      ASSERT_EQ(*ReadAll(another, 0), NumberedRecords(0, 50));
      another.Drop();
      disk_->RunAll();
    }
    ASSERT_FALSE(disk_->Exists("/data/topic"));
    storages_.clear();
  }
}

TEST_F(FileStorageKeepTest, DirectoriesThatNobodyWantsAreRemovedAtTheStart) {
  for (PartitionNumber p : {0u, 1u, 2u}) {
    FileStorage& storage = New(p);
    AppendNumbered(storage, 50);
    Settle(storage);
  }
  storages_[2]->Drop();
  disk_->RunOne();
  EXPECT_TRUE(disk_->Exists("/data/topic/2.deleted-7"));
  std::unique_ptr<FakeDisk> after = disk_->CrashedCopy(false, 1);
  disk_->RunAll();
  storages_.clear();
  files_.reset();
  disk_ = std::move(after);
  Start();
  auto wanted = [](std::string_view topic, PartitionNumber p) {
    return topic == "topic" && p == 1;
  };
  EXPECT_TRUE(FileStorage::RemoveStrays(*files_, wanted).ok());
  EXPECT_FALSE(disk_->Exists("/data/topic/0"));
  EXPECT_FALSE(disk_->Exists("/data/topic/2.deleted-7"));
  EXPECT_EQ(Opened(1).end(), 50u);
  auto none = [](std::string_view, PartitionNumber) { return false; };
  EXPECT_TRUE(FileStorage::RemoveStrays(*files_, none).ok());
  EXPECT_FALSE(disk_->Exists("/data/topic"));
}

}  // namespace
}  // namespace flashdb
