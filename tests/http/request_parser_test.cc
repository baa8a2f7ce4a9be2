#include "http/request_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/random.h"

namespace flashdb {
namespace {

using ::testing::HasSubstr;
using Result = HttpRequestParser::Result;

// What a connection does: keeps unconsumed bytes and offers them again with what comes.
class Feeder {
 public:
  explicit Feeder(HttpLimits limits = {}) : limits_(limits) {}

  Result Feed(std::string_view bytes) {
    buffer_ += bytes;
    return Next();
  }
  Result Next() {
    // Exactly as large as its contents: a read behind them would be found.
    copy_ = std::make_unique<char[]>(buffer_.size());
    std::copy(buffer_.begin(), buffer_.end(), copy_.get());
    size_t consumed = 0;
    const Result result =
        parser_.Parse(std::string_view(copy_.get(), buffer_.size()), limits_, &consumed);
    buffer_.erase(0, consumed);
    return result;
  }
  const HttpRequest& request() const { return parser_.request(); }
  const HttpParseError& error() const { return parser_.error(); }
  const HttpRequestParser& parser() const { return parser_; }
  const std::string& rest() const { return buffer_; }

 private:
  HttpLimits limits_;
  HttpRequestParser parser_;
  std::string buffer_;
  std::unique_ptr<char[]> copy_;
};

int StatusOfError(std::string_view bytes, HttpLimits limits = {}) {
  Feeder feeder(limits);
  return feeder.Feed(bytes) == Result::kError ? feeder.error().status : 0;
}

TEST(HttpRequestParserTest, ReadsAHead) {
  Feeder feeder;
  ASSERT_EQ(feeder.Feed("GET /a%20b/c?x=1&y HTTP/1.1\r\nHost: h\r\nAccept:  text/html \r\n\r\n"),
            Result::kRequest);
  const HttpRequest& request = feeder.request();
  EXPECT_EQ(request.method, HttpMethod::kGet);
  EXPECT_EQ(request.path, "/a%20b/c");
  EXPECT_EQ(request.query, "x=1&y");
  EXPECT_EQ(request.Header("accept"), "text/html");
  EXPECT_EQ(request.body, "");
  EXPECT_TRUE(request.keep_alive);
  EXPECT_TRUE(feeder.rest().empty());
}

TEST(HttpRequestParserTest, ReadsBodiesOfBothKindsAndWhatFollows) {
  Feeder feeder;
  ASSERT_EQ(feeder.Feed("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
                        "\r\nPUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "3;x=\"y\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
                        "DELETE /c HTTP/1.1\r\nHost: h\r\n\r\n"),
            Result::kRequest);
  EXPECT_EQ(feeder.request().body, "hello");
  ASSERT_EQ(feeder.Next(), Result::kRequest);
  EXPECT_EQ(feeder.request().method, HttpMethod::kPut);
  EXPECT_EQ(feeder.request().body, "abc0123456789");
  EXPECT_EQ(feeder.request().headers.size(), 2u);  // a trailer is no header
  ASSERT_EQ(feeder.Next(), Result::kRequest);
  EXPECT_EQ(feeder.request().method, HttpMethod::kDelete);
  EXPECT_EQ(feeder.Next(), Result::kNeedMore);
}

TEST(HttpRequestParserTest, FindsTheSameHoweverTheBytesAreCut) {
  const std::string stream =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
      "PUT /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
      "chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
      "GET /c HTTP/1.1\r\nHost: h\r\n\r\n";
  Random random(3);
  for (int round = 0; round < 500; ++round) {
    Feeder feeder;
    std::string found;
    for (size_t at = 0; at < stream.size();) {
      const size_t size = round == 0 ? 1 : 1 + random.Below(30);
      Result result = feeder.Feed(stream.substr(at, size));
      at += size;
      for (; result == Result::kRequest; result = feeder.Next()) {
        found.append(feeder.request().path).append("=").append(feeder.request().body).append(" ");
      }
      ASSERT_EQ(result, Result::kNeedMore);
    }
    ASSERT_EQ(found, "/a=hello /b=abcd /c= ");
  }
}

TEST(HttpRequestParserTest, SaysWhenAHeadWaitsForItsBody) {
  Feeder feeder;
  EXPECT_EQ(feeder.Feed("PUT /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"),
            Result::kNeedMore);
  EXPECT_FALSE(feeder.parser().head_done());
  EXPECT_EQ(feeder.Feed("Content-Length: 3\r\n\r\n"), Result::kNeedMore);
  EXPECT_TRUE(feeder.parser().head_done());
  EXPECT_TRUE(feeder.request().expects_continue);
  EXPECT_EQ(feeder.Feed("abc"), Result::kRequest);
  EXPECT_FALSE(feeder.parser().head_done());
}

TEST(HttpRequestParserTest, KeepAliveFollowsTheVersionAndTheHeader) {
  for (auto [head, keeps] : {std::pair("GET / HTTP/1.1\r\nHost: h\r\n\r\n", true),
                             {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false},
                             {"GET / HTTP/1.0\r\n\r\n", false},
                             {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true}}) {
    Feeder feeder;
    ASSERT_EQ(feeder.Feed(head), Result::kRequest) << head;
    EXPECT_EQ(feeder.request().keep_alive, keeps) << head;
  }
}

TEST(HttpRequestParserTest, TakesTheTargetThatAProxySends) {
  Feeder feeder;
  ASSERT_EQ(feeder.Feed("GET http://example.com:80/a?b HTTP/1.1\r\nHost: h\r\n\r\n"),
            Result::kRequest);
  EXPECT_EQ(feeder.request().path, "/a");
  EXPECT_EQ(feeder.request().query, "b");
}

TEST(HttpRequestParserTest, RefusesHeadsAndBodiesBeyondTheLimits) {
  const HttpLimits small = {.max_head_bytes = 100, .max_body_bytes = 10};
  EXPECT_EQ(StatusOfError("GET /" + std::string(200, 'a'), small), 431);
  EXPECT_EQ(StatusOfError("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n", small), 413);
  EXPECT_EQ(StatusOfError("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                          "8\r\n01234567\r\n8\r\n01234567\r\n",
                          small),
            413);
  EXPECT_EQ(StatusOfError("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                              std::string(200, 'x'),
                          small),
            400);
}

// Each could hide a second request from a proxy, or from us.
TEST(HttpRequestParserTest, RefusesAmbiguousFraming) {
  const std::string start = "POST / HTTP/1.1\r\nHost: h\r\n";
  EXPECT_EQ(StatusOfError(start + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Content-Length: 3, 4\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Content-Length: -1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Content-Length: 0x3\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501);
  EXPECT_EQ(StatusOfError(start + "Transfer-Encoding: identity\r\n\r\n"), 501);
  EXPECT_EQ(
      StatusOfError(start + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
      400);
  EXPECT_EQ(StatusOfError(start + "Content-Length : 3\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError(start + "X: a\r\n b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
}

TEST(HttpRequestParserTest, RefusesWhatIsNoRequest) {
  EXPECT_EQ(StatusOfError("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(StatusOfError("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(StatusOfError("GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError("\x16\x03\x01"), 400);  // TLS: nobody waits for the end of its head
  EXPECT_EQ(StatusOfError("*1\r\n$4\r\nPING\r\n\r\n"), 400);
  EXPECT_EQ(StatusOfError("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
            400);
}

TEST(HttpRequestParserTest, ABodyOfChunksIsFollowedByRoomForAParser) {
  Feeder feeder;
  ASSERT_EQ(feeder.Feed("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                        "2\r\n{}\r\n0\r\n\r\n"),
            Result::kRequest);
  const std::string_view body = feeder.request().body;
  ASSERT_EQ(body, "{}");
  for (size_t i = 0; i < HttpRequest::kBodyPadding; ++i) {
    EXPECT_EQ(body.data()[body.size() + i], '\0');
  }
}

}  // namespace
}  // namespace flashdb
