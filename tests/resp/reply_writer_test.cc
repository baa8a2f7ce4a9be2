#include "resp/reply_writer.h"

#include <gtest/gtest.h>
#include <hiredis/hiredis.h>

#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "resp/reply_reader.h"

namespace flashdb {
namespace {

using Write = std::function<void(ReplyWriter&)>;

std::string Written(int protocol, const Write& write) {
  std::string out;
  ReplyWriter writer(out, protocol);
  write(writer);
  return out;
}

struct WriterCase {
  Write write;
  std::string resp2;
  std::string resp3;
};

const double kInfinity = std::numeric_limits<double>::infinity();

std::vector<WriterCase> Cases() {
  const std::string big(1000, 'x');
  const std::string edge(128, 'y');
  using W = ReplyWriter;
  return {
      {[](W& w) { w.Ok(); }, "+OK\r\n", "+OK\r\n"},
      {[](W& w) { w.Simple("PONG"); }, "+PONG\r\n", "+PONG\r\n"},
      {[](W& w) { w.Simple("a\r\nb"); }, "+a  b\r\n", "+a  b\r\n"},
      {[](W& w) { w.Error("ERR bad\r\n+OK"); }, "-ERR bad  +OK\r\n", "-ERR bad  +OK\r\n"},
      {[](W& w) { w.Integer(0); }, ":0\r\n", ":0\r\n"},
      {[](W& w) { w.Integer(std::numeric_limits<int64_t>::min()); }, ":-9223372036854775808\r\n",
       ":-9223372036854775808\r\n"},
      {[](W& w) { w.Bulk(""); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {[](W& w) { w.Bulk({}); }, "$0\r\n\r\n", "$0\r\n\r\n"},
      {[](W& w) { w.Bulk("a\r\nb"); }, "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n"},
      {[=](W& w) { w.Bulk(edge); }, "$128\r\n" + edge + "\r\n", "$128\r\n" + edge + "\r\n"},
      {[=](W& w) { w.Bulk(big); }, "$1000\r\n" + big + "\r\n", "$1000\r\n" + big + "\r\n"},
      {[](W& w) { w.BulkInteger(-42); }, "$3\r\n-42\r\n", "$3\r\n-42\r\n"},
      {[](W& w) { w.Null(); }, "$-1\r\n", "_\r\n"},
      {[](W& w) { w.NullArray(); }, "*-1\r\n", "_\r\n"},
      {[](W& w) { w.EmptyArray(); }, "*0\r\n", "*0\r\n"},
      {[](W& w) { w.Double(1.5); }, "$3\r\n1.5\r\n", ",1.5\r\n"},
      {[](W& w) { w.Double(-kInfinity); }, "$4\r\n-inf\r\n", ",-inf\r\n"},
      {[](W& w) { w.Double(kInfinity); }, "$3\r\ninf\r\n", ",inf\r\n"},
      {[](W& w) { w.Bool(true); }, ":1\r\n", "#t\r\n"},
      {[](W& w) { w.Bool(false); }, ":0\r\n", "#f\r\n"},
      {[](W& w) { w.BigNumber("-123"); }, "$4\r\n-123\r\n", "(-123\r\n"},
      {[](W& w) { w.Verbatim("txt", "a b"); }, "$3\r\na b\r\n", "=7\r\ntxt:a b\r\n"},
  };
}

TEST(ReplyWriterTest, EveryTypeHasItsFormInBothProtocols) {
  for (const WriterCase& c : Cases()) {
    EXPECT_EQ(Written(2, c.write), c.resp2);
    EXPECT_EQ(Written(3, c.write), c.resp3);
  }
}

TEST(ReplyWriterTest, ContainersAnnounceTheirElements) {
  const WriterCase cases[] = {
      {[](ReplyWriter& w) { w.Array(3); }, "*3\r\n", "*3\r\n"},
      {[](ReplyWriter& w) { w.Array(1048576); }, "*1048576\r\n", "*1048576\r\n"},
      {[](ReplyWriter& w) { w.Map(12); }, "*24\r\n", "%12\r\n"},
      {[](ReplyWriter& w) { w.Set(10); }, "*10\r\n", "~10\r\n"},
      {[](ReplyWriter& w) { w.Push(2); }, "*2\r\n", ">2\r\n"},
  };
  for (const WriterCase& c : cases) {
    EXPECT_EQ(Written(2, c.write), c.resp2);
    EXPECT_EQ(Written(3, c.write), c.resp3);
  }
}

TEST(ReplyWriterTest, HiredisReadsEveryReplyOfResp2) {
  std::string all;
  ReplyWriter writer(all, 2);
  for (const WriterCase& c : Cases()) c.write(writer);
  std::unique_ptr<redisReader, decltype(&redisReaderFree)> reader(redisReaderCreate(),
                                                                  redisReaderFree);
  ASSERT_EQ(redisReaderFeed(reader.get(), all.data(), all.size()), REDIS_OK);
  for (size_t i = 0; i < Cases().size(); ++i) {
    void* reply = nullptr;
    ASSERT_EQ(redisReaderGetReply(reader.get(), &reply), REDIS_OK) << reader->errstr;
    ASSERT_NE(reply, nullptr) << "reply " << i;
    freeReplyObject(reply);
  }
}

TEST(ReplyWriterTest, SkipReplyWalksOverEveryReplyOfBothProtocols) {
  for (int protocol : {2, 3}) {
    std::string all;
    ReplyWriter writer(all, protocol);
    for (const WriterCase& c : Cases()) c.write(writer);
    EXPECT_EQ(CountReplies(all), Cases().size());
  }
}

TEST(ReplyWriterTest, AppendsToWhatIsThere) {
  std::string out = "+before\r\n";
  ReplyWriter(out, 2).Integer(7);
  EXPECT_EQ(out, "+before\r\n:7\r\n");
}

}  // namespace
}  // namespace flashdb
