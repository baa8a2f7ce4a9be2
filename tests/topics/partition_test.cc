#include "topics/partition.h"

#include <gtest/gtest.h>

#include "topics/memory_storage.h"
#include "topics/record.h"

namespace flashdb {
namespace {

class PartitionTest : public testing::Test {
 protected:
  void Append() {
    std::string frame;
    AppendFrame(frame, partition_.end(), 0, {.value = "value"});
    partition_.Append(frame, 0);
  }
  bool LastGrows() const {
    return partition_.TailGrows(*partition_.TailBlock(partition_.end() - 1));
  }

  Partition partition_{1, 0, SlotId{0}, std::make_unique<MemoryStorage>()};
};

TEST_F(PartitionTest, ABlockThatIsMarkedGrowsNoMore) {
  Append();
  const BlockRef first = partition_.TailBlock(0);
  EXPECT_TRUE(LastGrows());
  partition_.MarkSettlesAt(1);
  EXPECT_FALSE(LastGrows());
  EXPECT_EQ(partition_.unmarked_bytes(), 0u);
  Append();
  EXPECT_EQ(first->count(), 1u);
  EXPECT_NE(partition_.TailBlock(1), first);
  EXPECT_TRUE(LastGrows());
}

TEST_F(PartitionTest, OnlyWhatIsMarkedGoesToTheStorage) {
  Append();
  partition_.MarkSettlesAt(1);
  Append();
  partition_.FlushToMark();
  EXPECT_EQ(partition_.storage().end(), 1u);
  EXPECT_TRUE(partition_.IsBeingStored());
  EXPECT_EQ(partition_.TakeReadable().size(), 1u);
  EXPECT_FALSE(partition_.IsBeingStored());
  EXPECT_EQ(partition_.tail_start(), 1u);
  EXPECT_GT(partition_.tail_bytes(), 0u);
  EXPECT_EQ(partition_.tail_bytes(), partition_.unmarked_bytes());
}

TEST_F(PartitionTest, AFullBlockIsFollowedByAnotherThatGrows) {
  for (size_t i = 0; i < 2 * RecordBlock::kFullRecords + 1; ++i) Append();
  EXPECT_FALSE(partition_.TailGrows(*partition_.TailBlock(0)));
  EXPECT_TRUE(LastGrows());
  EXPECT_EQ(partition_.TailBlock(partition_.end() - 1)->count(), 1u);
}

TEST_F(PartitionTest, TimesGoOnBehindThoseThatTheStorageHas) {
  auto storage = std::make_unique<MemoryStorage>();
  auto block = std::make_shared<RecordBlock>(0);
  std::string frame;
  AppendFrame(frame, 0, 5000, {.value = "value"});
  block->Append(frame, 0, 5000);
  storage->Append(block, 1);
  Partition partition(1, 0, SlotId{0}, std::move(storage));
  EXPECT_EQ(partition.last_timestamp(), 5000);
  EXPECT_EQ(partition.NextTimestamp(4000), 5000) << "the clock stepped back";
}

}  // namespace
}  // namespace flashdb
