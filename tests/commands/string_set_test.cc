// GET and SET with their relatives.
#include <gtest/gtest.h>

#include "tests/commands/string_fixture.h"

namespace flashdb {
namespace {

using StringSetTest = StringFixture;

TEST_F(StringSetTest, SetReplacesAnyValueAndItsExpiry) {
  Expect({
      {"GET k", "$-1"},
      {"SET k v", "+OK"},
      {"GET k", "$1 v"},
      {"SET k 12345", "+OK"},
      {"GET k", "$5 12345"},
      {"SET k '' PX 5000", "+OK"},
      {"GET k", "$0 "},
      {"@ttl k", ":5000"},
      {"SET k v", "+OK"},
      {"@ttl k", ":-1"},
      {"@hash h", ":1"},
      {"SET h v", "+OK"},
      {"GET h", "$1 v"},
  });
}

TEST_F(StringSetTest, KeysAndValuesMayHoldAnyBytes) {
  Expect({
      {R"(SET "\x00k\r\n" "\xff\x00\r\n$5\r\n")", "+OK"},
      {R"(STRLEN "\x00k\r\n")", ":8"},
      {R"(GETRANGE "\x00k\r\n" 4 5)", "$2 $5"},
      {R"(APPEND "\x00k\r\n" "\x00")", ":9"},
      {R"(GET "\x00k")", "$-1"},
      {R"(SET "" empty)", "+OK"},
      {R"(GET "")", "$5 empty"},
  });
}

TEST_F(StringSetTest, LongValuesReadBackAsTheyWere) {
  for (size_t size : {4095, 4096, 4097, 100'000}) {
    std::string value(size, 'x');
    value[size / 2] = '\0';
    EXPECT_EQ(Run({"SET", "k", value}), "+OK\r\n");
    EXPECT_EQ(Run({"GET", "k"}), "$" + std::to_string(size) + "\r\n" + value + "\r\n");
    EXPECT_EQ(Run({"STRLEN", "k"}), ":" + std::to_string(size) + "\r\n");
  }
}

TEST_F(StringSetTest, NxAndXxAreConditions) {
  Expect({
      {"SET k a XX", "$-1"},
      {"GET k", "$-1"},
      {"SET k a NX", "+OK"},
      {"SET k c xx nosuch", "-ERR syntax error"},
      {"SET k b XX", "+OK"},
      {"GET k", "$1 b"},
      {"SET other 1 NX NX", "+OK"},
      {"@hash h", ":1"},
      {"SET h b XX", "+OK"},
  });
  ExpectRefusals({
      {"SET k c NX", "$-1"},
      {"SET k c nx PX 100", "$-1"},
      {"SET none c XX PX 100", "$-1"},
  });
}

TEST_F(StringSetTest, GetReturnsTheOldValueWhetherOrNotItSets) {
  Expect({
      {"SET k a GET", "$-1"},
      {"SET k b GET", "$1 a"},
      {"SET k c GET XX GET", "$1 b"},
      {"SET new d NX GET", "$-1"},
      {"GET new", "$1 d"},
      {"SET k e PX 700 GET", "$1 c"},
      {"@ttl k", ":700"},
      {"SET k f GET KEEPTTL", "$1 e"},
      {"@ttl k", ":700"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"SET k x NX GET", "$1 f"},
      {"SET none x XX GET", "$-1"},
      {"SET h x GET", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"SET h x GET NX", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringSetTest, EveryExpiryFormSetsAnAbsoluteTime) {
  Expect({
      {"SET k v EX 10", "+OK"},
      {"@ttl k", ":10000"},
      {"SET k v PX 1500", "+OK"},
      {"@ttl k", ":1500"},
      {"SET k v EXAT @s+100", "+OK"},
      {"@ttl k", ":100000"},
      {"SET k v pxat @ms+2500", "+OK"},
      {"@ttl k", ":2500"},
      {"SET k v PX 9 PX 3000", "+OK"},
      {"@ttl k", ":3000"},
      {"SET k w KEEPTTL KEEPTTL", "+OK"},
      {"@ttl k", ":3000"},
      {"SET fresh w KEEPTTL", "+OK"},
      {"@ttl fresh", ":-1"},
      {"SETEX k 7 x", "+OK"},
      {"@ttl k", ":7000"},
      {"PSETEX k 7 x", "+OK"},
      {"@ttl k", ":7"},
  });
}

TEST_F(StringSetTest, KeepTtlKeepsTheExpiryOfAnyType) {
  Expect({
      {"@hash h", ":1"},
      {"@expire h 4000", ":1"},
      {"SET h v KEEPTTL", "+OK"},
      {"GET h", "$1 v"},
      {"@ttl h", ":4000"},
  });
}

TEST_F(StringSetTest, AnExpiredKeyIsAsIfItWereNotThere) {
  Expect({
      {"SET k v PX 100", "+OK"}, {"@advance 99", ""},  {"GET k", "$1 v"},
      {"@advance 2", ""},        {"GET k", "$-1"},     {"SET k w XX", "$-1"},
      {"SET k w NX", "+OK"},     {"@ttl k", ":-1"},    {"SET k 5 PX 100", "+OK"},
      {"@advance 101", ""},      {"INCR k", ":1"},     {"@ttl k", ":-1"},
      {"SET k 5 PX 100", "+OK"}, {"@advance 101", ""}, {"APPEND k 7", ":1"},
      {"SET k 5 PX 100", "+OK"}, {"@advance 101", ""}, {"SET k new KEEPTTL GET", "$-1"},
      {"@ttl k", ":-1"},
  });
}

TEST_F(StringSetTest, AnExpiryInThePastRemovesTheKey) {
  Expect({
      {"SET k v EXAT 1", "+OK"},
      {"GET k", "$-1"},
      {"SET k v", "+OK"},
      {"SET k w PXAT @ms-1 GET", "$1 v"},
      {"GET k", "$-1"},
      {"SET k v", "+OK"},
      {"SET k w XX PXAT 1", "+OK"},
      {"GET k", "$-1"},
      {"@ttl k", ":-2"},
  });
}

TEST_F(StringSetTest, ContradictingOptionsAreSyntaxErrors) {
  Expect({{"SET k v", "+OK"}});
  ExpectRefusals({
      {"SET k w NX XX", "-ERR syntax error"},
      {"SET k w XX NX", "-ERR syntax error"},
      {"SET k w EX 1 PX 1", "-ERR syntax error"},
      {"SET k w PX 1 EX 1", "-ERR syntax error"},
      {"SET k w EXAT 1 PXAT 1", "-ERR syntax error"},
      {"SET k w PXAT 1 EXAT 1", "-ERR syntax error"},
      {"SET k w EX 1 KEEPTTL", "-ERR syntax error"},
      {"SET k w KEEPTTL EX 1", "-ERR syntax error"},
      {"SET k w KEEPTTL PX 1", "-ERR syntax error"},
      {"SET k w KEEPTTL EXAT 1", "-ERR syntax error"},
      {"SET k w KEEPTTL PXAT 1", "-ERR syntax error"},
      {"SET k w EX", "-ERR syntax error"},
      {"SET k w PX", "-ERR syntax error"},
      {"SET k w EXAT", "-ERR syntax error"},
      {"SET k w PXAT", "-ERR syntax error"},
      {"SET k w NX EX", "-ERR syntax error"},
      {"SET k w PERSIST", "-ERR syntax error"},
      {"SET k w NOSUCH", "-ERR syntax error"},
      {"SET k w ''", "-ERR syntax error"},
      {"SET k w EX 0 NX XX", "-ERR syntax error"},
  });
}

TEST_F(StringSetTest, BadExpiriesAreRefusedByTheNameOfTheCommand) {
  Expect({{"SET k v", "+OK"}, {"@hash h", ":1"}});
  ExpectRefusals({
      {"SET k w EX 0", "-ERR invalid expire time in 'set' command"},
      {"set k w PX -1", "-ERR invalid expire time in 'set' command"},
      {"SET k w EXAT 0", "-ERR invalid expire time in 'set' command"},
      {"SET k w PXAT -5", "-ERR invalid expire time in 'set' command"},
      {"SET k w EX 9223372036854775", "-ERR invalid expire time in 'set' command"},
      {"SET k w EX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
      {"SET k w PX 9223372036854775807", "-ERR invalid expire time in 'set' command"},
      {"SET k w EXAT 9223372036854775807", "-ERR invalid expire time in 'set' command"},
      {"SET k w EX ten", "-ERR value is not an integer or out of range"},
      {"SET k w PX 1.5", "-ERR value is not an integer or out of range"},
      {"SET k w EXAT ' 1'", "-ERR value is not an integer or out of range"},
      {"SET k w PXAT 9223372036854775808", "-ERR value is not an integer or out of range"},
      {"SET h w GET EX 0", "-ERR invalid expire time in 'set' command"},
      {"SETEX k 0 w", "-ERR invalid expire time in 'setex' command"},
      {"SETEX k -1 w", "-ERR invalid expire time in 'setex' command"},
      {"SETEX k x w", "-ERR value is not an integer or out of range"},
      {"PSETEX k 0 w", "-ERR invalid expire time in 'psetex' command"},
      {"PSETEX k 9223372036854775807 w", "-ERR invalid expire time in 'psetex' command"},
      {"PSETEX k '' w", "-ERR value is not an integer or out of range"},
      {"GETEX k EX 0", "-ERR invalid expire time in 'getex' command"},
      {"GETEX k PXAT -1", "-ERR invalid expire time in 'getex' command"},
      {"GETEX k EX x", "-ERR value is not an integer or out of range"},
  });
}

TEST_F(StringSetTest, SetNxSetsOnlyMissingKeys) {
  Expect({{"SETNX k a", ":1"}, {"GET k", "$1 a"}, {"@hash h", ":1"}});
  ExpectRefusals({{"SETNX k b", ":0"}, {"SETNX h b", ":0"}});
}

TEST_F(StringSetTest, GetSetReplacesAndDropsTheExpiry) {
  Expect({
      {"GETSET k a", "$-1"},
      {"SET k a PX 900", "+OK"},
      {"GETSET k b", "$1 a"},
      {"@ttl k", ":-1"},
      {"@hash h", ":1"},
  });
  ExpectRefusals(
      {{"GETSET h a", "-WRONGTYPE Operation against a key holding the wrong kind of value"}});
}

TEST_F(StringSetTest, GetDelReturnsAndDeletes) {
  Expect({
      {"SET k a", "+OK"},
      {"GETDEL k", "$1 a"},
      {"GET k", "$-1"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"GETDEL k", "$-1"},
      {"GETDEL h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"GET h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringSetTest, GetExChangesTheExpiry) {
  Expect({
      {"SET k v", "+OK"},
      {"GETEX k EX 10", "$1 v"},
      {"@ttl k", ":10000"},
      {"GETEX k PX 900", "$1 v"},
      {"@ttl k", ":900"},
      {"GETEX k EXAT @s+20", "$1 v"},
      {"@ttl k", ":20000"},
      {"GETEX k pxat @ms+30", "$1 v"},
      {"@ttl k", ":30"},
      {"GETEX k", "$1 v"},
      {"@ttl k", ":30"},
      {"GETEX k PERSIST PERSIST", "$1 v"},
      {"@ttl k", ":-1"},
      {"GETEX k PXAT 1", "$1 v"},
      {"GET k", "$-1"},
  });
}

TEST_F(StringSetTest, GetExRefusesWhatItDoesNotKnow) {
  Expect({{"SET k v", "+OK"}, {"@hash h", ":1"}});
  ExpectRefusals({
      {"GETEX k PERSIST", "$1 v"},
      {"GETEX k", "$1 v"},
      {"GETEX none EX 0", "$-1"},
      {"GETEX none PERSIST", "$-1"},
      {"GETEX h EX 0", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"GETEX none EX", "-ERR syntax error"},
      {"GETEX k PERSIST EX 10", "-ERR syntax error"},
      {"GETEX k EX 10 PERSIST", "-ERR syntax error"},
      {"GETEX k EX 10 PX 10", "-ERR syntax error"},
      {"GETEX k PXAT 10 EXAT 10", "-ERR syntax error"},
      {"GETEX k KEEPTTL", "-ERR syntax error"},
      {"GETEX k NX", "-ERR syntax error"},
      {"GETEX k GET", "-ERR syntax error"},
      {"GETEX k NOSUCH", "-ERR syntax error"},
  });
}

TEST_F(StringSetTest, MGetRepliesNullForWhatIsNoString) {
  Expect({
      {"MSET {t}a 1 {t}b 2 {t}a 3", "+OK"},
      {"@hash {t}h", ":1"},
      {"MGET {t}a {t}h {t}none {t}b {t}a", "*5 $1 3 $-1 $-1 $1 2 $1 3"},
      {"MGET {t}b", "*1 $1 2"},
  });
}

TEST_F(StringSetTest, MSetReplacesTypesAndExpiries) {
  Expect({
      {"SET {t}k v PX 100", "+OK"},
      {"@hash {t}h", ":1"},
      {"MSET {t}k a {t}h b", "+OK"},
      {"@ttl {t}k", ":-1"},
      {"GET {t}h", "$1 b"},
  });
  ExpectRefusals({
      {"MSET {t}k a {t}h", "-ERR wrong number of arguments for 'mset' command"},
      {"MSET {t}k a {t}h b {t}z", "-ERR wrong number of arguments for 'mset' command"},
  });
}

TEST_F(StringSetTest, ManyKeysKeepTheirPlaces) {
  std::vector<std::string> set{"MSET"};
  std::vector<std::string> get{"MGET"};
  std::string expected = "*100\r\n";
  for (int i = 0; i < 100; ++i) {
    set.insert(set.end(), {"{t}" + std::to_string(i), std::to_string(1000 + i)});
    get.push_back("{t}" + std::to_string(i));
    expected += "$4\r\n" + std::to_string(1000 + i) + "\r\n";
  }
  EXPECT_EQ(Run(set), "+OK\r\n");
  EXPECT_EQ(Run(get), expected);
}

TEST_F(StringSetTest, MSetNxSetsAllOrNone) {
  Expect({
      {"MSETNX a 1 b 2 c 3 a 4", ":1"},
      {"GET a", "$1 4"},
      {"GET b", "$1 2"},
      {"@hash h", ":1"},
      {"SET gone x PX 10", "+OK"},
      {"@advance 11", ""},
      {"MSETNX gone 1", ":1"},
      {"@ttl gone", ":-1"},
  });
  ExpectRefusals({
      {"MSETNX x 1 y 2 c 3", ":0"},
      {"MSETNX c 3 x 1", ":0"},
      {"MSETNX x 1 h 2", ":0"},
      {"GET x", "$-1"},
      {"MSETNX x 1 y", "-ERR wrong number of arguments for 'msetnx' command"},
  });
}

TEST_F(StringSetTest, Resp3SaysNullInItsOwnWay) {
  Expect({
      {"@resp3", ""},
      {"GET none", "_"},
      {"SET none v XX", "_"},
      {"SET {t}k v GET", "_"},
      {"GETDEL none", "_"},
      {"GETEX none", "_"},
      {"MGET {t}k {t}none", "*2 $1 v _"},
  });
}

}  // namespace
}  // namespace flashdb
