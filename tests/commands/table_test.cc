// The table as a whole, and what COMMAND tells of it.
#include <gtest/gtest.h>

#include <set>

#include "commands/command_info.h"
#include "commands/server.h"
#include "resp/reply_reader.h"
#include "tests/commands/server_fixture.h"

namespace flashdb {
namespace {

bool HasHandler(const Command& row) {
  return row.local != nullptr || row.transaction != nullptr || row.session != nullptr ||
         row.session_task != nullptr;
}

TEST(TableTest, EveryCommandIsFoundInAnyCase) {
  ASSERT_GT(AllCommands().size(), 30u);
  for (const Command* command : AllCommands()) {
    EXPECT_EQ(FindCommand(command->name), command) << command->name;
    EXPECT_EQ(FindCommand(ToUpper(command->name)), command) << command->name;
    std::string mixed = ToUpper(command->name);
    mixed.back() = command->name.back();
    EXPECT_EQ(FindCommand(mixed), command) << command->name;
  }
}

TEST(TableTest, NoNameComesTwice) {
  std::set<std::string_view> names;
  for (const Command* row : AllRows()) {
    EXPECT_TRUE(names.insert(row->name).second) << row->name;
  }
}

TEST(TableTest, EverySubcommandHasAContainerAndIsFoundInAnyCase) {
  size_t subcommands = 0;
  for (const Command* row : AllRows()) {
    size_t bar = row->name.find('|');
    if (bar == std::string_view::npos) continue;
    ++subcommands;
    std::string_view container = row->name.substr(0, bar);
    std::string_view sub = row->name.substr(bar + 1);
    EXPECT_NE(FindCommand(container), nullptr) << row->name;
    EXPECT_EQ(FindSubcommand(container, sub), row);
    EXPECT_EQ(FindSubcommand(ToUpper(container), ToUpper(sub)), row);
  }
  EXPECT_GT(subcommands, 60u);
}

TEST(TableTest, StrangersAreNotFound) {
  const std::string_view strangers[] = {"",
                                        "g",
                                        "pin",
                                        "pingg",
                                        "p\xC9ng",
                                        "client|list",
                                        "bgrewriteaoff",
                                        "PING ",
                                        "bgrewriteaog",
                                        "01234567890123456789"};
  for (std::string_view name : strangers) EXPECT_EQ(FindCommand(name), nullptr) << name;
  EXPECT_EQ(FindSubcommand("client", "lis"), nullptr);
  EXPECT_EQ(FindSubcommand("clien", "tlist"), nullptr);
  EXPECT_EQ(FindSubcommand("client", std::string(1000, 'x')), nullptr);
  EXPECT_EQ(FindCommand(std::string(1 << 20, 'x')), nullptr);
}

// Bytes that differ from a letter of the name by the case bit only, but are no letters.
TEST(TableTest, OnlyLettersHaveTwoCases) {
  EXPECT_NE(FindSubcommand("client", "no-evict"), nullptr);
  EXPECT_EQ(FindSubcommand("client", "no\revict"), nullptr);
  EXPECT_EQ(FindCommand("ti\x4D"
                        "e"),
            FindCommand("time"));
  EXPECT_EQ(FindCommand("ti-e"), nullptr);
}

TEST(TableTest, MiddlesOfLongNamesCount) {
  ASSERT_NE(FindSubcommand("cluster", "count-failure-reports"), nullptr);
  EXPECT_EQ(FindSubcommand("cluster", "count-failurX-reports"), nullptr);
}

TEST(TableTest, ArityAndKeyRangesMakeSense) {
  for (const Command* row : AllRows()) {
    bool is_sub = row->name.find('|') != std::string_view::npos;
    EXPECT_NE(row->arity, 0) << row->name;
    EXPECT_GE(std::abs(row->arity), is_sub ? 2 : 1) << row->name;
    const KeyRange& keys = row->keys;
    if (keys.first == 0) {
      EXPECT_TRUE(keys.last == 0 && keys.step == 0) << row->name;
      continue;
    }
    EXPECT_GT(keys.step, 0) << row->name;
    EXPECT_TRUE(keys.last < 0 || keys.last >= keys.first) << row->name;
    EXPECT_LT(keys.first, std::abs(row->arity)) << row->name << ": the first key may be missing";
  }
}

TEST(TableTest, EveryRowRunsOrIsAContainer) {
  for (const Command* row : AllRows()) {
    bool is_container = !SubcommandsOf(row->name).empty();
    EXPECT_TRUE(HasHandler(*row) || is_container) << row->name;
    EXPECT_FALSE(row->has(kWrite) && row->has(kReadOnly)) << row->name;
    EXPECT_FALSE(row->doc.summary.empty()) << row->name;
  }
}

TEST(TableTest, ArityFitsExactAndMinimalCounts) {
  const Command& echo = *FindCommand("echo");
  EXPECT_TRUE(ArityFits(echo, 2));
  EXPECT_FALSE(ArityFits(echo, 1));
  EXPECT_FALSE(ArityFits(echo, 3));
  const Command& ping = *FindCommand("ping");
  EXPECT_TRUE(ArityFits(ping, 1));
  EXPECT_TRUE(ArityFits(ping, 9));
  EXPECT_EQ(WrongArity("get"), "ERR wrong number of arguments for 'get' command");
}

TEST(TableTest, CategoriesFollowFromFlagsGroupAndRow) {
  auto categories = AclCategoriesOf(*FindSubcommand("client", "kill"));
  EXPECT_EQ(categories,
            (std::vector<std::string_view>{"connection", "admin", "dangerous", "slow"}));
  EXPECT_EQ(AclCategoriesOf(*FindCommand("lastsave")),
            (std::vector<std::string_view>{"admin", "dangerous", "fast"}));
}

class CommandTest : public test::ServerFixture {};

TEST_F(CommandTest, InfoDescribesACommandInTenFields) {
  EXPECT_EQ(Run("COMMAND INFO Echo nosuch"),
            "*2\r\n*10\r\n$4\r\necho\r\n:2\r\n*3\r\n+loading\r\n+stale\r\n+fast\r\n"
            ":0\r\n:0\r\n:0\r\n*2\r\n+@connection\r\n+@fast\r\n*0\r\n*0\r\n*0\r\n$-1\r\n");
}

TEST_F(CommandTest, InfoNestsSubcommandsAndTakesTheirNames) {
  std::string container = Run("COMMAND INFO slowlog");
  EXPECT_NE(container.find("*0\r\n*0\r\n*4\r\n*10\r\n$11\r\nslowlog|get\r\n:-2\r\n"),
            std::string::npos)
      << container;
  EXPECT_TRUE(Run("COMMAND INFO slowlog|GET").starts_with("*1\r\n*10\r\n$11\r\nslowlog|get\r\n"));
}

TEST_F(CommandTest, KeyRangesBecomeKeySpecifications) {
  Command row = Local("two", 3, kWrite, {1, 2, 1}, nullptr, {});
  std::string out;
  ReplyWriter reply(out, 3);
  ReplyCommandInfo(reply, row);
  EXPECT_NE(out.find(":1\r\n:2\r\n:1\r\n"), std::string::npos);
  EXPECT_NE(out.find("$7\r\nlastkey\r\n:1\r\n$7\r\nkeystep\r\n:1\r\n$5\r\nlimit\r\n:0\r\n"),
            std::string::npos);
  EXPECT_EQ(CountReplies(out), 1u);
}

TEST_F(CommandTest, WholeRepliesAreWellFormedInBothProtocols) {
  for (int protocol : {2, 3}) {
    session().protocol = protocol;
    for (std::string_view line : {"COMMAND", "COMMAND INFO", "COMMAND DOCS", "COMMAND LIST",
                                  "COMMAND HELP", "ACL CAT", "ACL GETUSER default", "INFO all",
                                  "CLIENT TRACKINGINFO", "CLUSTER SHARDS", "CLUSTER SLOTS"}) {
      EXPECT_EQ(CountReplies(Run(line)), 1u) << line << " in RESP" << protocol;
    }
  }
  EXPECT_TRUE(Run("COMMAND").starts_with(fmt::format("*{}\r\n", AllCommands().size())));
}

TEST_F(CommandTest, DocsMapNamesToTheirTexts) {
  session().protocol = 3;
  std::string docs = Run("COMMAND DOCS ping nosuch");
  EXPECT_TRUE(docs.starts_with("%1\r\n$4\r\nping\r\n%4\r\n$7\r\nsummary\r\n")) << docs;
  EXPECT_NE(docs.find("$5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$10\r\nconnection\r\n"),
            std::string::npos);
}

TEST_F(CommandTest, ListFiltersByPatternAndCategory) {
  EXPECT_EQ(Run("COMMAND LIST FILTERBY PATTERN pin*"), "*1\r\n$4\r\nping\r\n");
  EXPECT_EQ(Run("COMMAND LIST FILTERBY MODULE any"), "*0\r\n");
  std::string connection = Run("COMMAND LIST FILTERBY ACLCAT connection");
  EXPECT_NE(connection.find("client|list"), std::string::npos);
  EXPECT_EQ(connection.find("slowlog"), std::string::npos);
  EXPECT_EQ(Run("COMMAND LIST FILTERBY COLOUR red"), "-ERR syntax error\r\n");
}

TEST_F(CommandTest, GetKeysSaysWhyThereAreNone) {
  EXPECT_EQ(Run("COMMAND GETKEYS nosuch a"), "-ERR Invalid command specified\r\n");
  EXPECT_EQ(Run("COMMAND GETKEYS ping a"), "-ERR The command has no key arguments\r\n");
  EXPECT_EQ(Run("COMMAND GETKEYS set k"),
            "-ERR Invalid number of arguments specified for command\r\n");
}

TEST_F(CommandTest, GetKeysFindsThePlacesOfTheRow) {
  EXPECT_EQ(Run("COMMAND GETKEYS mset a 1 b 2"), "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  EXPECT_EQ(Run("COMMAND GETKEYSANDFLAGS get k"),
            "*1\r\n*2\r\n$1\r\nk\r\n*2\r\n+RO\r\n+access\r\n");
}

TEST_F(CommandTest, KeyFlagsAreThoseOfTheCommandLine) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"set k v", "*2\r\n+OW\r\n+update\r\n"},
      {"set k v ex 5 GET", "*3\r\n+RW\r\n+access\r\n+update\r\n"},
      {"incr k", "*3\r\n+RW\r\n+access\r\n+update\r\n"},
      {"del k", "*2\r\n+RM\r\n+delete\r\n"},
      {"getdel k", "*3\r\n+RW\r\n+access\r\n+delete\r\n"},
      {"exists k", "*1\r\n+RO\r\n"},
      {"memory usage k", "*1\r\n+RO\r\n"},
  };
  for (const auto& [line, flags] : cases) {
    EXPECT_EQ(Run(fmt::format("COMMAND GETKEYSANDFLAGS {}", line)),
              fmt::format("*1\r\n*2\r\n$1\r\nk\r\n{}", flags))
        << line;
  }
}

TEST_F(CommandTest, SubcommandsOfCommandAreChecked) {
  EXPECT_EQ(Run("COMMAND nosuch"), "-ERR unknown subcommand 'nosuch'. Try COMMAND HELP.\r\n");
  EXPECT_EQ(Run("COMMAND COUNT 1"),
            "-ERR wrong number of arguments for 'command|count' command\r\n");
}

}  // namespace
}  // namespace flashdb
