#include "topics/record.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/coding.h"
#include "base/random.h"

namespace flashdb {
namespace {

std::string FrameOf(Offset offset, UnixMillis time, const RecordInput& input) {
  std::string frame;
  AppendFrame(frame, offset, time, input);
  return frame;
}

void ExpectSame(const RecordView& view, Offset offset, UnixMillis time, const RecordInput& input) {
  EXPECT_EQ(view.offset, offset);
  EXPECT_EQ(view.timestamp, time);
  EXPECT_EQ(view.key, input.key);
  EXPECT_EQ(view.value, input.value);
  const RecordHeaders headers = view.Headers();
  ASSERT_EQ(headers.size(), input.headers.size());
  for (size_t i = 0; i < headers.size(); ++i) {
    EXPECT_EQ(headers[i].name, input.headers[i].name);
    EXPECT_EQ(headers[i].value, input.headers[i].value);
  }
}

TEST(RecordTest, EveryPartComesBackAsItWasGiven) {
  const RecordInput input{"key", "value", {{"trace", "1"}, {"", ""}}};
  const std::string frame = FrameOf(7, -5, input);
  RecordView view;
  size_t size = 0;
  const std::string more = frame + "more";
  ASSERT_EQ(ReadFrame(more, &view, &size), FrameState::kWhole);
  EXPECT_EQ(size, frame.size());
  ExpectSame(view, 7, -5, input);
  ExpectSame(FrameAt(frame, &size), 7, -5, input);
}

TEST(RecordTest, AnEmptyKeyOrValueIsNotAMissingOne) {
  for (const RecordInput& input :
       {RecordInput{}, RecordInput{"", "", {}}, RecordInput{"", {}, {}}, RecordInput{{}, "", {}}}) {
    RecordView view;
    size_t size = 0;
    const std::string frame = FrameOf(0, 0, input);
    ASSERT_EQ(ReadFrame(frame, &view, &size), FrameState::kWhole);
    ExpectSame(view, 0, 0, input);
  }
}

TEST(RecordTest, AFrameThatEndsEarlyIsCutShort) {
  const std::string frame = FrameOf(1, 2, {"k", "some value", {{"h", "v"}}});
  for (size_t length = 0; length < frame.size(); ++length) {
    RecordView view;
    size_t size = 0;
    EXPECT_EQ(ReadFrame(frame.substr(0, length), &view, &size), FrameState::kCutShort) << length;
  }
}

TEST(RecordTest, EveryFlippedBitIsSeen) {
  const std::string frame = FrameOf(1, 2, {"k", "some value", {{"h", "v"}}});
  for (size_t bit = 0; bit < frame.size() * 8; ++bit) {
    std::string damaged = frame;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    RecordView view;
    size_t size = 0;
    EXPECT_NE(ReadFrame(damaged, &view, &size), FrameState::kWhole) << bit;
  }
}

TEST(RecordTest, ZerosAndAbsurdSizesAreNoFrames) {
  RecordView view;
  size_t size = 0;
  EXPECT_EQ(ReadFrame(std::string(64, '\0'), &view, &size), FrameState::kDamaged);
  EXPECT_EQ(ReadFrame(std::string(64, '\xff'), &view, &size), FrameState::kDamaged);
  EXPECT_EQ(FrameSizeAt(std::string(64, '\xff')), 0u);
  EXPECT_EQ(FrameSizeAt("1234567"), 0u);
}

TEST(RecordTest, TheLargestPartsPassAndOneByteMoreIsRefusedByName) {
  const std::string key(kMaxRecordKeyBytes + 1, 'k');
  const std::string name(kMaxHeaderNameBytes + 1, 'n');
  const std::string value(kMaxHeaderValueBytes + 1, 'v');
  auto less = [](const std::string& s) { return std::string_view(s).substr(1); };
  RecordInput input{less(key), less(value), {}};
  input.headers.assign(kMaxHeaders, RecordHeader{less(name), less(value)});
  EXPECT_TRUE(CheckRecordLimits(input, kMaxHeaderValueBytes).ok());
  auto refusal = [](const RecordInput& refused) {
    const Status status = CheckRecordLimits(refused, kMaxHeaderValueBytes);
    EXPECT_TRUE(absl::IsInvalidArgument(status));
    return MessageOf(status);
  };
  EXPECT_NE(refusal({key, {}, {}}).find("key has 1025 bytes"), std::string::npos);
  EXPECT_NE(refusal({{}, value, {}}).find("value has 1025 bytes"), std::string::npos);
  EXPECT_NE(refusal({{}, {}, {{name, ""}}}).find("name has 256"), std::string::npos);
  EXPECT_NE(refusal({{}, {}, {{"h", value}}}).find("header 'h' has 1025"), std::string::npos);
  input.headers.push_back({});
  EXPECT_NE(refusal(input).find("65 headers"), std::string::npos);
}

struct RandomRecord {
  std::deque<std::string> bytes;  // what the input's views point to
  RecordInput input;
};

std::string_view RandomBytes(RandomRecord& record, Random& random, size_t most) {
  std::string bytes(random.Below(most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random.Next());
  return record.bytes.emplace_back(std::move(bytes));
}

void FillRandomly(RandomRecord& record, Random& random) {
  if (random.Below(2) == 0) record.input.key = RandomBytes(record, random, 200);
  if (random.Below(4) != 0) record.input.value = RandomBytes(record, random, 3000);
  for (uint64_t n = random.Below(6); n > 0; --n) {
    const std::string_view name = RandomBytes(record, random, 20);
    record.input.headers.push_back({name, RandomBytes(record, random, 300)});
  }
}

TEST(RecordTest, RandomRecordsComeBackOneByOneAndKeepTheirBound) {
  Random random(42);
  std::string log;
  std::deque<RandomRecord> records(300);
  for (size_t i = 0; i < records.size(); ++i) {
    FillRandomly(records[i], random);
    const size_t before = log.size();
    AppendFrame(log, i * 3, static_cast<UnixMillis>(i), records[i].input);
    EXPECT_LE(log.size() - before, FrameBytesBound(records[i].input));
    EXPECT_EQ(FrameSizeAt(std::string_view(log).substr(before)), log.size() - before);
  }
  std::string_view rest = log;
  for (size_t i = 0; i < records.size(); ++i) {
    RecordView view;
    size_t size = 0;
    ASSERT_EQ(ReadFrame(rest, &view, &size), FrameState::kWhole);
    ExpectSame(view, i * 3, static_cast<UnixMillis>(i), records[i].input);
    rest.remove_prefix(size);
  }
  EXPECT_TRUE(rest.empty());
}

}  // namespace
}  // namespace flashdb
