#include "http/response.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

TEST(HttpResponseTest, HasItsLengthAndKind) {
  HttpResponse response;
  response.Reset({});
  response.AddHeader("X-A", "b");
  response.Begin(200, "text/plain") += "hello";
  response.Finish();
  EXPECT_EQ(
      response.text(),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello");
}

TEST(HttpResponseTest, ALongBodyStaysWhereItIs) {
  HttpResponse response;
  response.Reset({});
  const std::string body(100'000, 'x');
  response.Begin(200, "text/plain") += body;
  response.Finish();
  EXPECT_NE(response.text().find("Content-Length: 100000 "), std::string::npos);
  EXPECT_TRUE(response.text().ends_with("\r\n\r\n" + body));
}

TEST(HttpResponseTest, HeadTellsTheLengthOfWhatItLeavesOut) {
  HttpResponse response;
  response.Reset({.head_only = true});
  response.Begin(200, "text/plain") += "hello";
  response.Finish();
  EXPECT_EQ(response.text(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
}

TEST(HttpResponseTest, NoContentHasNoLength) {
  HttpResponse response;
  response.Reset({.keep_alive = false});
  response.Begin(204, {});
  response.Finish();
  EXPECT_EQ(response.text(), "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

TEST(HttpResponseTest, ABeginningDropsWhatWasBegunBefore) {
  HttpResponse response;
  response.Reset({.http11 = false, .keep_alive = true});
  response.Begin(200, "text/plain") += "half of a";
  response.Begin(404, "text/plain") += "no";
  response.Finish();
  EXPECT_EQ(response.text(),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nConnection: keep-alive\r\n"
            "Content-Length: 2\r\n\r\nno");
  EXPECT_EQ(response.status(), 404);
}

TEST(HttpResponseTest, AStreamIsChunked) {
  HttpResponse response;
  response.Reset({});
  response.BeginStream(200, "text/plain");
  std::string out = response.text();
  response.AppendChunk(out, "twenty bytes of text");
  response.AppendChunk(out, "");
  response.AppendLastChunk(out);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
            "14\r\ntwenty bytes of text\r\n0\r\n\r\n");
}

TEST(HttpResponseTest, AStreamForAnOldClientEndsWithTheConnection) {
  HttpResponse response;
  response.Reset({.http11 = false, .keep_alive = true});
  response.BeginStream(200, "text/plain");
  std::string out = response.text();
  response.AppendChunk(out, "text");
  response.AppendLastChunk(out);
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\ntext");
  EXPECT_FALSE(response.keep_alive());
}

TEST(JsonErrorTest, HasAllItsMembers) {
  EXPECT_EQ(JsonError("bad", "say \"why\""),
            R"({"error":"bad","message":"say \"why\"","details":{}})");
  EXPECT_EQ(JsonError("bad", "why", R"({"a":1})"),
            R"({"error":"bad","message":"why","details":{"a":1}})");
}

}  // namespace
}  // namespace flashdb
