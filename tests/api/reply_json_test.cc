#include "api/reply_json.h"

#include <gtest/gtest.h>

#include "resp/reply_writer.h"

namespace flashdb {
namespace {

std::string JsonOf(std::string_view reply) {
  std::string out;
  JsonWriter json(out);
  WriteReply(json, reply);
  EXPECT_TRUE(reply.empty());
  return out;
}

TEST(ReplyJsonTest, EveryKindOfValueHasItsJson) {
  EXPECT_EQ(JsonOf("+OK\r\n"), "\"OK\"");
  EXPECT_EQ(JsonOf(":-12\r\n"), "-12");
  EXPECT_EQ(JsonOf("$5\r\na\"b\r\n\r\n"), "\"a\\\"b\\r\\n\"");
  EXPECT_EQ(JsonOf("$0\r\n\r\n"), "\"\"");
  EXPECT_EQ(JsonOf("$2\r\n\xff\xfe\r\n"), R"({"base64":"//4="})");
  EXPECT_EQ(JsonOf("_\r\n"), "null");
  EXPECT_EQ(JsonOf("$-1\r\n"), "null");
  EXPECT_EQ(JsonOf("*-1\r\n"), "null");
  EXPECT_EQ(JsonOf("#t\r\n"), "true");
  EXPECT_EQ(JsonOf("#f\r\n"), "false");
  EXPECT_EQ(JsonOf(",1.5\r\n"), "1.5");
  EXPECT_EQ(JsonOf(",inf\r\n"), "\"inf\"");
  EXPECT_EQ(JsonOf("(123456789012345678901234567890\r\n"), "\"123456789012345678901234567890\"");
  EXPECT_EQ(JsonOf("=6\r\ntxt:hi\r\n"), "\"hi\"");
  EXPECT_EQ(JsonOf("-ERR no\r\n"), R"({"error":"ERR no"})");
}

TEST(ReplyJsonTest, ArraysAndMapsNest) {
  EXPECT_EQ(JsonOf("*2\r\n*0\r\n~1\r\n:1\r\n"), "[[],[1]]");
  EXPECT_EQ(JsonOf("%2\r\n+a\r\n:1\r\n$1\r\nb\r\n*1\r\n_\r\n"), R"({"a":1,"b":[null]})");
  EXPECT_EQ(JsonOf("%1\r\n$1\r\n\xff\r\n:1\r\n"), R"([[{"base64":"/w=="},1]])");
}

TEST(ReplyJsonTest, TextAndErrorsAreFound) {
  EXPECT_EQ(TextOfReply("$2\r\nab\r\n"), "ab");
  EXPECT_EQ(TextOfReply(":7\r\n"), "7");
  EXPECT_EQ(TextOfReply("_\r\n"), std::nullopt);
  EXPECT_EQ(ErrorOfReply("-ERR x\r\n"), "ERR x");
  EXPECT_EQ(ErrorOfReply("+OK\r\n"), std::nullopt);
}

}  // namespace
}  // namespace flashdb
