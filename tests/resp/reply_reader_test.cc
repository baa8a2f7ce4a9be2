#include "resp/reply_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace flashdb {
namespace {

const std::vector<std::string>& Replies() {
  static const std::vector<std::string> replies = {
      "+OK\r\n",
      "-ERR no\r\n",
      ":-12\r\n",
      "$-1\r\n",
      "*-1\r\n",
      "_\r\n",
      "#t\r\n",
      ",1.5\r\n",
      "(123456789012345678901234567890\r\n",
      "$0\r\n\r\n",
      "$4\r\n\r\n\r\n\r\n",
      "=7\r\ntxt:abc\r\n",
      "!3\r\nERR\r\n",
      "*0\r\n",
      "%0\r\n",
      "*2\r\n$1\r\na\r\n:1\r\n",
      "*2\r\n*2\r\n+a\r\n*0\r\n*1\r\n*1\r\n$1\r\nx\r\n",
      "%2\r\n+a\r\n:1\r\n+b\r\n~2\r\n:1\r\n:2\r\n",
      ">2\r\n+message\r\n+x\r\n",
      "|1\r\n+ttl\r\n:9\r\n*1\r\n+value\r\n",
  };
  return replies;
}

TEST(SkipReplyTest, SplitsABufferIntoItsReplies) {
  std::string all;
  for (const std::string& reply : Replies()) all += reply;
  EXPECT_EQ(CountReplies(all), Replies().size());
  std::string_view rest = all;
  for (const std::string& reply : Replies()) {
    const std::string_view before = rest;
    ASSERT_TRUE(SkipReply(rest)) << reply;
    EXPECT_EQ(before.substr(0, before.size() - rest.size()), reply);
  }
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(CountReplies(""), 0u);
}

TEST(SkipReplyTest, ACutReplyIsNotSkipped) {
  for (const std::string& reply : Replies()) {
    for (size_t size = 0; size < reply.size(); ++size) {
      const std::string cut = reply.substr(0, size);
      std::string_view in = cut;
      EXPECT_FALSE(SkipReply(in)) << cut;
      EXPECT_EQ(in.size(), size);
    }
  }
}

TEST(SkipReplyTest, GarbageIsNotSkipped) {
  for (const char* text : {"x\r\n", "\r\n", "$x\r\n", "$-2\r\n", "*\r\n", "*99999999999\r\n",
                           "*9223372036854775807\r\n", "$9223372036854775807\r\nab\r\n",
                           "$01\r\na\r\n", "%4294967295\r\n%4294967295\r\n"}) {
    std::string_view in = text;
    EXPECT_FALSE(SkipReply(in)) << text;
    EXPECT_EQ(CountReplies(text), std::nullopt) << text;
  }
}

TEST(SkipReplyTest, DeepNestingNeedsNoStack) {
  std::string deep;
  for (int i = 0; i < 1000000; ++i) deep += "*1\r\n";
  deep += "+x\r\n";
  EXPECT_EQ(CountReplies(deep), 1u);
}

}  // namespace
}  // namespace flashdb
