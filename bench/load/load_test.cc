// The parts of the load generator that could report wrong numbers: the histogram, the scanner of
// replies and the maker of requests.
#include <gtest/gtest.h>

#include <vector>

#include "bench/floor/command_scanner.h"
#include "bench/load/histogram.h"
#include "bench/load/reply_scanner.h"
#include "bench/load/requests.h"

namespace flashdb::bench {
namespace {

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint64_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.count(), 100u);
  EXPECT_EQ(histogram.Percentile(50), 50u);
  EXPECT_EQ(histogram.Percentile(99), 99u);
  EXPECT_EQ(histogram.Percentile(100), 100u);
}

TEST(HistogramTest, ErrorsStayBelowOneIn128AtAnySize) {
  for (uint64_t value = 1; value < (uint64_t{1} << 62); value += value / 4 + 1) {
    Histogram histogram;
    histogram.Record(value);
    histogram.Record(UINT64_MAX);  // so that the maximum does not hide the bucket's end
    uint64_t seen = histogram.Percentile(50);
    EXPECT_GE(seen, value);
    EXPECT_LE(seen - value, value / 128) << value;
    EXPECT_EQ(histogram.max(), UINT64_MAX);
  }
}

TEST(HistogramTest, AnEmptyOneSaysZero) {
  Histogram histogram;
  EXPECT_EQ(histogram.Percentile(99), 0u);
  histogram.Record(7);
  histogram.Clear();
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
}

const std::string kReplies =
    "+OK\r\n$5\r\nhello\r\n$-1\r\n:12\r\n-ERR no\r\n$0\r\n\r\n_\r\n*-1\r\n$4\r\n\r\n\r\n\r\n";
const std::vector<Reply> kExpected = {Reply::kValue, Reply::kValue, Reply::kNil,
                                      Reply::kValue, Reply::kError, Reply::kValue,
                                      Reply::kNil,   Reply::kNil,   Reply::kValue};

TEST(ReplyScannerTest, RepliesAreCountedHoweverTheyAreCut) {
  for (size_t piece = 1; piece <= kReplies.size(); ++piece) {
    ReplyScanner scanner;
    std::vector<Reply> replies;
    for (size_t at = 0; at < kReplies.size(); at += piece) {
      size_t size = std::min(piece, kReplies.size() - at);
      EXPECT_TRUE(scanner.Scan({kReplies.data() + at, size},
                               [&](Reply reply) { replies.push_back(reply); }));
    }
    EXPECT_EQ(replies, kExpected) << "pieces of " << piece;
    EXPECT_EQ(scanner.first_error(), "ERR no");
  }
}

TEST(ReplyScannerTest, OtherBytesAreRefused) {
  for (std::string_view bytes : {"hello\r\n", "$x\r\n", "$-2\r\n", "*2\r\n", "+OK\n", "\r\n"}) {
    ReplyScanner scanner;
    EXPECT_FALSE(scanner.Scan(bytes, [](Reply) {})) << bytes;
  }
}

TEST(RequestMakerTest, RequestsAreWholeCommands) {
  RequestMaker maker(3);
  std::string bytes(maker.most_bytes(), ' ');
  bytes.resize(static_cast<size_t>(maker.PutGet(bytes.data(), 1234567890) - bytes.data()));
  EXPECT_EQ(bytes, "*2\r\n$3\r\nGET\r\n$16\r\nkey:001234567890\r\n");
  bytes.resize(maker.most_bytes());
  bytes.resize(static_cast<size_t>(maker.PutSet(bytes.data(), kMostKeys - 1) - bytes.data()));
  EXPECT_TRUE(bytes.starts_with("*3\r\n$3\r\nSET\r\n$16\r\nkey:999999999999\r\n$3\r\n")) << bytes;
  EXPECT_EQ(bytes.size(), maker.most_bytes());
}

TEST(CommandScannerTest, CommandsEndWhereTheyEnd) {
  const std::string get = "*2\r\n$3\r\nGET\r\n$3\r\nk\r\n\r\n";
  CommandKind kind{};
  size_t length = 0;
  for (size_t size = 0; size < get.size(); ++size) {
    EXPECT_TRUE(ScanCommand(std::string_view(get).substr(0, size), &kind, &length));
    EXPECT_EQ(length, 0u) << size;
  }
  EXPECT_TRUE(ScanCommand(get + "*1\r\n", &kind, &length));
  EXPECT_EQ(length, get.size());
  EXPECT_EQ(kind, CommandKind::kGet);
  EXPECT_TRUE(ScanCommand("PING\r\nPING\r\n", &kind, &length));
  EXPECT_EQ(length, 6u);
  EXPECT_EQ(kind, CommandKind::kPing);
}

TEST(CommandScannerTest, OtherBytesAreRefused) {
  for (std::string_view bytes : {"*x\r\n", "*1\r\n:3\r\n", "*1\r\n$x\r\n", "*1\r\n$\r\n"}) {
    CommandKind kind{};
    size_t length = 0;
    EXPECT_FALSE(ScanCommand(bytes, &kind, &length)) << bytes;
  }
}

}  // namespace
}  // namespace flashdb::bench
