#include "topics/record_block.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

void Add(RecordBlock& block, Offset offset, UnixMillis time, std::string_view value) {
  std::string frame;
  AppendFrame(frame, offset, time, {{}, value, {}});
  block.Append(frame, offset, time);
}

TEST(RecordBlockTest, AnEmptyBlockCoversNothing) {
  RecordBlock block(5);
  EXPECT_EQ(block.base(), 5u);
  EXPECT_EQ(block.end(), 5u);
  EXPECT_EQ(block.count(), 0u);
  EXPECT_EQ(block.IndexOf(5), 0u);
  EXPECT_EQ(block.Frames(0, 0), "");
}

TEST(RecordBlockTest, RecordsAreFoundByOffset) {
  RecordBlock block(10);
  for (Offset i = 10; i < 20; ++i) Add(block, i, static_cast<UnixMillis>(i * 100), "v");
  for (Offset i = 10; i < 20; ++i) {
    EXPECT_EQ(block.IndexOf(i), i - 10);
    EXPECT_EQ(block.OffsetAt(i - 10), i);
    EXPECT_EQ(block.TimestampAt(i - 10), static_cast<UnixMillis>(i * 100));
  }
  EXPECT_EQ(block.IndexOf(3), 0u);
  EXPECT_EQ(block.IndexOf(20), 10u);
  EXPECT_EQ(block.first_timestamp(), 1000);
  EXPECT_EQ(block.last_timestamp(), 1900);
}

TEST(RecordBlockTest, WithGapsTheNextRecordIsFound) {
  RecordBlock block(10);
  for (Offset i : {12, 13, 20, 40}) Add(block, i, 0, "v");
  EXPECT_EQ(block.IndexOf(10), 0u);
  EXPECT_EQ(block.IndexOf(12), 0u);
  EXPECT_EQ(block.IndexOf(14), 2u);
  EXPECT_EQ(block.IndexOf(21), 3u);
  EXPECT_EQ(block.IndexOf(41), 4u);
  EXPECT_EQ(block.end(), 41u);
  block.CoverTo(50);
  EXPECT_EQ(block.end(), 50u);
  EXPECT_EQ(block.count(), 4u);
}

TEST(RecordBlockTest, FramesOfARangeAreTheirBytes) {
  RecordBlock block(0);
  for (Offset i = 0; i < 5; ++i) Add(block, i, 0, std::string(i, 'x'));
  EXPECT_EQ(block.Frames(0, 5), block.bytes());
  RecordView view;
  size_t size = 0;
  ASSERT_EQ(ReadFrame(block.Frames(3, 4), &view, &size), FrameState::kWhole);
  EXPECT_EQ(size, block.Frames(3, 4).size());
  EXPECT_EQ(view.value, "xxx");
  EXPECT_EQ(block.Frames(5, 5), "");
}

TEST(RecordBlockTest, ABlockIsFullByBytesOrByRecords) {
  RecordBlock many(0);
  for (Offset i = 0; i < RecordBlock::kFullRecords; ++i) {
    EXPECT_FALSE(many.full());
    Add(many, i, 0, "");
  }
  EXPECT_TRUE(many.full());
  RecordBlock large(0);
  Add(large, 0, 0, std::string(RecordBlock::kFullBytes, 'x'));
  EXPECT_TRUE(large.full());
  EXPECT_GE(large.MemoryBytes(), large.bytes().size());
}

TEST(RecordBlockDeathTest, AnOffsetThatIsCoveredIsNotTakenAgain) {
  RecordBlock block(10);
  Add(block, 10, 0, "");
  EXPECT_DEATH(Add(block, 10, 0, ""), "record 10 after 11");
}

}  // namespace
}  // namespace flashdb
