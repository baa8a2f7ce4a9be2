// From words to a row of the table, and to the shard that owns the keys.
#include "commands/dispatch.h"

#include <gtest/gtest.h>

#include "base/slots.h"
#include "commands/engine.h"
#include "tests/commands/server_fixture.h"

namespace flashdb {
namespace {

using Words = std::vector<std::string_view>;

std::string ErrorOf(const Words& words) {
  std::string error;
  EXPECT_EQ(ResolveCommand(words, &error), nullptr) << words[0];
  return error;
}

std::string_view NameOf(const Words& words) {
  std::string error;
  const Command* command = ResolveCommand(words, &error);
  return command != nullptr ? command->name : std::string_view("(none)");
}

TEST(ResolveCommandTest, FindsCommandsAndSubcommandsInAnyCase) {
  EXPECT_EQ(NameOf({"GeT", "k"}), "get");
  EXPECT_EQ(NameOf({"Client", "ID"}), "client|id");
  EXPECT_EQ(NameOf({"COMMAND"}), "command") << "a container that runs by itself";
}

TEST(ResolveCommandTest, AStrangerIsQuotedWithItsArguments) {
  EXPECT_EQ(ErrorOf({"nosuch"}), "ERR unknown command 'nosuch', with args beginning with: ");
  EXPECT_EQ(ErrorOf({"NoSuch", "a", "b c"}),
            "ERR unknown command 'NoSuch', with args beginning with: 'a' 'b c' ");
}

TEST(ResolveCommandTest, AStrangersWordsAreCut) {
  std::string long_word(1000, 'x');
  std::string error = ErrorOf({long_word, long_word, long_word});
  EXPECT_EQ(error, "ERR unknown command '" + std::string(128, 'x') +
                       "', with args beginning with: '" + std::string(128, 'x') + "' ");
}

TEST(ResolveCommandTest, AnUnknownSubcommandNamesTheHelp) {
  EXPECT_EQ(ErrorOf({"client", "nosuch"}), "ERR unknown subcommand 'nosuch'. Try CLIENT HELP.");
}

TEST(ResolveCommandTest, WrongCountsNameTheCommand) {
  EXPECT_EQ(ErrorOf({"GET"}), "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(ErrorOf({"get", "a", "b"}), "ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(ErrorOf({"client", "ID", "x"}),
            "ERR wrong number of arguments for 'client|id' command");
  EXPECT_EQ(ErrorOf({"CLIENT"}), "ERR wrong number of arguments for 'client' command");
}

TEST(ResolveCommandTest, MsetTakesWholePairs) {
  EXPECT_EQ(ErrorOf({"mset", "a"}), "ERR wrong number of arguments for 'mset' command");
  EXPECT_EQ(ErrorOf({"mset", "a", "1", "b"}), "ERR wrong number of arguments for 'mset' command");
  EXPECT_EQ(NameOf({"mset", "a", "1"}), "mset");
  EXPECT_EQ(NameOf({"mset", "a", "1", "b", "2"}), "mset");
}

// ---- Which shard --------------------------------------------------------------------------------

class FindOwnerTest : public testing::Test {
 protected:
  FindOwnerTest() {
    Status attached =
        shard_.Attach({.entries = 8, .receive_buffers = 2, .receive_buffer_bytes = 1024});
    EXPECT_TRUE(attached.ok()) << MessageOf(attached);
  }

  std::optional<ShardId> OwnerOfWords(const Words& words) {
    request_ = Request{};
    request_.args = words;
    std::string error;
    request_.command = ResolveCommand(words, &error);
    EXPECT_NE(request_.command, nullptr) << error;
    if (!FindOwner(request_)) return std::nullopt;
    return request_.owner;
  }

  ManualClock clock_;
  ShardGroup group_{4};
  Shard shard_{0, group_, clock_, 1};
  Request request_;
};

TEST_F(FindOwnerTest, OneKeyBelongsToItsSlotsShard) {
  EXPECT_EQ(OwnerOfWords({"get", "foo"}), OwnerOf(12182, 4));  // the specification's example slot
  EXPECT_EQ(request_.key.slot, 12182);
  EXPECT_EQ(request_.key.bytes, "foo");
  EXPECT_FALSE(request_.many_keys);
}

TEST_F(FindOwnerTest, NoKeysMeanNoOwner) {
  EXPECT_EQ(OwnerOfWords({"ping"}), std::nullopt);
  EXPECT_EQ(OwnerOfWords({"dbsize"}), std::nullopt);
}

TEST_F(FindOwnerTest, KeysOfSeveralShardsHaveNoSingleOwner) {
  ASSERT_NE(OwnerOf(SlotOf("foo"), 4), OwnerOf(SlotOf("bar"), 4));
  EXPECT_EQ(OwnerOfWords({"mget", "foo", "bar"}), std::nullopt);
  EXPECT_EQ(OwnerOfWords({"mset", "foo", "bar", "bar", "foo"}), std::nullopt);
}

TEST_F(FindOwnerTest, KeysOfOneTagHaveOneOwner) {
  std::optional<ShardId> owner = OwnerOf(SlotOf("foo"), 4);
  EXPECT_EQ(OwnerOfWords({"mget", "{foo}1", "{foo}2", "a{foo}"}), owner);
  EXPECT_TRUE(request_.many_keys);
  EXPECT_EQ(OwnerOfWords({"rename", "{foo}1", "{foo}2"}), owner);
  EXPECT_EQ(OwnerOfWords({"mget", "{foo}1", "bar"}), std::nullopt);
}

TEST_F(FindOwnerTest, ValuesAreNotKeys) {
  EXPECT_EQ(OwnerOfWords({"mset", "{foo}1", "bar", "{foo}2", "bar"}), OwnerOf(SlotOf("foo"), 4));
  EXPECT_EQ(OwnerOfWords({"set", "foo", "bar"}), OwnerOf(SlotOf("foo"), 4));
}

// ---- What a session may do ----------------------------------------------------------------------

class ForbidsTest : public test::ServerFixture {
 protected:
  std::optional<std::string> Asks(std::string_view name) {
    return Forbids(engine_, session(), *FindCommand(name));
  }
};

TEST_F(ForbidsTest, StrangersMayOnlyLogIn) {
  session().authenticated = false;
  EXPECT_EQ(Asks("get"), "NOAUTH Authentication required.");
  EXPECT_EQ(Asks("auth"), std::nullopt);
  EXPECT_EQ(Asks("hello"), std::nullopt);
  session().authenticated = true;
  EXPECT_EQ(Asks("get"), std::nullopt);
}

TEST_F(ForbidsTest, RespTwoSubscribersMayOnlySubscribe) {
  session().channels.insert("c");
  EXPECT_EQ(Asks("get"),
            "ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
            "RESET are allowed in this context");
  EXPECT_EQ(Asks("ping"), std::nullopt);
  EXPECT_EQ(Asks("unsubscribe"), std::nullopt);
  session().protocol = 3;
  EXPECT_EQ(Asks("get"), std::nullopt);
}

TEST_F(ForbidsTest, AFullMemoryRefusesWhatNeedsMore) {
  shard_.keys().SetString(0, MakeKey("k"), std::string(1000, 'x'), 0);
  engine_.max_memory = 100;
  EXPECT_EQ(Asks("set"), "OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(Asks("get"), std::nullopt);
  EXPECT_EQ(Asks("del"), std::nullopt);
  session().in_multi = true;
  EXPECT_NE(Asks("get"), std::nullopt) << "the queue needs memory too";
  EXPECT_EQ(Asks("discard"), std::nullopt);
}

TEST(ResolveTest, TheRowOfABadArityIsNamed) {
  std::string error;
  const Command* named = nullptr;
  std::vector<std::string_view> words = {"GET"};
  EXPECT_EQ(ResolveCommand(words, &error, &named), nullptr);
  EXPECT_EQ(named, FindCommand("get"));
  words = {"NOSUCH"};
  EXPECT_EQ(ResolveCommand(words, &error, &named), nullptr);
  EXPECT_EQ(named, nullptr);
}

TEST(QueueForExecTest, KeepsACopyOfTheWords) {
  Session session;
  std::string key = "key";
  QueueForExec(session, *FindCommand("set"), Words{"SET", key, ""});
  key = "???";
  ASSERT_EQ(session.queue.size(), 1u);
  EXPECT_EQ(session.queue[0].arg(0), "SET");
  EXPECT_EQ(session.queue[0].arg(1), "key");
  EXPECT_EQ(session.queue[0].arg(2), "");
  EXPECT_EQ(session.queue_bytes, 6u);
}

}  // namespace
}  // namespace flashdb
