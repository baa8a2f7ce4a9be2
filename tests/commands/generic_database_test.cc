// RENAME and its kin, and the commands over all keys: on two shards.
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <map>
#include <set>
#include <string>

#include "base/numbers.h"
#include "commands/generic_scan.h"
#include "tests/commands/generic_fixture.h"

namespace flashdb {
namespace {

using generic::PackScanCursor;
using generic::ScanPosition;
using generic::UnpackScanCursor;

class GenericRenameTest : public GenericFixture {};
class GenericScanTest : public GenericFixture {
 protected:
  /// The bulk strings of an array reply of them.
  static std::vector<std::string> Names(std::string_view reply) {
    std::vector<std::string> lines = absl::StrSplit(std::string(reply), "\r\n");
    std::vector<std::string> names;
    for (size_t i = 2; i + 1 < lines.size(); i += 2) names.push_back(lines[i]);
    return names;
  }

  struct Page {
    std::string cursor;
    std::vector<std::string> names;
  };
  Page ScanOnce(std::string_view cursor, std::string_view options) {
    std::string reply = Say(absl::StrCat("SCAN ", std::string(cursor), std::string(options)));
    std::vector<std::string> lines = absl::StrSplit(reply, "\r\n");
    EXPECT_EQ(lines[0], "*2") << reply;
    size_t names_at = reply.find("\r\n*") + 2;
    return {lines[2], Names(std::string_view(reply).substr(names_at))};
  }
  /// How often a whole walk reports each name; `pages` counts the calls.
  std::map<std::string, int> ScanAll(std::string_view options, int* pages = nullptr) {
    std::map<std::string, int> seen;
    std::string cursor = "0";
    do {
      Page page = ScanOnce(cursor, options);
      for (const std::string& name : page.names) ++seen[name];
      cursor = page.cursor;
      if (pages != nullptr) ++*pages;
    } while (cursor != "0");
    return seen;
  }
};
class GenericDatabaseTest : public GenericFixture {};

TEST_F(GenericRenameTest, AValueMovesToAnotherShardWithItsExpiry) {
  Set("foo", "value", kNow + 500);
  EXPECT_EQ(Say("RENAME foo bar"), "+OK\r\n");
  EXPECT_EQ(Get("foo"), "(none)");
  EXPECT_EQ(Get("bar"), "value");
  EXPECT_EQ(ExpiryOf("bar"), kNow + 500);
}

TEST_F(GenericRenameTest, RenameReplacesAndDropsTheOldExpiry) {
  Set("foo", "value");
  Set("bar", "old", kNow + 500);
  EXPECT_EQ(Say("RENAME foo bar"), "+OK\r\n");
  EXPECT_EQ(Get("bar"), "value");
  EXPECT_EQ(ExpiryOf("bar"), 0);
}

TEST_F(GenericRenameTest, BothNamesInOneSlot) {
  Set("{foo}a", "value");
  EXPECT_EQ(Say("RENAME {foo}a {foo}b"), "+OK\r\n");
  EXPECT_EQ(Get("{foo}a"), "(none)");
  EXPECT_EQ(Get("{foo}b"), "value");
}

TEST_F(GenericRenameTest, AHashMovesWhole) {
  SetHash("foo", "f", "v");
  EXPECT_EQ(Say("RENAME foo bar"), "+OK\r\n");
  EXPECT_EQ(Say("TYPE bar"), "+hash\r\n");
  EXPECT_EQ(Say("EXISTS foo"), ":0\r\n");
}

TEST_F(GenericRenameTest, AMissingSourceIsAnErrorAndChangesNothing) {
  Set("bar", "old");
  NothingLogged();
  EXPECT_EQ(Say("RENAME foo bar"), "-ERR no such key\r\n");
  EXPECT_EQ(Say("RENAME foo foo"), "-ERR no such key\r\n");
  EXPECT_EQ(Say("RENAMENX foo bar"), "-ERR no such key\r\n");
  EXPECT_TRUE(NothingLogged());
  EXPECT_EQ(Get("bar"), "old");
}

TEST_F(GenericRenameTest, TheSameNameIsNoChange) {
  Set("foo", "value");
  NothingLogged();
  EXPECT_EQ(Say("RENAME foo foo"), "+OK\r\n");
  EXPECT_EQ(Say("RENAMENX foo foo"), ":0\r\n");
  EXPECT_TRUE(NothingLogged());
  EXPECT_EQ(Get("foo"), "value");
}

TEST_F(GenericRenameTest, RenameNxSparesATakenName) {
  Set("foo", "value");
  Set("bar", "old", kNow + 10);
  EXPECT_EQ(Say("RENAMENX foo bar"), ":0\r\n");
  EXPECT_EQ(Get("foo"), "value");
  EXPECT_EQ(Get("bar"), "old");
  Advance(10);
  EXPECT_EQ(Say("RENAMENX foo bar"), ":1\r\n");
  EXPECT_EQ(Get("bar"), "value");
  EXPECT_EQ(Get("foo"), "(none)");
}

TEST_F(GenericRenameTest, CopyKeepsTheSource) {
  Set("foo", "value", kNow + 500);
  EXPECT_EQ(Say("COPY foo bar"), ":1\r\n");
  EXPECT_EQ(Get("foo"), "value");
  EXPECT_EQ(Get("bar"), "value");
  EXPECT_EQ(ExpiryOf("bar"), kNow + 500);
  EXPECT_EQ(Say("COPY nope bar REPLACE"), ":0\r\n");
  EXPECT_EQ(Get("bar"), "value");
}

TEST_F(GenericRenameTest, CopyReplacesOnlyWhenAsked) {
  Set("foo", "value");
  Set("bar", "old");
  EXPECT_EQ(Say("COPY foo bar"), ":0\r\n");
  EXPECT_EQ(Get("bar"), "old");
  EXPECT_EQ(Say("COPY foo bar replace"), ":1\r\n");
  EXPECT_EQ(Get("bar"), "value");
}

TEST_F(GenericRenameTest, CopyToAnotherDatabase) {
  Set("foo", "value");
  EXPECT_EQ(Say("COPY foo foo"), "-ERR source and destination objects are the same\r\n");
  EXPECT_EQ(Say("COPY foo foo DB 2"), ":1\r\n");
  EXPECT_EQ(Get("foo", 2), "value");
  EXPECT_EQ(Say("COPY foo foo DB 16"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Say("COPY foo foo DB"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("COPY foo bar what"), "-ERR syntax error\r\n");
}

TEST(ScanCursorTest, PackedPositionsComeBack) {
  for (uint32_t slot : {0u, 1u, 8191u, 16383u}) {
    for (uint64_t cursor : {uint64_t{0}, uint64_t{1}, (uint64_t{1} << 48) - 1}) {
      ScanPosition position{slot, cursor};
      EXPECT_EQ(UnpackScanCursor(PackScanCursor(position)), position);
    }
  }
}

TEST(ScanCursorTest, OnlyTheBeginningAndTheEndAreZero) {
  EXPECT_EQ(PackScanCursor({0, 0}), 0u);
  EXPECT_EQ(PackScanCursor({kSlotCount, 0}), 0u);
  EXPECT_NE(PackScanCursor({0, 1}), 0u);
  EXPECT_NE(PackScanCursor({1, 0}), 0u);
}

TEST(ScanCursorTest, CursorsPastTheLastSlotAreRefused) {
  EXPECT_EQ(UnpackScanCursor(uint64_t{kSlotCount} << 48), std::nullopt);
  EXPECT_EQ(UnpackScanCursor(UINT64_MAX), std::nullopt);
  EXPECT_NE(UnpackScanCursor((uint64_t{kSlotCount} << 48) - 1), std::nullopt);
}

TEST(ScanCursorTest, WeightsArePickedByTheirShare) {
  size_t weights[] = {0, 3, 0, 2};
  EXPECT_EQ(generic::PickWeighted(weights, 0), 1u);
  EXPECT_EQ(generic::PickWeighted(weights, 2), 1u);
  EXPECT_EQ(generic::PickWeighted(weights, 3), 3u);
  EXPECT_EQ(generic::PickWeighted(weights, 4), 3u);
}

TEST_F(GenericScanTest, AnEmptyDatabaseIsDoneAtOnce) {
  EXPECT_EQ(Say("SCAN 0"), "*2\r\n$1\r\n0\r\n*0\r\n");
}

TEST_F(GenericScanTest, EveryKeyOfBothShardsIsReportedOnce) {
  for (int i = 0; i < 1000; ++i) Set(absl::StrCat("key:", i), "v");
  for (std::string_view options : {"", " COUNT 1", " COUNT 7", " COUNT 300"}) {
    std::map<std::string, int> seen = ScanAll(options);
    EXPECT_EQ(seen.size(), 1000u) << options;
    for (const auto& [name, times] : seen) EXPECT_EQ(times, 1) << name;
  }
}

TEST_F(GenericScanTest, ACallReportsAboutCountKeys) {
  for (int i = 0; i < 1000; ++i) Set(absl::StrCat("key:", i), "v");
  int pages = 0;
  ScanAll(" COUNT 100", &pages);
  EXPECT_GE(pages, 9);
  EXPECT_LE(pages, 11);
  EXPECT_EQ(ScanOnce("0", " COUNT 1000").names.size(), 1000u);
}

TEST_F(GenericScanTest, ALargeSlotTakesSeveralCalls) {
  for (int i = 0; i < 500; ++i) Set(absl::StrCat("{foo}", i), "v");
  int pages = 0;
  EXPECT_EQ(ScanAll(" COUNT 10", &pages).size(), 500u);
  EXPECT_GT(pages, 10);
}

TEST_F(GenericScanTest, KeysThatStayAreReportedWhileOthersComeAndGo) {
  for (int i = 0; i < 300; ++i) Set(absl::StrCat("{foo}stay", i), "v");
  std::set<std::string> seen;
  std::string cursor = "0";
  int round = 0;
  do {
    Page page = ScanOnce(cursor, " COUNT 10");
    seen.insert(page.names.begin(), page.names.end());
    cursor = page.cursor;
    for (int i = 0; i < 20; ++i) Set(absl::StrCat("{foo}new", round, ":", i), "v");
    if (round > 0) Run({"DEL", absl::StrCat("{foo}new", round - 1, ":3")});
    ++round;
  } while (cursor != "0" && round < 1000);
  EXPECT_EQ(cursor, "0");
  for (int i = 0; i < 300; ++i) EXPECT_EQ(seen.count(absl::StrCat("{foo}stay", i)), 1u) << i;
}

TEST_F(GenericScanTest, MatchAndTypeFilter) {
  Set("foo", "v");
  Set("bar", "v");
  SetHash("hello", "f", "v");
  using Seen = std::map<std::string, int>;
  EXPECT_EQ(ScanAll(" MATCH f*"), (Seen{{"foo", 1}}));
  EXPECT_EQ(ScanAll(" TYPE HASH"), (Seen{{"hello", 1}}));
  EXPECT_EQ(ScanAll(" type string match b?r count 5"), (Seen{{"bar", 1}}));
  EXPECT_EQ(ScanAll(" TYPE zset"), Seen{});
}

TEST_F(GenericScanTest, ExpiredKeysAreNotReported) {
  Set("foo", "v", kNow + 10);
  Set("bar", "v");
  Advance(10);
  EXPECT_EQ(ScanAll("").size(), 1u);
  EXPECT_EQ(Say("KEYS *"), "*1\r\n$3\r\nbar\r\n");
}

TEST_F(GenericScanTest, WrongCursorsAndOptionsAreRefused) {
  EXPECT_EQ(Say("SCAN x"), "-ERR invalid cursor\r\n");
  EXPECT_EQ(Say("SCAN 18446744073709551616"), "-ERR invalid cursor\r\n");
  EXPECT_EQ(Say("SCAN 18446744073709551615"), "-ERR invalid cursor\r\n");
  EXPECT_EQ(Say("SCAN 0 COUNT 0"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("SCAN 0 COUNT -3"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("SCAN 0 COUNT x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Say("SCAN 0 COUNT"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("SCAN 0 WHAT 1"), "-ERR syntax error\r\n");
}

TEST_F(GenericScanTest, KeysListsBothShards) {
  Set("foo", "v");
  Set("bar", "v");
  db_ = 1;
  Set("other", "v");
  db_ = 0;
  EXPECT_EQ(Say("KEYS *"), "*2\r\n$3\r\nbar\r\n$3\r\nfoo\r\n");
  EXPECT_EQ(Say("KEYS f*"), "*1\r\n$3\r\nfoo\r\n");
  EXPECT_EQ(Say("KEYS z*"), "*0\r\n");
}

TEST_F(GenericScanTest, KeysGoesPastOneVisitsLimit) {
  for (size_t i = 0; i < generic::kMaxScanCount + 1000; ++i) Set(absl::StrCat(i), "v");
  std::vector<std::string> names = Names(Say("KEYS *"));
  EXPECT_EQ(names.size(), generic::kMaxScanCount + 1000);
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
}

TEST_F(GenericScanTest, RandomKeyFindsEveryKey) {
  EXPECT_EQ(Say("RANDOMKEY"), "$-1\r\n");
  Set("foo", "v");
  Set("bar", "v");
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(Say("RANDOMKEY"));
  EXPECT_EQ(seen, (std::set<std::string>{"$3\r\nfoo\r\n", "$3\r\nbar\r\n"}));
}

TEST_F(GenericScanTest, RandomKeyPassesOverAShardOfExpiredKeys) {
  Set("foo", "v", kNow + 10);
  Set("bar", "v");
  Advance(10);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(Say("RANDOMKEY"), "$3\r\nbar\r\n");
  Say("DEL bar");
  EXPECT_EQ(Say("RANDOMKEY"), "$-1\r\n");
}

TEST_F(GenericDatabaseTest, DbSizeCountsAllShardsOfOneDatabase) {
  Set("foo", "v");
  Set("bar", "v");
  EXPECT_EQ(Say("DBSIZE"), ":2\r\n");
  db_ = 1;
  EXPECT_EQ(Say("DBSIZE"), ":0\r\n");
}

TEST_F(GenericDatabaseTest, FlushDbSparesTheOthers) {
  Set("foo", "v");
  db_ = 1;
  Set("foo", "w");
  Set("bar", "w");
  EXPECT_EQ(Say("FLUSHDB async"), "+OK\r\n");
  EXPECT_EQ(Say("DBSIZE"), ":0\r\n");
  EXPECT_EQ(Get("foo", 0), "v");
}

TEST_F(GenericDatabaseTest, FlushAllEmptiesEveryDatabase) {
  Set("foo", "v");
  db_ = 15;
  Set("bar", "w");
  EXPECT_EQ(Say("FLUSHALL SYNC"), "+OK\r\n");
  EXPECT_EQ(Get("foo", 0), "(none)");
  EXPECT_EQ(Get("bar", 15), "(none)");
  NothingLogged();
  EXPECT_EQ(Say("FLUSHALL"), "+OK\r\n");
  EXPECT_TRUE(NothingLogged());
}

TEST_F(GenericDatabaseTest, FlushRefusesOtherWords) {
  Set("foo", "v");
  EXPECT_EQ(Say("FLUSHALL now"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("FLUSHDB SYNC ASYNC"), "-ERR syntax error\r\n");
  EXPECT_EQ(Get("foo"), "v");
}

TEST_F(GenericDatabaseTest, SwapDbExchangesBothShards) {
  Set("foo", "v");
  Set("bar", "v");
  EXPECT_EQ(Say("SWAPDB 0 5"), "+OK\r\n");
  EXPECT_EQ(Get("foo", 5), "v");
  EXPECT_EQ(Get("bar", 5), "v");
  EXPECT_EQ(Get("foo", 0), "(none)");
  NothingLogged();
  EXPECT_EQ(Say("SWAPDB 5 5"), "+OK\r\n");
  EXPECT_TRUE(NothingLogged());
}

TEST_F(GenericDatabaseTest, SwapDbNamesTheWrongIndex) {
  EXPECT_EQ(Say("SWAPDB x 1"), "-ERR invalid first DB index\r\n");
  EXPECT_EQ(Say("SWAPDB 99 x"), "-ERR invalid second DB index\r\n");
  EXPECT_EQ(Say("SWAPDB 99 1"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Say("SWAPDB 1 -1"), "-ERR DB index is out of range\r\n");
}

}  // namespace
}  // namespace flashdb
