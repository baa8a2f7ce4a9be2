// The table's rows, and the commands on single keys and their expiry.
#include <set>
#include <string>

#include "base/numbers.h"
#include "tests/commands/generic_fixture.h"

namespace flashdb {
namespace {

class GenericTableTest : public GenericFixture {};
class GenericKeysTest : public GenericFixture {};
class GenericExpiryTest : public GenericFixture {};

TEST_F(GenericTableTest, EveryRowHasOneHandlerOfItsKindAndADoc) {
  std::set<std::string_view> names;
  for (const Command& row : GenericCommands()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(ToLower(row.name), row.name);
    EXPECT_FALSE(row.doc.summary.empty()) << row.name;
    EXPECT_FALSE(row.doc.since.empty()) << row.name;
    EXPECT_FALSE(row.acl_categories.empty()) << row.name;
    bool container = row.name == "object" || row.name == "memory";
    int handlers = (row.local != nullptr) + (row.transaction != nullptr) + (row.session != nullptr);
    EXPECT_EQ(handlers, container ? 0 : 1) << row.name;
    EXPECT_EQ(row.merge == Merge::kSum, row.kind == CommandKind::kSpread) << row.name;
  }
}

TEST_F(GenericTableTest, WritesAndReadsExcludeEachOther) {
  for (const Command& row : GenericCommands()) {
    EXPECT_FALSE(row.has(kWrite) && row.has(kReadOnly)) << row.name;
    if (row.has(kAllSlots)) {
      EXPECT_EQ(row.kind, CommandKind::kTransaction) << row.name;
      EXPECT_EQ(row.keys.first, 0) << row.name;
    }
  }
}

TEST_F(GenericTableTest, SubcommandsHaveTheirKeyAfterTheSubcommand) {
  std::string_view args[] = {"OBJECT", "Encoding", "k"};
  const Command* row = FindGenericRow(args);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->name, "object|encoding");
  EXPECT_EQ(row->keys.first, 2);
  EXPECT_EQ(row->keys.last, 2);
}

TEST_F(GenericKeysTest, DelCountsOnlyKeysThatWereThere) {
  Set("foo", "1");
  Set("bar", "2");
  SetHash("hello", "f", "v");
  EXPECT_EQ(Say("DEL foo bar hello nope foo"), ":3\r\n");
  EXPECT_EQ(Get("foo"), "(none)");
  EXPECT_EQ(Say("UNLINK foo"), ":0\r\n");
}

TEST_F(GenericKeysTest, DelDoesNotCountAnExpiredKey) {
  Set("foo", "1", kNow + 10);
  Advance(10);
  EXPECT_EQ(Say("DEL foo"), ":0\r\n");
}

TEST_F(GenericKeysTest, ExistsCountsARepeatedKeyEachTime) {
  Set("foo", "1");
  EXPECT_EQ(Say("EXISTS foo foo bar"), ":2\r\n");
}

TEST_F(GenericKeysTest, ExistsCountsHitsButLeavesTheAccessTimeAlone) {
  Set("foo", "1");
  Advance(5000);
  uint64_t hits = high_.stats().hits;
  EXPECT_EQ(Say("EXISTS foo"), ":1\r\n");
  EXPECT_EQ(high_.stats().hits, hits + 1);
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":5\r\n");
}

TEST_F(GenericKeysTest, TouchResetsTheIdleTime) {
  Set("foo", "1");
  Advance(5000);
  EXPECT_EQ(Say("TOUCH foo bar"), ":1\r\n");
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":0\r\n");
}

TEST_F(GenericKeysTest, TypeNamesTheType) {
  Set("foo", "1");
  SetHash("bar", "f", "v");
  EXPECT_EQ(Say("TYPE foo"), "+string\r\n");
  EXPECT_EQ(Say("TYPE bar"), "+hash\r\n");
  EXPECT_EQ(Say("TYPE nope"), "+none\r\n");
}

TEST_F(GenericKeysTest, MoveTakesValueAndExpiryAlong) {
  Set("foo", "1", kNow + 1000);
  EXPECT_EQ(Say("MOVE foo 3"), ":1\r\n");
  EXPECT_EQ(Get("foo"), "(none)");
  EXPECT_EQ(Get("foo", 3), "1");
  EXPECT_EQ(ExpiryOf("foo", 3), kNow + 1000);
}

TEST_F(GenericKeysTest, MoveLeavesATakenPlaceAlone) {
  Set("foo", "old");
  Say("MOVE foo 3");
  Set("foo", "new");
  NothingLogged();
  EXPECT_EQ(Say("MOVE foo 3"), ":0\r\n");
  EXPECT_TRUE(NothingLogged());
  EXPECT_EQ(Get("foo"), "new");
  EXPECT_EQ(Get("foo", 3), "old");
  EXPECT_EQ(Say("MOVE nope 3"), ":0\r\n");
}

TEST_F(GenericKeysTest, MoveRefusesWrongDatabases) {
  EXPECT_EQ(Say("MOVE foo 0"), "-ERR source and destination objects are the same\r\n");
  EXPECT_EQ(Say("MOVE foo 16"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Say("MOVE foo -1"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Say("MOVE foo x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Say("MOVE foo 3000000000"),
            "-ERR value is out of range, value must between -2147483648 and 2147483647\r\n");
}

TEST_F(GenericExpiryTest, RelativeAndAbsoluteTimesInBothUnits) {
  Set("foo", "1");
  EXPECT_EQ(Say("EXPIRE foo 10"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), kNow + 10'000);
  EXPECT_EQ(Say("PEXPIRE foo 10"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), kNow + 10);
  EXPECT_EQ(Say("EXPIREAT foo 1700000050"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), kNow + 50'000);
  EXPECT_EQ(Say("PEXPIREAT foo 1700000000007"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), kNow + 7);
  EXPECT_EQ(Say("EXPIRE nope 10"), ":0\r\n");
}

TEST_F(GenericExpiryTest, TheSameTimeAgainStillCounts) {
  Set("foo", "1");
  EXPECT_EQ(Say("PEXPIREAT foo 1700000000007"), ":1\r\n");
  EXPECT_EQ(Say("PEXPIREAT foo 1700000000007"), ":1\r\n");
}

TEST_F(GenericExpiryTest, ATimeInThePastDeletes) {
  for (std::string_view command :
       {"EXPIRE foo 0", "EXPIRE foo -1", "PEXPIRE foo -100", "EXPIREAT foo 0", "EXPIREAT foo -5",
        "PEXPIREAT foo 0", "PEXPIREAT foo 1700000000000"}) {
    Set("foo", "1");
    EXPECT_EQ(Say(command), ":1\r\n") << command;
    EXPECT_EQ(Get("foo"), "(none)") << command;
  }
}

TEST_F(GenericExpiryTest, TimesThatDoNotFitAreRefusedByName) {
  Set("foo", "1");
  EXPECT_EQ(Say("EXPIRE foo 9223372036854775807"),
            "-ERR invalid expire time in 'expire' command\r\n");
  EXPECT_EQ(Say("PEXPIRE foo 9223372036854775807"),
            "-ERR invalid expire time in 'pexpire' command\r\n");
  EXPECT_EQ(Say("ExpireAt foo 9223372036854776"),
            "-ERR invalid expire time in 'expireat' command\r\n");
  EXPECT_EQ(Say("EXPIRE foo -9223372036854776"),
            "-ERR invalid expire time in 'expire' command\r\n");
  EXPECT_EQ(Say("PEXPIREAT foo 9223372036854775807"), ":1\r\n");
  EXPECT_EQ(Say("EXPIRE foo 1.5"), "-ERR value is not an integer or out of range\r\n");
}

TEST_F(GenericExpiryTest, ConditionsOnAKeyWithoutExpiry) {
  Set("foo", "1");
  EXPECT_EQ(Say("EXPIRE foo 10 XX"), ":0\r\n");
  EXPECT_EQ(Say("EXPIRE foo 10 GT"), ":0\r\n");
  EXPECT_EQ(ExpiryOf("foo"), 0);
  EXPECT_EQ(Say("EXPIRE foo 10 lt"), ":1\r\n");
  EXPECT_EQ(Say("PERSIST foo"), ":1\r\n");
  EXPECT_EQ(Say("EXPIRE foo 10 NX"), ":1\r\n");
}

TEST_F(GenericExpiryTest, ConditionsOnAKeyWithExpiry) {
  Set("foo", "1", kNow + 10'000);
  EXPECT_EQ(Say("EXPIRE foo 20 NX"), ":0\r\n");
  EXPECT_EQ(Say("EXPIRE foo 10 GT"), ":0\r\n");
  EXPECT_EQ(Say("EXPIRE foo 10 LT"), ":0\r\n");
  EXPECT_EQ(Say("EXPIRE foo 11 GT"), ":1\r\n");
  EXPECT_EQ(Say("EXPIRE foo 9 LT"), ":1\r\n");
  EXPECT_EQ(Say("EXPIRE foo 30 XX GT"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), kNow + 30'000);
}

TEST_F(GenericExpiryTest, ConditionsThatContradictAreRefusedBeforeTheNumberIsRead) {
  EXPECT_EQ(Say("EXPIRE foo x NX XX"),
            "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
  EXPECT_EQ(Say("EXPIRE foo x GT NX"),
            "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n");
  EXPECT_EQ(Say("EXPIRE foo x GT LT"),
            "-ERR GT and LT options at the same time are not compatible\r\n");
  EXPECT_EQ(Say("EXPIRE foo x what"), "-ERR Unsupported option what\r\n");
}

TEST_F(GenericExpiryTest, TtlRoundsToTheNearestSecond) {
  Set("foo", "1", kNow + 1500);
  EXPECT_EQ(Say("TTL foo"), ":2\r\n");
  EXPECT_EQ(Say("PTTL foo"), ":1500\r\n");
  EXPECT_EQ(Say("EXPIRETIME foo"), ":1700000002\r\n");
  EXPECT_EQ(Say("PEXPIRETIME foo"), ":1700000001500\r\n");
  Advance(1001);
  EXPECT_EQ(Say("TTL foo"), ":0\r\n");
  Advance(499);
  EXPECT_EQ(Say("TTL foo"), ":-2\r\n");
}

TEST_F(GenericExpiryTest, TtlTellsNoExpiryFromNoKey) {
  Set("foo", "1");
  for (std::string_view command : {"TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"}) {
    EXPECT_EQ(Run({command, "foo"}), ":-1\r\n");
    EXPECT_EQ(Run({command, "bar"}), ":-2\r\n");
  }
}

TEST_F(GenericExpiryTest, PersistTellsWhetherItRemovedAnything) {
  Set("foo", "1", kNow + 1500);
  EXPECT_EQ(Say("PERSIST foo"), ":1\r\n");
  EXPECT_EQ(ExpiryOf("foo"), 0);
  NothingLogged();
  EXPECT_EQ(Say("PERSIST foo"), ":0\r\n");
  EXPECT_EQ(Say("PERSIST bar"), ":0\r\n");
  EXPECT_TRUE(NothingLogged());
}

}  // namespace
}  // namespace flashdb
