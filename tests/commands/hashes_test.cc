#include <gtest/gtest.h>

#include <set>

#include "command_harness.h"
#include "shards/hash_value.h"

namespace flashdb {
namespace {

using test::CommandHarness;

constexpr std::string_view kFieldsMissing =
    "-ERR Mandatory argument FIELDS is missing or not at the right position\r\n";
constexpr std::string_view kFieldsMismatch =
    "-ERR The `numfields` parameter must match the number of arguments\r\n";

class HashesTest : public testing::Test {
 protected:
  HashesTest() : db_({HashCommands()}) {}
  std::string Run(std::string_view line) { return db_.Run(line); }
  void MakeString() { db_.keys().SetString(0, MakeKey("str"), "x", 0); }
  /// A hash that is a table: `count` fields f0.. with values v0..
  void MakeLarge(int count) {
    for (int i = 0; i < count; ++i) Run(fmt::format("hset big f{} v{}", i, i));
  }
  CommandHarness db_;
};

TEST_F(HashesTest, HSetCountsNewFields) {
  EXPECT_EQ(Run("HSET h a 1 b 2"), ":2\r\n");
  EXPECT_EQ(Run("hset h a 3 c 4"), ":1\r\n");
  EXPECT_EQ(Run("hset h d 1 d 2"), ":1\r\n");
  EXPECT_EQ(Run("hget h a"), "$1\r\n3\r\n");
  EXPECT_EQ(Run("hget h d"), "$1\r\n2\r\n");
  EXPECT_EQ(Run("hlen h"), ":4\r\n");
  EXPECT_EQ(Run("hmset h a 9"), "+OK\r\n");
}

TEST_F(HashesTest, AFieldWithoutAValueIsAWrongNumberOfArguments) {
  EXPECT_EQ(Run("hset h a 1 b"), "-ERR wrong number of arguments for 'hset' command\r\n");
  EXPECT_EQ(Run("hmset h a 1 b"), "-ERR wrong number of arguments for 'hmset' command\r\n");
  EXPECT_EQ(Run("hlen h"), ":0\r\n");
}

TEST_F(HashesTest, HSetNxLeavesAnExistingFieldAlone) {
  EXPECT_EQ(Run("hsetnx h a 1"), ":1\r\n");
  EXPECT_EQ(Run("hsetnx h a 2"), ":0\r\n");
  EXPECT_EQ(Run("hget h a"), "$1\r\n1\r\n");
}

TEST_F(HashesTest, ReadsOfAMissingHash) {
  EXPECT_EQ(Run("hget h a"), "$-1\r\n");
  EXPECT_EQ(Run("hmget h a b"), "*2\r\n$-1\r\n$-1\r\n");
  EXPECT_EQ(Run("hgetall h"), "*0\r\n");
  EXPECT_EQ(Run("hkeys h"), "*0\r\n");
  EXPECT_EQ(Run("hvals h"), "*0\r\n");
  EXPECT_EQ(Run("hlen h"), ":0\r\n");
  EXPECT_EQ(Run("hstrlen h a"), ":0\r\n");
  EXPECT_EQ(Run("hexists h a"), ":0\r\n");
  EXPECT_EQ(Run("hdel h a"), ":0\r\n");
  EXPECT_EQ(Run("hrandfield h"), "$-1\r\n");
  EXPECT_EQ(Run("hrandfield h 3"), "*0\r\n");
  EXPECT_EQ(Run("hscan h 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:-2\r\n");
  EXPECT_EQ(Run("hexpire h 10 fields 1 a"), "*1\r\n:-2\r\n");
  EXPECT_EQ(Run("hpersist h fields 2 a b"), "*2\r\n:-2\r\n:-2\r\n");
  EXPECT_EQ(Run("hgetdel h fields 1 a"), "*1\r\n$-1\r\n");
}

TEST_F(HashesTest, ReadsInResp3) {
  db_.set_protocol(3);
  Run("hset h a 1");
  EXPECT_EQ(Run("hgetall h"), "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("hgetall none"), "%0\r\n");
  EXPECT_EQ(Run("hget h b"), "_\r\n");
  EXPECT_EQ(Run("hmget h a b"), "*2\r\n$1\r\n1\r\n_\r\n");
  EXPECT_EQ(Run("hkeys h"), "*1\r\n$1\r\na\r\n");
  EXPECT_EQ(Run("hrandfield h 1 withvalues"), "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("hrandfield h -2 withvalues"),
            "*2\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("hrandfield none"), "_\r\n");
}

TEST_F(HashesTest, ReadsOfAHash) {
  Run("hset h a 1 bb 22");
  EXPECT_EQ(Run("hgetall h"), "*4\r\n$1\r\na\r\n$1\r\n1\r\n$2\r\nbb\r\n$2\r\n22\r\n");
  EXPECT_EQ(Run("hkeys h"), "*2\r\n$1\r\na\r\n$2\r\nbb\r\n");
  EXPECT_EQ(Run("hvals h"), "*2\r\n$1\r\n1\r\n$2\r\n22\r\n");
  EXPECT_EQ(Run("hstrlen h bb"), ":2\r\n");
  EXPECT_EQ(Run("hexists h bb"), ":1\r\n");
}

TEST_F(HashesTest, EveryCommandRefusesAString) {
  MakeString();
  for (std::string_view line : {"hset str a 1",
                                "hmset str a 1",
                                "hsetnx str a 1",
                                "hget str a",
                                "hmget str a",
                                "hgetall str",
                                "hkeys str",
                                "hvals str",
                                "hlen str",
                                "hstrlen str a",
                                "hexists str a",
                                "hdel str a",
                                "hgetdel str fields 1 a",
                                "hincrby str a 1",
                                "hincrbyfloat str a 1",
                                "hrandfield str",
                                "hrandfield str 1",
                                "hscan str 0",
                                "hexpire str 1 fields 1 a",
                                "hpexpire str 1 fields 1 a",
                                "hexpireat str 1 fields 1 a",
                                "hpexpireat str 1 fields 1 a",
                                "httl str fields 1 a",
                                "hpttl str fields 1 a",
                                "hexpiretime str fields 1 a",
                                "hpexpiretime str fields 1 a",
                                "hpersist str fields 1 a",
                                "hgetex str fields 1 a",
                                "hsetex str fields 1 a 1"}) {
    EXPECT_EQ(Run(line), "-" + std::string(kWrongType) + "\r\n") << line;
  }
}

TEST_F(HashesTest, HDelCountsAndRemovesTheEmptyHash) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hdel h a a none"), ":1\r\n");
  EXPECT_EQ(Run("hdel h b"), ":1\r\n");
  EXPECT_EQ(db_.keys().Size(0), 0u);
}

TEST_F(HashesTest, HGetDelTellsAndDeletes) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hgetdel h fields 3 a none a"), "*3\r\n$1\r\n1\r\n$-1\r\n$-1\r\n");
  EXPECT_EQ(Run("hgetdel h fields 1 b"), "*1\r\n$1\r\n2\r\n");
  EXPECT_EQ(db_.keys().Size(0), 0u);
  EXPECT_EQ(Run("hgetdel h fields 2 b"), kFieldsMismatch);
  EXPECT_EQ(Run("hgetdel h fields 0 b"), "-ERR Number of fields must be a positive integer\r\n");
  EXPECT_EQ(Run("hgetdel h field 1 b"), kFieldsMissing);
}

TEST_F(HashesTest, HIncrByAddsAndChecks) {
  EXPECT_EQ(Run("hincrby h n 5"), ":5\r\n");
  EXPECT_EQ(Run("hincrby h n -7"), ":-2\r\n");
  EXPECT_EQ(Run("hincrby h n x"), "-ERR value is not an integer or out of range\r\n");
  Run("hset h s abc m 9223372036854775807");
  EXPECT_EQ(Run("hincrby h s 1"), "-ERR hash value is not an integer\r\n");
  EXPECT_EQ(Run("hincrby h m 1"), "-ERR increment or decrement would overflow\r\n");
  EXPECT_EQ(Run("hget h m"), "$19\r\n9223372036854775807\r\n");
}

TEST_F(HashesTest, HIncrByFloatAddsAndChecks) {
  EXPECT_EQ(Run("hincrbyfloat h n 10.50"), "$4\r\n10.5\r\n");
  EXPECT_EQ(Run("hincrbyfloat h n 0.1"), "$4\r\n10.6\r\n");
  Run("hset h n 5.0e3");
  EXPECT_EQ(Run("hincrbyfloat h n 2.0e2"), "$4\r\n5200\r\n");
  EXPECT_EQ(Run("hincrbyfloat h n x"), "-ERR value is not a valid float\r\n");
  EXPECT_EQ(Run("hincrbyfloat h n inf"), "-ERR value is NaN or Infinity\r\n");
  Run("hset h s abc");
  EXPECT_EQ(Run("hincrbyfloat h s 1"), "-ERR hash value is not a float\r\n");
}

TEST_F(HashesTest, IncrementsKeepAFieldsExpiryAndSetDropsIt) {
  Run("hset h n 1");
  Run("hpexpire h 5000 fields 1 n");
  Run("hincrby h n 1");
  Run("hincrbyfloat h n 1");
  EXPECT_EQ(Run("hpttl h fields 1 n"), "*1\r\n:5000\r\n");
  Run("hset h n 1");
  EXPECT_EQ(Run("hpttl h fields 1 n"), "*1\r\n:-1\r\n");
}

TEST_F(HashesTest, HExpireSetsAndTellsTimes) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hexpire h 10 fields 2 a none"), "*2\r\n:1\r\n:-2\r\n");
  EXPECT_EQ(Run("httl h fields 3 a b none"), "*3\r\n:10\r\n:-1\r\n:-2\r\n");
  EXPECT_EQ(Run("hpttl h fields 1 a"), "*1\r\n:10000\r\n");
  EXPECT_EQ(Run("hexpiretime h fields 1 a"), "*1\r\n:1700000010\r\n");
  EXPECT_EQ(Run("hpexpiretime h fields 1 a"), "*1\r\n:1700000010000\r\n");
  db_.AdvanceMillis(1);
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:10\r\n");
  EXPECT_EQ(Run("hpersist h fields 3 a b none"), "*3\r\n:1\r\n:-1\r\n:-2\r\n");
  EXPECT_EQ(Run("hpexpireat h 1700000020001 fields 1 a"), "*1\r\n:1\r\n");
  EXPECT_EQ(Run("hpttl h fields 1 a"), "*1\r\n:20000\r\n");
  EXPECT_EQ(Run("hexpireat h 1700000030 fields 1 a"), "*1\r\n:1\r\n");
  EXPECT_EQ(Run("hpttl h fields 1 a"), "*1\r\n:29999\r\n");
}

TEST_F(HashesTest, HExpireConditions) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hexpire h 10 xx fields 1 a"), "*1\r\n:0\r\n");
  EXPECT_EQ(Run("hexpire h 10 gt fields 1 a"), "*1\r\n:0\r\n");
  EXPECT_EQ(Run("hexpire h 10 nx fields 2 a a"), "*2\r\n:1\r\n:0\r\n");
  EXPECT_EQ(Run("hexpire h 10 gt fields 1 a"), "*1\r\n:0\r\n");
  EXPECT_EQ(Run("hexpire h 11 gt fields 1 a"), "*1\r\n:1\r\n");
  EXPECT_EQ(Run("hexpire h 11 lt fields 1 a"), "*1\r\n:0\r\n");
  EXPECT_EQ(Run("hexpire h 9 LT fields 2 a b"), "*2\r\n:1\r\n:1\r\n");
  EXPECT_EQ(Run("hexpire h 8 XX fields 1 b"), "*1\r\n:1\r\n");
}

TEST_F(HashesTest, HExpireIntoThePastDeletes) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hexpire h 0 fields 2 a a"), "*2\r\n:2\r\n:-2\r\n");
  EXPECT_EQ(Run("hexpireat h 5 fields 2 b b"), "*2\r\n:2\r\n:-2\r\n");
  EXPECT_EQ(db_.keys().Size(0), 0u);
}

TEST_F(HashesTest, HExpireErrors) {
  Run("hset h a 1");
  EXPECT_EQ(Run("hexpire h x fields 1 a"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Run("hexpire h -1 fields 1 a"), "-ERR invalid expire time, must be >= 0\r\n");
  EXPECT_EQ(Run("hexpire h 70368744177664 fields 1 a"),
            "-ERR invalid expire time in 'hexpire' command\r\n");
  EXPECT_EQ(Run("hpexpire h 70368744177663 fields 1 a"),
            "-ERR invalid expire time in 'hpexpire' command\r\n");
  EXPECT_EQ(Run("hpexpireat h 70368744177663 fields 1 a"), "*1\r\n:1\r\n");
  EXPECT_EQ(Run("hexpire h 1 field 1 a"), kFieldsMissing);
  EXPECT_EQ(Run("hexpire h 1 nx field 1 a"), kFieldsMissing);
  EXPECT_EQ(Run("hexpire h 1 fields 0 a"),
            "-ERR Parameter `numFields` should be greater than 0\r\n");
  EXPECT_EQ(Run("hexpire h 1 fields 2 a"), kFieldsMismatch);
  EXPECT_EQ(Run("hexpire h 1 nx fields 1"), kFieldsMismatch);
  EXPECT_EQ(Run("httl h fields x a"), "-ERR Number of fields must be a positive integer\r\n");
  EXPECT_EQ(Run("hpersist h fields 2 a"), kFieldsMismatch);
}

TEST_F(HashesTest, ExpiredFieldsAreInvisible) {
  Run("hset h a 1 b 2");
  Run("hpexpire h 100 fields 1 a");
  db_.AdvanceMillis(100);
  EXPECT_EQ(Run("hget h a"), "$-1\r\n");
  EXPECT_EQ(Run("hgetall h"), "*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
  EXPECT_EQ(Run("hexists h a"), ":0\r\n");
  EXPECT_EQ(Run("hstrlen h a"), ":0\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:-2\r\n");
  EXPECT_EQ(Run("hrandfield h 5"), "*1\r\n$1\r\nb\r\n");
  EXPECT_EQ(Run("hscan h 0"), "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nb\r\n$1\r\n2\r\n");
  EXPECT_EQ(Run("hlen h"), ":2\r\n");
  EXPECT_EQ(Run("hexpire h 10 fields 1 a"), "*1\r\n:-2\r\n");
  EXPECT_EQ(Run("hincrby h a 5"), ":5\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:-1\r\n");
}

TEST_F(HashesTest, HRandFieldWithCounts) {
  MakeLarge(500);
  for (int count : {1, 10, 400, 500}) {
    const std::string reply = Run(fmt::format("hrandfield big {}", count));
    std::set<std::string> seen;
    for (size_t at = reply.find("f"); at != std::string::npos; at = reply.find("f", at + 1)) {
      seen.insert(reply.substr(at, reply.find("\r\n", at) - at));
    }
    EXPECT_EQ(seen.size(), static_cast<size_t>(count));
  }
  EXPECT_EQ(Run("hrandfield big 501").substr(0, 6), "*500\r\n");
  EXPECT_EQ(Run("hrandfield big -600").substr(0, 6), "*600\r\n");
  EXPECT_EQ(Run("hrandfield big 0"), "*0\r\n");
  Run("hset h a 1");
  EXPECT_EQ(Run("hrandfield h -2 WITHVALUES"),
            "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n1\r\n");
}

TEST_F(HashesTest, HRandFieldErrors) {
  EXPECT_EQ(Run("hrandfield h x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Run("hrandfield h 1 values"), "-ERR syntax error\r\n");
  EXPECT_EQ(Run("hrandfield h 1 withvalues x"), "-ERR syntax error\r\n");
  EXPECT_EQ(Run("hrandfield h -9223372036854770000 withvalues"), "-ERR value is out of range\r\n");
  EXPECT_EQ(Run("hrandfield h -9223372036854775808"),
            "-ERR value is out of range, value must between -9223372036854775807 and "
            "9223372036854775807\r\n");
}

TEST_F(HashesTest, HRandFieldRefusesRepliesBeyond512MiB) {
  constexpr std::string_view kRefusal = "-ERR value is out of range\r\n";
  const std::string mebibyte(1 << 20, 'x');
  Run("hset packed a 1");
  EXPECT_EQ(Run("hrandfield packed -16777217"), kRefusal);
  Run("hset large a " + mebibyte);
  MakeLarge(500);
  Run("hset big long " + mebibyte);
  EXPECT_EQ(Run("hrandfield large -512 withvalues"), kRefusal);
  EXPECT_EQ(Run("hrandfield big -500000 withvalues"), kRefusal);
  EXPECT_EQ(Run("hrandfield large -9223372036854775807"), kRefusal);
  // Long ones that are not too long.
  EXPECT_EQ(Run("hrandfield large -3 withvalues").size(),
            4 + 3 * (7 + std::string("$1048576\r\n\r\n").size() + mebibyte.size()));
  EXPECT_EQ(Run("hrandfield large -600").substr(0, 13), "*600\r\n$1\r\na\r\n");
  EXPECT_EQ(Run("hrandfield big -100000").substr(0, 9), "*100000\r\n");
}

TEST_F(HashesTest, HScanWalksALargeHash) {
  MakeLarge(300);
  std::set<std::string> seen;
  std::string cursor = "0";
  int calls = 0;
  do {
    const std::string reply = Run("hscan big " + cursor + " count 20 match f* novalues");
    const size_t start = reply.find("\r\n", 4) + 2;
    cursor = reply.substr(start, reply.find("\r\n", start) - start);
    for (size_t at = reply.find("f"); at != std::string::npos; at = reply.find("f", at + 1)) {
      seen.insert(reply.substr(at, reply.find("\r\n", at) - at));
    }
    EXPECT_EQ(reply.find("v"), std::string::npos);
  } while (cursor != "0" && ++calls < 1000);
  EXPECT_EQ(seen.size(), 300u);
  EXPECT_GT(calls, 2);
}

TEST_F(HashesTest, HScanOptions) {
  Run("hset h ab 1 b 2");
  EXPECT_EQ(Run("hscan h 0 match a* count 100"), "*2\r\n$1\r\n0\r\n*2\r\n$2\r\nab\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("hscan h 0 NOVALUES"), "*2\r\n$1\r\n0\r\n*2\r\n$2\r\nab\r\n$1\r\nb\r\n");
  EXPECT_EQ(Run("hscan h x"), "-ERR invalid cursor\r\n");
  EXPECT_EQ(Run("hscan h 0 count x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Run("hscan h 0 count 0"), "-ERR syntax error\r\n");
  EXPECT_EQ(Run("hscan h 0 match"), "-ERR syntax error\r\n");
}

TEST_F(HashesTest, HGetExTellsAndChangesExpiry) {
  Run("hset h a 1 b 2");
  EXPECT_EQ(Run("hgetex h ex 10 fields 2 a none"), "*2\r\n$1\r\n1\r\n$-1\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:10\r\n");
  EXPECT_EQ(Run("hgetex h fields 1 a"), "*1\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:10\r\n");
  EXPECT_EQ(Run("hgetex h persist fields 1 a"), "*1\r\n$1\r\n1\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:-1\r\n");
  EXPECT_EQ(Run("hgetex h pxat 1 fields 2 a b"), "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
  EXPECT_EQ(db_.keys().Size(0), 0u);
}

TEST_F(HashesTest, HSetExSetsAllOrNothing) {
  EXPECT_EQ(Run("hsetex h fxx fields 1 a 1"), ":0\r\n");
  EXPECT_EQ(Run("hsetex h fnx ex 10 fields 2 a 1 b 2"), ":1\r\n");
  EXPECT_EQ(Run("hsetex h fnx fields 2 b 3 c 3"), ":0\r\n");
  EXPECT_EQ(Run("hget h c"), "$-1\r\n");
  EXPECT_EQ(Run("httl h fields 2 a b"), "*2\r\n:10\r\n:10\r\n");
  EXPECT_EQ(Run("hsetex h fxx keepttl fields 1 a 5"), ":1\r\n");
  EXPECT_EQ(Run("httl h fields 1 a"), "*1\r\n:10\r\n");
  EXPECT_EQ(Run("hsetex h fields 1 a 6 px 20"), ":1\r\n");
  EXPECT_EQ(Run("hpttl h fields 1 a"), "*1\r\n:20\r\n");
  EXPECT_EQ(Run("hsetex h fields 1 a 7"), ":1\r\n");
  EXPECT_EQ(Run("hpttl h fields 1 a"), "*1\r\n:-1\r\n");
  EXPECT_EQ(Run("hsetex h exat 1 fields 2 a 1 b 1"), ":1\r\n");
  EXPECT_EQ(db_.keys().Size(0), 0u);
}

TEST_F(HashesTest, HSetExAndHGetExErrors) {
  EXPECT_EQ(Run("hsetex h fnx fxx fields 1 a 1"),
            "-ERR Only one of FXX or FNX arguments can be specified\r\n");
  EXPECT_EQ(Run("hsetex h ex 1 keepttl fields 1 a 1"),
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n");
  EXPECT_EQ(Run("hgetex h ex 1 persist fields 1 a"),
            "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified\r\n");
  EXPECT_EQ(Run("hsetex h bogus fields 1 a 1"), "-ERR unknown argument: bogus\r\n");
  EXPECT_EQ(Run("hgetex h fnx fields 1 a"), "-ERR unknown argument: fnx\r\n");
  EXPECT_EQ(Run("hsetex h fields 0 a 1"), "-ERR invalid number of fields\r\n");
  EXPECT_EQ(Run("hsetex h fields 2 a 1"),
            "-ERR wrong number of arguments for 'hsetex' command\r\n");
  EXPECT_EQ(Run("hgetex h fields 1 a ex"), "-ERR missing expire time\r\n");
  EXPECT_EQ(Run("hsetex h ex -1 fields 1 a 1"), "-ERR invalid expire time, must be >= 0\r\n");
  EXPECT_EQ(Run("hsetex h ex 70368744177664 fields 1 a 1"),
            "-ERR invalid expire time in 'hsetex' command\r\n");
  EXPECT_EQ(Run("hgetex h ex 1 px 2"),
            "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified\r\n");
  EXPECT_EQ(Run("hsetex h keepttl fnx ex 1"),
            "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified\r\n");
  EXPECT_EQ(Run("hsetex h fnx fnx ex 1"),
            "-ERR Only one of FXX or FNX arguments can be specified\r\n");
  EXPECT_EQ(Run("hsetex h fnx ex 100 keep"), "-ERR unknown argument: keep\r\n");
  EXPECT_EQ(Run("hsetex h fnx ex 100 fields"),
            "-ERR wrong number of arguments for 'hsetex' command\r\n");
  EXPECT_EQ(Run("hgetex h persist ex 1"),
            "-ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified\r\n");
  EXPECT_EQ(Run("hgetex h ex 1 fields 1 a fields 1 a"),
            "-ERR FIELDS keyword specified multiple times\r\n");
}

TEST_F(HashesTest, ReplayOfEveryCommandGivesTheSameHash) {
  for (std::string_view line :
       {"hset h a 1 b 2 c 3 d 4", "hincrby h a 1", "hpexpire h 500 fields 2 a b",
        "hincrbyfloat h a 0.5", "hdel h c", "hpersist h fields 1 b", "hgetdel h fields 1 d",
        "hsetex h px 700 fields 1 e 5", "hgetex h px 900 fields 1 b", "hset g x 1",
        "hexpire g 0 fields 1 x"}) {
    Run(line);
  }
  const std::string everything = Run("hgetall h") + Run("hpttl h fields 3 a b e");
  CommandHarness copy({HashCommands()});
  ASSERT_TRUE(copy.keys().Apply(db_.TakeEffects(), 1).ok());
  EXPECT_EQ(copy.Run("hgetall h") + copy.Run("hpttl h fields 3 a b e"), everything);
  EXPECT_EQ(copy.keys().Size(0), 1u);
}

TEST_F(HashesTest, ReadsLogNothing) {
  Run("hset h a 1");
  db_.TakeEffects();
  for (std::string_view line :
       {"hget h a", "hgetall h", "hsetnx h a 2", "hdel h none", "httl h fields 1 a",
        "hpersist h fields 1 a", "hgetex h fields 1 a", "hscan h 0", "hrandfield h 2"}) {
    Run(line);
    EXPECT_EQ(db_.TakeEffects(), "") << line;
  }
}

}  // namespace
}  // namespace flashdb
