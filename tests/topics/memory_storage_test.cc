#include "topics/memory_storage.h"

#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "topics/await.h"
#include "topics/topic_records.h"

namespace flashdb {
namespace {

std::vector<TestRecord> ReadAll(PartitionStorage& storage, Offset from, size_t max_bytes) {
  std::vector<TestRecord> all;
  while (from < storage.readable_end()) {
    StatusOr<BlockRef> block = Await(storage.Read(from, max_bytes));
    if (!block.ok()) return {};
    for (TestRecord& record : RecordsOf(**block)) {
      if (record.offset >= from) all.push_back(std::move(record));
    }
    from = (*block)->end();
  }
  return all;
}

TEST(MemoryStorageTest, FromEveryOffsetExactlyTheRecordsFromThereAreRead) {
  MemoryStorage storage;
  for (Offset i = 0; i < 200; i += 7) storage.Append(NumberedBlock(i, i + 7), i + 1);
  for (size_t max_bytes : {1u, 200u, 5000u}) {
    for (Offset from = 0; from < storage.end(); from += 13) {
      EXPECT_EQ(ReadAll(storage, from, max_bytes), NumberedRecords(from, storage.end()));
    }
  }
  EXPECT_EQ(storage.record_count(), storage.end());
}

TEST(MemoryStorageTest, TrimmingTakesWholeBlocksAndSaysWhichLogIsNotNeeded) {
  MemoryStorage storage(100);
  for (Offset i = 100; i < 200; i += 10) storage.Append(NumberedBlock(i, i + 10), i + 9);
  storage.TrimTo(135);
  EXPECT_EQ(storage.start(), 130u);
  EXPECT_EQ(storage.record_count(), 70u);
  EXPECT_EQ(storage.durable_lsn(), 129u);
  EXPECT_TRUE(absl::IsOutOfRange(Await(storage.Read(129, 100)).status()));
  storage.TrimTo(200);
  EXPECT_EQ(storage.start(), 200u);
  EXPECT_EQ(storage.bytes(), 0u);
  EXPECT_TRUE(storage.durable());
}

TEST(MemoryStorageTest, LimitsLetTheOldestBlocksGo) {
  MemoryStorage storage;
  for (Offset i = 0; i < 100; i += 10) storage.Append(NumberedBlock(i, i + 10), i);
  EXPECT_EQ(storage.StartFor({}, 1'000'000), 0u);
  const uint64_t half = storage.bytes() / 2;
  EXPECT_EQ(storage.StartFor({.max_bytes = half}, 0), 50u);
  EXPECT_EQ(storage.StartFor({.max_bytes = half + 1}, 0), 40u);
  EXPECT_EQ(storage.StartFor({.max_age_ms = 1000}, 30'001), 30u);
  EXPECT_EQ(storage.StartFor({.max_age_ms = 1000}, 30'000), 20u);
  EXPECT_EQ(storage.StartFor({.max_age_ms = 1000}, 1'000'000), 100u);
}

TEST(MemoryStorageTest, ATimeIsFoundThoughClocksStepBack) {
  MemoryStorage storage;
  storage.Append(BlockOf({{0, 10, {}, "a"}, {1, 30, {}, "b"}, {2, 20, {}, "c"}}), 1);
  storage.Append(BlockOf({{3, 25, {}, "d"}, {4, 40, {}, "e"}}), 2);
  EXPECT_EQ(*Await(storage.OffsetOfTime(5)), 0u);
  EXPECT_EQ(*Await(storage.OffsetOfTime(15)), 1u);
  EXPECT_EQ(*Await(storage.OffsetOfTime(30)), 1u);
  EXPECT_EQ(*Await(storage.OffsetOfTime(31)), 4u);
  EXPECT_EQ(*Await(storage.OffsetOfTime(41)), 5u);
}

TEST(MemoryStorageTest, AGapIsSkipped) {
  MemoryStorage storage;
  storage.Append(NumberedBlock(0, 5), 1);
  storage.SkipTo(100);
  storage.Append(NumberedBlock(100, 105), 2);
  BlockRef block = *Await(storage.Read(50, 1000));
  EXPECT_EQ(block->base(), 50u);
  EXPECT_EQ(RecordsOf(*block), NumberedRecords(100, 105));
}

TEST(MemoryStorageTest, CompactionKeepsTheLastRecordOfEachKeyAndAllWithoutOne) {
  Random random(3);
  MemoryStorage storage;
  std::map<Offset, TestRecord> expected;
  std::map<std::string, Offset> last;
  for (Offset base = 0; base < 1000; base += 10) {
    std::vector<TestRecord> records = NumberedRecords(base, base + 10);
    for (TestRecord& record : records) {
      if (random.Below(10) > 0) record.key = "k" + std::to_string(random.Below(50));
      if (record.key && random.Below(5) == 0) record.value.reset();
      if (base < 990 && record.key) last[*record.key] = record.offset;
      expected[record.offset] = record;
    }
    storage.Append(BlockOf(records), base);
  }
  constexpr UnixMillis kOld = 500'000;
  std::erase_if(expected, [&](const auto& entry) {
    const TestRecord& record = entry.second;
    if (record.offset >= 990 || !record.key) return false;
    return last[*record.key] != record.offset || (!record.value && record.timestamp < kOld);
  });
  while (storage.Compact(kOld)) {
  }
  std::vector<TestRecord> kept;
  for (const auto& [offset, record] : expected) kept.push_back(record);
  EXPECT_EQ(ReadAll(storage, 0, 300), kept);
  EXPECT_EQ(storage.record_count(), kept.size());
  EXPECT_FALSE(storage.Compact(kOld));
}

TEST(MemoryStorageTest, MuchIsFreedInStepsThatAreShort) {
  constexpr size_t kBlocks = 1000;
  constexpr size_t kBytes = 20'000;
  MemoryStorage storage;
  for (Offset i = 0; i < kBlocks; ++i) storage.Append(NumberedBlock(i, i + 1, kBytes), i + 1);
  const uint64_t bytes = storage.bytes();
  storage.TrimTo(storage.StartFor({.max_bytes = 1}, 0));
  EXPECT_LT(storage.start(), kBlocks / 10);
  EXPECT_GT(storage.bytes(), bytes * 8 / 10);
  for (size_t i = 0; i < kBlocks; ++i) storage.TrimTo(storage.StartFor({.max_bytes = 1}, 0));
  EXPECT_EQ(storage.record_count(), 1u);
  for (Offset i = kBlocks; i < 2 * kBlocks; ++i) {
    storage.Append(NumberedBlock(i, i + 1, kBytes), i + 1);
  }
  size_t calls = 1;
  while (storage.Drop()) ++calls;
  EXPECT_GT(calls, 10u);
  EXPECT_EQ(storage.bytes(), 0u);
}

}  // namespace
}  // namespace flashdb
