// The parts of the load generator that could report wrong numbers: the histogram, the scanners of
// replies and the makers of requests.
#include <gtest/gtest.h>

#include <vector>

#include "bench/floor/command_scanner.h"
#include "bench/load/histogram.h"
#include "bench/load/http_scanner.h"
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
  for (std::string_view bytes :
       {"hello\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", "%x\r\n", ">1\r\n", "+OK\n", "\r\n"}) {
    ReplyScanner scanner;
    EXPECT_FALSE(scanner.Scan(bytes, [](Reply) {})) << bytes;
  }
}

TEST(ReplyScannerTest, AnArrayIsOneReplyWithAllThatIsInIt) {
  const std::string kNested =
      "*2\r\n*3\r\n:1\r\n$2\r\nab\r\n*0\r\n%1\r\n+k\r\n*2\r\n-ERR inside\r\n_\r\n";
  const std::string bytes = kNested + "*0\r\n" + kNested + "~1\r\n=3\r\ntxt\r\n-ERR top\r\n";
  const std::vector<Reply> expected = {Reply::kValue, Reply::kValue, Reply::kValue, Reply::kValue,
                                       Reply::kError};
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    ReplyScanner scanner;
    std::vector<Reply> replies;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      size_t size = std::min(piece, bytes.size() - at);
      EXPECT_TRUE(
          scanner.Scan({bytes.data() + at, size}, [&](Reply reply) { replies.push_back(reply); }));
    }
    EXPECT_EQ(replies, expected) << "pieces of " << piece;
    EXPECT_EQ(scanner.first_error(), "ERR top");
  }
}

TEST(ReplyScannerTest, AnArrayIsNoReplyBeforeItsLastByte) {
  const std::string bytes = "*2\r\n$1\r\na\r\n*1\r\n:1\r\n";
  ReplyScanner scanner;
  size_t replies = 0;
  EXPECT_TRUE(scanner.Scan({bytes.data(), bytes.size() - 1}, [&](Reply) { ++replies; }));
  EXPECT_EQ(replies, 0u);
  EXPECT_TRUE(scanner.Scan({bytes.data() + bytes.size() - 1, 1}, [&](Reply) { ++replies; }));
  EXPECT_EQ(replies, 1u);
}

TEST(HttpScannerTest, ResponsesAreCountedHoweverTheyAreCut) {
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\r\n\r\nx"
      "HTTP/1.1 204 No Content\r\n\r\n"
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n"
      "HTTP/1.1 404 Not Found\r\nServer: s\r\nContent-Length: 4\r\n\r\nnone"
      "HTTP/1.1 503 No\r\nContent-Length: 5\r\n\r\nother";
  const std::vector<Reply> expected = {Reply::kValue, Reply::kValue, Reply::kValue, Reply::kError,
                                       Reply::kError};
  for (size_t piece = 1; piece <= bytes.size(); ++piece) {
    HttpScanner scanner;
    std::vector<Reply> replies;
    for (size_t at = 0; at < bytes.size(); at += piece) {
      size_t size = std::min(piece, bytes.size() - at);
      EXPECT_TRUE(scanner.Scan({bytes.data() + at, size}, [&](Reply reply) {
        replies.push_back(reply);
      })) << scanner.problem();
    }
    EXPECT_EQ(replies, expected) << "pieces of " << piece;
    EXPECT_EQ(scanner.first_error(), "status 404: none");
  }
}

TEST(HttpScannerTest, OtherBytesAreRefused) {
  for (std::string_view head :
       {"+OK", "HTTP/1.1 2x0 OK\r\nContent-Length: 1", "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x",
        "HTTP/1.1 200 OK\r\nContent-Length:", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"}) {
    HttpScanner scanner;
    std::string bytes = std::string(head) + "\r\n\r\nx";
    EXPECT_FALSE(scanner.Scan(bytes, [](Reply) {})) << head;
    EXPECT_NE(scanner.problem(), "") << head;
  }
}

TEST(FixedRequestTest, NumbersReplaceRunsOfTwelve) {
  FixedRequest request("GET /a/@@@@@@@@@@@@?n=@@@@@@@@@@@@&m=@@@ ");
  std::string bytes(request.size(), ' ');
  char* end = request.Put(bytes.data(), 1203);
  EXPECT_EQ(end, bytes.data() + bytes.size());
  EXPECT_EQ(bytes, "GET /a/000000001203?n=000000001203&m=@@@ ");
}

TEST(FixedRequestTest, AFileThatIsMissingOrEmptyIsRefused) {
  EXPECT_FALSE(FixedRequest::Read("/nonexistent/request").ok());
  EXPECT_FALSE(FixedRequest::Read("/dev/null").ok());
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
