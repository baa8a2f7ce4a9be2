// One check or more for each command of the string, generic and hash families, over two shards.
#include <gmock/gmock.h>

#include <algorithm>

#include "base/slots.h"
#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

// A row: a command line (words separated by spaces, '' is the empty word) and its reply as
// ToString shows it. Rows of a group run in order on an empty database.
struct Row {
  std::string_view command;
  std::string_view reply;
};

std::vector<std::string> Split(std::string_view line) {
  std::vector<std::string> words;
  while (!line.empty()) {
    const size_t end = line.find(' ');
    const std::string_view word = line.substr(0, end);
    words.emplace_back(word == "''" ? "" : word);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return words;
}

// Keys that belong to different ones of two shards.
constexpr std::string_view kLow = "b";   // slot 3300
constexpr std::string_view kHigh = "a";  // slot 15495

class CommandsTest : public ServerTest {
 protected:
  void Check(std::initializer_list<Row> rows) {
    for (const Row& row : rows) {
      EXPECT_EQ(ToString(client->Command(Split(row.command))), row.reply) << row.command;
    }
  }
};

TEST_F(CommandsTest, TheKeysUsedHereAreOnDifferentShards) {
  EXPECT_EQ(OwnerOf(SlotOf(kLow), 2), 0);
  EXPECT_EQ(OwnerOf(SlotOf(kHigh), 2), 1);
}

TEST_F(CommandsTest, Strings) {
  Check({
      {"SET a 1", "OK"},
      {"GET a", "\"1\""},
      {"GET none", "(nil)"},
      {"SET a 2 NX", "(nil)"},
      {"SET a 2 XX GET", "\"1\""},
      {"SET a 3 EX 100", "OK"},
      {"TTL a", "(integer) 100"},
      {"SET a 4 KEEPTTL", "OK"},
      {"TTL a", "(integer) 100"},
      {"SET a 4 EX 0", "(error) ERR invalid expire time in 'set' command"},
      {"SET a 4 EX 5 PX 5", "(error) ERR syntax error"},
      {"SETNX a 5", "(integer) 0"},
      {"SETNX b 5", "(integer) 1"},
      {"SETEX b 10 x", "OK"},
      {"PSETEX b 10000 x", "OK"},
      {"GETEX b PERSIST", "\"x\""},
      {"TTL b", "(integer) -1"},
      {"GETSET b y", "\"x\""},
      {"GETDEL b", "\"y\""},
      {"GET b", "(nil)"},
      {"APPEND b hello", "(integer) 5"},
      {"APPEND b ,world", "(integer) 11"},
      {"STRLEN b", "(integer) 11"},
      {"GETRANGE b -5 -1", "\"world\""},
      {"SUBSTR b 0 4", "\"hello\""},
      {"SETRANGE b 6 W", "(integer) 11"},
      {"GET b", "\"hello,World\""},
      {"SETRANGE c 2 x", "(integer) 3"},
      {"GET c", "\"\\x00\\x00x\""},
  });
}

TEST_F(CommandsTest, Numbers) {
  Check({
      {"INCR n", "(integer) 1"},
      {"INCRBY n 41", "(integer) 42"},
      {"DECR n", "(integer) 41"},
      {"DECRBY n 1", "(integer) 40"},
      {"INCRBYFLOAT n 2.5", "\"42.5\""},
      {"INCR n", "(error) ERR value is not an integer or out of range"},
      {"INCRBYFLOAT n x", "(error) ERR value is not a valid float"},
      {"SET m 9223372036854775807", "OK"},
      {"INCR m", "(error) ERR increment or decrement would overflow"},
      {"DECRBY n -9223372036854775808", "(error) ERR decrement would overflow"},
  });
}

TEST_F(CommandsTest, StringsOfSeveralKeys) {
  Check({
      {"MSET a 1 b 2 c 3", "OK"},
      {"MGET c none a b", "[\"3\", (nil), \"1\", \"2\"]"},
      {"MSETNX a x d y", "(integer) 0"},
      {"GET d", "(nil)"},
      {"MSETNX d 4 e 5", "(integer) 1"},
      {"MGET d e", "[\"4\", \"5\"]"},
      {"MSET a", "(error) ERR wrong number of arguments for 'mset' command"},
      {"MSET a 1 b", "(error) ERR wrong number of arguments for 'mset' command"},
      {"SET a ohmytext", "OK"},
      {"SET b mynewtext", "OK"},
      {"LCS a b", "\"mytext\""},
      {"LCS a b LEN", "(integer) 6"},
  });
}

TEST_F(CommandsTest, KeysAndTheirTypes) {
  Check({
      {"MSET a 1 b 2", "OK"},
      {"HSET h f v", "(integer) 1"},
      {"EXISTS a b none a", "(integer) 3"},
      {"TYPE a", "string"},
      {"TYPE h", "hash"},
      {"TYPE none", "none"},
      {"TOUCH a b none", "(integer) 2"},
      {"DBSIZE", "(integer) 3"},
      {"DEL a b none", "(integer) 2"},
      {"UNLINK h", "(integer) 1"},
      {"DBSIZE", "(integer) 0"},
      {"RANDOMKEY", "(nil)"},
      {"SET only 1", "OK"},
      {"RANDOMKEY", "\"only\""},
      {"KEYS o*", "[\"only\"]"},
      {"KEYS x*", "[]"},
      {"OBJECT ENCODING only", "\"int\""},
      {"OBJECT REFCOUNT only", "(integer) 1"},
      {"OBJECT ENCODING none", "(nil)"},
      {"GET a b", "(error) ERR wrong number of arguments for 'get' command"},
  });
}

TEST_F(CommandsTest, RenameCopyAndMoveOverShards) {
  Check({
      {"SET a 1 EX 100", "OK"},
      {"RENAME a b", "OK"},
      {"GET a", "(nil)"},
      {"GET b", "\"1\""},
      {"TTL b", "(integer) 100"},
      {"RENAME none b", "(error) ERR no such key"},
      {"SET a 2", "OK"},
      {"RENAMENX a b", "(integer) 0"},
      {"RENAMENX a c", "(integer) 1"},
      {"COPY c b", "(integer) 0"},
      {"COPY c b REPLACE", "(integer) 1"},
      {"MGET b c", "[\"2\", \"2\"]"},
      {"TTL b", "(integer) -1"},
      {"HSET h f v", "(integer) 1"},
      {"COPY h a", "(integer) 1"},
      {"HGET a f", "\"v\""},
      {"COPY h h2 DB 3", "(integer) 1"},
      {"MOVE h 3", "(integer) 1"},
      {"MOVE none 3", "(integer) 0"},
      {"SELECT 3", "OK"},
      {"HGET h f", "\"v\""},
      {"HGET h2 f", "\"v\""},
      {"SELECT 16", "(error) ERR DB index is out of range"},
      {"SWAPDB 0 3", "OK"},
      {"GET c", "\"2\""},
      {"FLUSHDB", "OK"},
      {"DBSIZE", "(integer) 0"},
      {"SELECT 0", "OK"},
      {"DBSIZE", "(integer) 2"},
      {"FLUSHALL", "OK"},
      {"DBSIZE", "(integer) 0"},
  });
}

TEST_F(CommandsTest, Expiry) {
  Check({
      {"SET a 1", "OK"},
      {"TTL a", "(integer) -1"},
      {"TTL none", "(integer) -2"},
      {"EXPIRE a 100", "(integer) 1"},
      {"EXPIRE a 200 NX", "(integer) 0"},
      {"EXPIRE a 50 GT", "(integer) 0"},
      {"EXPIRE a 50 LT", "(integer) 1"},
      {"EXPIRE a 60 XX", "(integer) 1"},
      {"EXPIRE a 60 NX GT",
       "(error) ERR NX and XX, GT or LT options at the same time are not "
       "compatible"},
      {"EXPIREAT a 4102444800", "(integer) 1"},
      {"EXPIRETIME a", "(integer) 4102444800"},
      {"PEXPIRETIME a", "(integer) 4102444800000"},
      {"PEXPIREAT a 4102444800123", "(integer) 1"},
      {"PEXPIRETIME a", "(integer) 4102444800123"},
      {"PERSIST a", "(integer) 1"},
      {"PERSIST a", "(integer) 0"},
      {"PEXPIRE a 100000", "(integer) 1"},
      {"EXPIRE a -1", "(integer) 1"},
      {"EXISTS a", "(integer) 0"},
      {"EXPIRE none 10", "(integer) 0"},
  });
}

TEST_F(CommandsTest, BitFields) {
  Check({
      {"BITFIELD b SET u8 #1 200 INCRBY u8 #1 100 OVERFLOW SAT INCRBY u8 #1 300",
       "[(integer) 0, (integer) 44, (integer) 255]"},
      {"BITFIELD b OVERFLOW FAIL INCRBY u8 #1 1 GET i8 8", "[(nil), (integer) -1]"},
      {"BITFIELD_RO b GET u16 0", "[(integer) 255]"},
      {"BITFIELD_RO b SET u8 0 1", "(error) ERR BITFIELD_RO only supports the GET subcommand"},
  });
}

TEST_F(CommandsTest, ACopyOfAKeyAndItsTimeOfUse) {
  Check({
      {"SET a 1", "OK"},
      {"BITOP NOT b a", "(integer) 1"},
      {"MSETNX a 1 b 2", "(integer) 0"},
      {"CLIENT NO-TOUCH ON", "OK"},
      {"COPY a {a}2", "(integer) 1"},
      {"RENAME a {a}3", "OK"},
      {"RENAME {a}3 c", "OK"},
      {"OBJECT IDLETIME c", "(integer) 0"},
      {"MGET {a}2 c a", "[\"1\", \"1\", (nil)]"},
  });
}

TEST_F(CommandsTest, DebugMakesKeysAndTellsDigests) {
  const std::string nothing(40, '0');
  const auto digest = [this] { return client->Command({"DEBUG", "DIGEST"}).str; };
  EXPECT_EQ(digest(), nothing);
  Check({
      {"DEBUG POPULATE 1000", "OK"},
      {"DBSIZE", "(integer) 1000"},
      {"GET key:999", "\"value:999\""},
      {"SET key:7 mine", "OK"},
      {"DEBUG POPULATE 1001 key 20", "OK"},
      {"GET key:7", "\"mine\""},
      {"GET key:1000", "\"value:1000\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\""},
      {"DEBUG POPULATE x", "(error) ERR value is not an integer or out of range"},
      {"DEBUG POPULATE -1", "(error) ERR value is out of range, must be positive"},
      {"HSET h a 1 b 2", "(integer) 2"},
      {"HSET h2 b 2 a 1", "(integer) 2"},
  });
  const std::string before = digest();
  EXPECT_EQ(before.size(), 40u);
  EXPECT_NE(before, nothing);
  const Reply values = client->Command({"DEBUG", "DIGEST-VALUE", "h", "h2", "key:7", "none"});
  ASSERT_EQ(values.elements.size(), 4u) << ToString(values);
  EXPECT_EQ(values.elements[0], values.elements[1]);
  EXPECT_NE(values.elements[0], values.elements[2]);
  EXPECT_EQ(values.elements[3].str, nothing);
  client->Command({"SET", "key:8", "other"});
  EXPECT_NE(digest(), before);
  client->Command({"SET", "key:8", "value:8"});
  EXPECT_EQ(digest(), before);
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_EQ(digest(), before);
}

TEST_F(CommandsTest, KeysNamesEveryKeyOnceInShortTurns) {
  ASSERT_TRUE(client->Command({"DEBUG", "POPULATE", "100000"}).ok());
  const Reply all = client->Command({"KEYS", "*"});
  std::vector<std::string> names;
  for (const Reply& key : all.elements) names.push_back(key.str);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names.size(), 100000u);
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_EQ(client->Command({"KEYS", "key:9999?"}).elements.size(), 10u);
}

TEST_F(CommandsTest, Hashes) {
  Check({
      {"HSET h a 1 b 2", "(integer) 2"},
      {"HSET h a 1 c 3", "(integer) 1"},
      {"HSETNX h a 9", "(integer) 0"},
      {"HMSET h d 4", "OK"},
      {"HGET h a", "\"1\""},
      {"HMGET h d none a", "[\"4\", (nil), \"1\"]"},
      {"HLEN h", "(integer) 4"},
      {"HEXISTS h a", "(integer) 1"},
      {"HSTRLEN h a", "(integer) 1"},
      {"HINCRBY h a 9", "(integer) 10"},
      {"HINCRBYFLOAT h a 0.5", "\"10.5\""},
      {"HINCRBY h a 1", "(error) ERR hash value is not an integer"},
      {"HDEL h a b none", "(integer) 2"},
      {"HGETALL h", "[\"c\", \"3\", \"d\", \"4\"]"},
      {"HKEYS h", "[\"c\", \"d\"]"},
      {"HVALS h", "[\"3\", \"4\"]"},
      {"HSCAN h 0", "[\"0\", [\"c\", \"3\", \"d\", \"4\"]]"},
      {"HDEL h c", "(integer) 1"},
      {"HRANDFIELD h", "\"d\""},
      {"HRANDFIELD h 2 WITHVALUES", "[\"d\", \"4\"]"},
      {"HDEL h d", "(integer) 1"},
      {"EXISTS h", "(integer) 0"},
      {"HSET h a", "(error) ERR wrong number of arguments for 'hset' command"},
      {"SET s x", "OK"},
      {"HGET s f", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"HSET t f v", "(integer) 1"},
      {"INCR t", "(error) WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(CommandsTest, HashFieldExpiry) {
  Check({
      {"HSET h a 1 b 2", "(integer) 2"},
      {"HEXPIRE h 100 FIELDS 2 a none", "[(integer) 1, (integer) -2]"},
      {"HTTL h FIELDS 3 a b none", "[(integer) 100, (integer) -1, (integer) -2]"},
      {"HPEXPIRE h 200000 GT FIELDS 1 a", "[(integer) 1]"},
      {"HEXPIREAT h 4102444800 FIELDS 1 a", "[(integer) 1]"},
      {"HEXPIRETIME h FIELDS 1 a", "[(integer) 4102444800]"},
      {"HPEXPIREAT h 4102444800123 FIELDS 1 a", "[(integer) 1]"},
      {"HPEXPIRETIME h FIELDS 1 a", "[(integer) 4102444800123]"},
      {"OBJECT ENCODING h", "\"listpackex\""},
      {"HPERSIST h FIELDS 2 a b", "[(integer) 1, (integer) -1]"},
      {"HEXPIRE h 0 FIELDS 1 a", "[(integer) 2]"},
      {"HKEYS h", "[\"b\"]"},
      {"HPTTL none FIELDS 1 a", "[(integer) -2]"},
      {"HSET small a 1 b 2", "(integer) 2"},
      {"OBJECT ENCODING small", "\"listpack\""},
      {"CONFIG SET hash-max-listpack-entries 2", "OK"},
      {"HSET small b 3", "(integer) 0"},
      {"OBJECT ENCODING small", "\"listpack\""},
      {"HSET small c 3", "(integer) 1"},
      {"OBJECT ENCODING small", "\"hashtable\""},
      {"CONFIG SET hash-max-listpack-value 4", "OK"},
      {"HSET short a 1234", "(integer) 1"},
      {"OBJECT ENCODING short", "\"listpack\""},
      {"HSET short a 12345", "(integer) 0"},
      {"OBJECT ENCODING short", "\"hashtable\""},
  });
}

TEST_F(CommandsTest, ConnectionAndServer) {
  Check({
      {"PING", "PONG"},
      {"PING hi", "\"hi\""},
      {"ECHO hi", "\"hi\""},
      {"CLIENT SETNAME me", "OK"},
      {"CLIENT GETNAME", "\"me\""},
      {"AUTH x",
       "(error) ERR AUTH <password> called without any password configured for the "
       "default user. Are you sure your configuration is correct?"},
      {"CONFIG GET databases", "[\"databases\", \"16\"]"},
      {"CLUSTER KEYSLOT a", "(integer) 15495"},
      {"COMMAND GETKEYS MSET a 1 b 2", "[\"a\", \"b\"]"},
      {"SLOWLOG RESET", "OK"},
      {"MULTI", "OK"},
      {"SET a 1", "QUEUED"},
      {"DISCARD", "OK"},
      {"GET a", "(nil)"},
      {"EXEC", "(error) ERR EXEC without MULTI"},
      {"RESET", "RESET"},
      {"CLIENT GETNAME", "(nil)"},
  });
}

TEST_F(CommandsTest, ScanMeetsEveryKeyOnAllShards) {
  std::vector<std::vector<std::string>> writes;
  for (int i = 0; i < 2000; ++i) writes.push_back({"SET", fmt::format("key:{}", i), "v"});
  for (const Reply& reply : client->Pipeline(writes)) ASSERT_TRUE(reply.ok());
  std::vector<std::string> seen;
  std::string cursor = "0";
  do {
    const Reply page = client->Command({"SCAN", cursor, "MATCH", "key:*", "COUNT", "100"});
    ASSERT_EQ(page.elements.size(), 2u) << ToString(page);
    cursor = page.elements[0].str;
    for (const Reply& key : page.elements[1].elements) seen.push_back(key.str);
  } while (cursor != "0");
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  EXPECT_EQ(seen.size(), 2000u);
}

TEST_F(CommandsTest, EveryCommandOfTheTableIsDescribedAndCounted) {
  const Reply count = client->Command({"COMMAND", "COUNT"});
  const Reply all = client->Command({"COMMAND"});
  EXPECT_GT(count.integer, 100);
  EXPECT_EQ(all.elements.size(), static_cast<size_t>(count.integer));
}

}  // namespace
}  // namespace flashdb::e2e
