#include "topics/block_cache.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "topics/topic_records.h"

namespace flashdb {
namespace {

constexpr size_t kMuch = 1u << 20;

TEST(BlockCacheTest, ABlockIsFoundByEachOffsetThatItCovers) {
  BlockCache cache;
  BlockRef block = NumberedBlock(10, 20);
  cache.Insert(1, block);
  EXPECT_EQ(cache.Find(1, 9), nullptr);
  EXPECT_EQ(cache.Find(1, 10), block);
  EXPECT_EQ(cache.Find(1, 19), block);
  EXPECT_EQ(cache.Find(1, 20), nullptr);
  EXPECT_EQ(cache.Find(2, 10), nullptr);
  EXPECT_EQ(cache.statistics().hits, 2u);
  EXPECT_EQ(cache.statistics().misses, 3u);
  cache.CountRecords(true, 5);
  cache.CountRecords(false, 7);
  EXPECT_EQ(cache.statistics().hit_records, 5u);
  EXPECT_EQ(cache.statistics().missed_records, 7u);
}

TEST(BlockCacheTest, APartitionKeepsAtLeastItsNumberOfRecordsAndHardlyMore) {
  BlockCache cache;
  for (Offset i = 0; i < 5000; i += 100) cache.Insert(1, NumberedBlock(i, i + 100), 1000);
  EXPECT_EQ(cache.records(1), 1000u);
  EXPECT_EQ(cache.Find(1, 3999), nullptr);
  for (Offset i = 4000; i < 5000; ++i) EXPECT_NE(cache.Find(1, i), nullptr) << i;
  cache.Insert(1, NumberedBlock(5000, 5099), 1000);  // without the oldest, 999 would stay
  EXPECT_EQ(cache.records(1), 1099u);
}

TEST(BlockCacheTest, TheBlockUsedLongestAgoGoesFirst) {
  BlockCache cache;
  for (Offset i = 0; i < 30; i += 10) cache.Insert(1, NumberedBlock(i, i + 10), 30);
  EXPECT_NE(cache.Find(1, 0), nullptr);
  cache.Insert(1, NumberedBlock(30, 40), 30);
  EXPECT_NE(cache.Find(1, 0), nullptr);
  EXPECT_EQ(cache.Find(1, 10), nullptr);
}

TEST(BlockCacheTest, BytesAreBoundOverAllPartitions) {
  const size_t one = NumberedBlock(0, 10, 1000)->MemoryBytes() + 200;
  BlockCache cache(3 * one);
  for (uint64_t p = 0; p < 10; ++p) cache.Insert(p, NumberedBlock(0, 10, 1000), kMuch);
  EXPECT_LE(cache.bytes(), cache.max_bytes());
  EXPECT_EQ(cache.blocks(), 3u);
  EXPECT_EQ(cache.Find(6, 0), nullptr);
  EXPECT_NE(cache.Find(7, 0), nullptr);
  cache.set_max_bytes(one);
  EXPECT_EQ(cache.blocks(), 1u);
  cache.Insert(20, NumberedBlock(0, 100, 1000), kMuch);  // larger than the cache
  EXPECT_EQ(cache.Find(20, 0), nullptr);
  EXPECT_NE(cache.Find(7, 0), nullptr);
}

TEST(BlockCacheTest, OverlappingBlocksAreFoundAndContainedOnesAreNotKept) {
  BlockCache cache;
  BlockRef first = NumberedBlock(0, 50);
  BlockRef second = NumberedBlock(40, 90);
  cache.Insert(1, first);
  cache.Insert(1, second);
  cache.Insert(1, NumberedBlock(10, 20));
  EXPECT_EQ(cache.blocks(), 2u);
  EXPECT_EQ(cache.Find(1, 15), first);
  EXPECT_EQ(cache.Find(1, 45), second);
  BlockRef all = NumberedBlock(0, 100);
  cache.Insert(1, all);
  EXPECT_EQ(cache.blocks(), 1u);
  EXPECT_EQ(cache.records(1), 100u);
  EXPECT_EQ(cache.Find(1, 45), all);
}

TEST(BlockCacheTest, TrimmedAndDroppedBlocksAreGone) {
  BlockCache cache;
  for (Offset i = 0; i < 30; i += 10) cache.Insert(1, NumberedBlock(i, i + 10));
  cache.Insert(2, NumberedBlock(0, 10));
  cache.TrimTo(1, 15);
  EXPECT_EQ(cache.Find(1, 5), nullptr);
  EXPECT_NE(cache.Find(1, 12), nullptr);
  cache.Drop(1);
  EXPECT_EQ(cache.Find(1, 25), nullptr);
  EXPECT_NE(cache.Find(2, 5), nullptr);
  cache.Drop(2);
  EXPECT_EQ(cache.bytes(), 0u);
  EXPECT_EQ(cache.blocks(), 0u);
}

TEST(BlockCacheTest, WhateverIsAskedTheBoundsHoldAndWhatIsFoundCoversTheOffset) {
  Random random(7);
  BlockCache cache(100'000);
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t partition = random.Below(5);
    const Offset offset = random.Below(500);
    switch (random.Below(8)) {
      case 0:
        cache.TrimTo(partition, offset / 4);
        break;
      case 1:
        if (random.Below(50) == 0) cache.Drop(partition);
        break;
      case 2:
      case 3:
        cache.Insert(partition, NumberedBlock(offset, offset + 1 + random.Below(40)), 100);
        break;
      default:
        if (BlockRef block = cache.Find(partition, offset)) {
          ASSERT_LE(block->base(), offset);
          ASSERT_GT(block->end(), offset);
        }
    }
    ASSERT_LE(cache.bytes(), cache.max_bytes());
    ASSERT_LE(cache.records(partition), 140u);
  }
}

}  // namespace
}  // namespace flashdb
