// The bytes are a promise to files already written: these tests repeat FORMAT.md's numbers.
#include "wal/format.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "base/coding.h"

namespace flashdb {
namespace {

SegmentHeader SomeHeader() {
  return {0x01020304, 42, 0x1111, 41, 7, 9, 8, 3, 32u << 20, 4096, SegmentHeader::kRestart};
}

TEST(SegmentHeaderTest, ItsFieldsLieWhereTheFormatSays) {
  std::vector<uint8_t> bytes(kSegmentHeaderBytes);
  EncodeSegmentHeader(SomeHeader(), bytes.data());
  EXPECT_EQ(std::string(bytes.begin(), bytes.begin() + 8), "FLASHWAL");
  EXPECT_EQ(LoadLittle<uint32_t>(&bytes[8]), 1u);
  EXPECT_EQ(LoadLittle<uint32_t>(&bytes[12]), 0x01020304u);
  const uint64_t expected[] = {42, 0x1111, 41, 7, 9, 8, 3, 32u << 20};
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(LoadLittle<uint64_t>(&bytes[16 + 8 * i]), expected[i]);
  EXPECT_EQ(LoadLittle<uint32_t>(&bytes[80]), 4096u);
  EXPECT_EQ(LoadLittle<uint32_t>(&bytes[84]), 1u);
}

TEST(SegmentHeaderTest, EveryFlippedBitIsNoticed) {
  std::vector<uint8_t> bytes(kSegmentHeaderBytes);
  EncodeSegmentHeader(SomeHeader(), bytes.data());
  SegmentHeader header;
  uint32_t version = 0;
  ASSERT_EQ(DecodeSegmentHeader(bytes, header, version), HeaderState::kValid);
  EXPECT_EQ(header, SomeHeader());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_NE(DecodeSegmentHeader(bytes, header, version), HeaderState::kValid) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

TEST(FrameTest, EveryFlippedBitIsNoticed) {
  std::vector<uint8_t> bytes(512);
  FrameHeader header{60, 5, 6, 4, 17, 1};
  EncodeFragmentHeader({4, FragmentKind::kFull, 1}, &bytes[kFrameHeaderBytes]);
  SealFrame(header, bytes.data());
  ASSERT_TRUE(FrameChecksumMatches(bytes));
  EXPECT_EQ(LoadLittle<uint32_t>(&bytes[4]), 60u);
  EXPECT_EQ(LoadLittle<uint64_t>(&bytes[32]), 17u);
  for (size_t bit = 0; bit < 60 * 8; ++bit) {
    if (bit / 32 == 1) continue;  // the length is bounded before a checksum is computed
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
    EXPECT_FALSE(FrameChecksumMatches(bytes)) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1u << (bit % 8));
  }
}

TEST(GroupPrefixTest, SaysHowLongItIs) {
  std::string bytes;
  const uint32_t logs[] = {1, 5, 9};
  EncodeGroupPrefix(77, logs, bytes);
  EXPECT_EQ(bytes.size(), 24u);
  EXPECT_EQ(GroupPrefixBytes(bytes + "payload"), 24u);
  EXPECT_EQ(GroupPrefixBytes(bytes.substr(0, 11)), 0u);
  GroupPrefix prefix = DecodeGroupPrefix(bytes);
  EXPECT_EQ(prefix.txn, 77u);
  EXPECT_EQ(std::vector<uint32_t>(prefix.participants.begin(), prefix.participants.end()),
            (std::vector<uint32_t>{1, 5, 9}));
}

TEST(SegmentNameTest, OnlyTwentyDigitsAreASegment) {
  EXPECT_EQ(SegmentName(42), "00000000000000000042.seg");
  EXPECT_EQ(ParseSegmentName("00000000000000000042.seg"), 42u);
  for (const char* other : {"42.seg", "0000000000000000004x.seg", "00000000000000000042.tmp",
                            "99999999999999999999.seg", "-0000000000000000042.seg"}) {
    EXPECT_EQ(ParseSegmentName(other), std::nullopt) << other;
  }
}

TEST(EpochTest, RisesByRandomSteps) {
  Random random(1);
  std::set<uint64_t> steps;
  uint64_t epoch = NextEpoch(0, random);
  for (int i = 0; i < 100; ++i) {
    uint64_t next = NextEpoch(epoch, random);
    ASSERT_GT(next, epoch);
    ASSERT_LE(next - epoch, kMaxEpochStep);
    steps.insert(next - epoch);
    epoch = next;
  }
  EXPECT_GT(steps.size(), 90u);
}

}  // namespace
}  // namespace flashdb
