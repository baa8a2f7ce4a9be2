#include "topics/segment_index.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

constexpr SegmentOwner kOwner{3, 1};

SegmentIndex MakeIndex(Offset base, size_t records, size_t bytes) {
  SegmentIndex index(base);
  uint64_t position = kSegmentHeadBytes;
  for (size_t i = 0; i < records; ++i, position += bytes) {
    index.Add(base + i, static_cast<UnixMillis>(i * 10), position, bytes);
  }
  return index;
}

TEST(SegmentIndexTest, APositionIsAFramesBeginAndLessThanAGapBeforeTheRecord) {
  constexpr size_t kBytes = 100;
  const SegmentIndex index = MakeIndex(1000, 5000, kBytes);
  for (Offset offset = 1000; offset < 6000; ++offset) {
    const uint64_t true_position = kSegmentHeadBytes + (offset - 1000) * kBytes;
    const uint64_t position = index.PositionFor(offset);
    ASSERT_LE(position, true_position);
    ASSERT_LT(true_position - position, SegmentIndex::kGapBytes + kBytes);
    ASSERT_EQ((position - kSegmentHeadBytes) % kBytes, 0u);
  }
  EXPECT_EQ(index.PositionFor(0), kSegmentHeadBytes);
}

TEST(SegmentIndexTest, AllRecordsBeforeTheOffsetForATimeAreEarlier) {
  const SegmentIndex index = MakeIndex(1000, 5000, 100);
  for (UnixMillis time = 0; time < 50'000; time += 33) {
    const Offset offset = index.OffsetFor(time);
    const auto before = static_cast<UnixMillis>((offset - 1000) * 10) - 10;
    ASSERT_LT(before, time);
    ASSERT_GT(before + 10 + 2 * 820, time);  // and not much earlier
  }
}

TEST(SegmentIndexTest, FilesGiveBackTheIndexAndAreRefusedIfAnythingIsWrong) {
  SegmentIndex index = MakeIndex(50, 300, 400);
  index.CoverTo(400);
  const uint64_t log_bytes = index.facts().log_bytes;
  const std::string offsets = index.EncodeOffsets(kOwner);
  const std::string times = index.EncodeTimes(kOwner);
  StatusOr<SegmentIndex> decoded = SegmentIndex::Decode(kOwner, 50, log_bytes, offsets, times);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(*decoded, index);
  auto refused = [&](std::string_view o, std::string_view t) {
    return absl::IsDataLoss(SegmentIndex::Decode(kOwner, 50, log_bytes, o, t).status());
  };
  for (size_t i = 0; i < offsets.size(); ++i) {
    std::string damaged = offsets;
    damaged[i] ^= 1;
    ASSERT_TRUE(refused(damaged, times)) << i;
    ASSERT_TRUE(refused(offsets.substr(0, i), times)) << i;
  }
  for (size_t i = 0; i < times.size(); ++i) {
    std::string damaged = times;
    damaged[i] ^= 1;
    ASSERT_TRUE(refused(offsets, damaged)) << i;
  }
  EXPECT_TRUE(refused(times, offsets));
  EXPECT_FALSE(SegmentIndex::Decode({4, 1}, 50, log_bytes, offsets, times).ok());
  EXPECT_FALSE(SegmentIndex::Decode(kOwner, 51, log_bytes, offsets, times).ok());
  EXPECT_FALSE(SegmentIndex::Decode(kOwner, 50, log_bytes + 1, offsets, times).ok());
}

TEST(SegmentFormatTest, AHeadComesBackAndEveryDamagedByteIsSeen) {
  const std::string bytes = EncodeSegmentHead({kOwner, 77, 99});
  ASSERT_EQ(bytes.size(), kSegmentHeadBytes);
  const std::optional<SegmentHead> head = DecodeSegmentHead(bytes);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->owner, kOwner);
  EXPECT_EQ(head->base, 77u);
  EXPECT_EQ(head->compacted_end, 99u);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] ^= 1;
    EXPECT_FALSE(DecodeSegmentHead(damaged)) << i;
    EXPECT_FALSE(DecodeSegmentHead(bytes.substr(0, i))) << i;
  }
}

TEST(SegmentFormatTest, OnlyTwentyDigitsNameALog) {
  EXPECT_EQ(TopicSegmentName(1234), "00000000000000001234");
  EXPECT_EQ(BaseOfLogName("00000000000000001234.log"), 1234u);
  for (const char* name : {"1234.log", "00000000000000001234.index", "0000000000000000123x.log",
                           "99999999999999999999.log", ".log", ""}) {
    EXPECT_FALSE(BaseOfLogName(name)) << name;
  }
}

}  // namespace
}  // namespace flashdb
