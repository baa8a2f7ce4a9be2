#include "topics/fetched_frames.h"

#include <gtest/gtest.h>

#include "topics/topic_records.h"

namespace flashdb {
namespace {

std::vector<Offset> OffsetsIn(const FetchedFrames& frames) {
  std::vector<Offset> offsets;
  frames.ForEach([&offsets](const RecordView& record) { offsets.push_back(record.offset); });
  return offsets;
}

TEST(FetchedFramesTest, PiecesAreVisitedInTheOrderInWhichTheyCame) {
  FetchedFrames frames;
  EXPECT_TRUE(frames.empty());
  BlockRef first = BlockOf({{3, 0, {}, "a"}, {4, 0, {}, "b"}, {6, 0, {}, "c"}});
  BlockRef second = BlockOf({{7, 0, {}, "d"}, {8, 0, {}, "e"}});
  frames.Share(first, first->Frames(1, 3));
  frames.Copy(second->Frames(0, 1));
  EXPECT_EQ(OffsetsIn(frames), (std::vector<Offset>{4, 6, 7}));
  EXPECT_EQ(frames.First().offset, 4u);
  EXPECT_EQ(frames.bytes(), first->Frames(1, 3).size() + second->Frames(0, 1).size());
}

TEST(FetchedFramesTest, ASharedBlockLivesAsLongAsTheFrames) {
  FetchedFrames frames;
  BlockRef block = BlockOf({{1, 0, {}, std::string(1000, 'x')}});
  const std::weak_ptr<const RecordBlock> watched = block;
  const std::string_view all = block->Frames(0, 1);
  frames.Share(std::move(block), all);
  EXPECT_FALSE(watched.expired());
  EXPECT_EQ(frames.First().value->size(), 1000u);
  frames = {};
  EXPECT_TRUE(watched.expired());
}

TEST(FetchedFramesTest, ACopyStaysWhatItWasWhenItsBlockGrows) {
  auto block = std::make_shared<RecordBlock>(0);
  AddRecord(*block, {0, 0, {}, "first"});
  FetchedFrames frames;
  frames.Copy(block->Frames(0, 1));
  for (Offset i = 1; i < 1000; ++i) AddRecord(*block, {i, 0, {}, std::string(100, 'y')});
  EXPECT_EQ(OffsetsIn(frames), std::vector<Offset>{0});
  EXPECT_EQ(frames.First().value, "first");
}

}  // namespace
}  // namespace flashdb
