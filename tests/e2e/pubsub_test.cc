// Publish and subscribe against the real server: replies, order, patterns, subscribers that vanish.
#include <gmock/gmock.h>

#include <set>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

Reply Words(std::initializer_list<std::string_view> words) {
  Reply reply = Reply::Array({});
  for (std::string_view word : words) reply.elements.push_back(Reply::String(word));
  return reply;
}

Reply Confirmation(std::string_view verb, std::string_view name, int64_t count) {
  return Reply::Array({Reply::String(verb), Reply::String(name), Reply::Integer(count)});
}

Reply AsPush(Reply reply) {
  reply.type = Reply::Type::kPush;
  return reply;
}

class PubSubTest : public ServerTest {
 protected:
  PubSubTest() : ServerTest(SmallServer(3)) {}

  // Connections are spread over the shards, so a few of them are on all.
  std::vector<std::unique_ptr<Client>> Subscribers(size_t count, std::string_view verb,
                                                   std::string_view name) {
    std::vector<std::unique_ptr<Client>> clients;
    for (size_t i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<Client>(server.port()));
      EXPECT_EQ(clients.back()->Command({verb, name}).elements.size(), 3u);
    }
    return clients;
  }
};

TEST_F(PubSubTest, EachChannelIsConfirmedWithTheCountOfSubscriptions) {
  ASSERT_TRUE(client->Append({"SUBSCRIBE", "a", "b", "a"}).ok());
  EXPECT_EQ(client->GetReply(), Confirmation("subscribe", "a", 1));
  EXPECT_EQ(client->GetReply(), Confirmation("subscribe", "b", 2));
  EXPECT_EQ(client->GetReply(), Confirmation("subscribe", "a", 2));
  EXPECT_EQ(client->Command({"PSUBSCRIBE", "p*"}), Confirmation("psubscribe", "p*", 3));
  EXPECT_EQ(client->Command({"SSUBSCRIBE", "s"}), Confirmation("ssubscribe", "s", 1));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE", "b"}), Confirmation("unsubscribe", "b", 2));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE", "unknown"}), Confirmation("unsubscribe", "unknown", 2));
  EXPECT_EQ(client->Command({"PUNSUBSCRIBE"}), Confirmation("punsubscribe", "p*", 1));
  EXPECT_EQ(client->Command({"SUNSUBSCRIBE"}), Confirmation("sunsubscribe", "s", 0));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE"}), Confirmation("unsubscribe", "a", 0));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE"}),
            Reply::Array({Reply::String("unsubscribe"), Reply::Null(), Reply::Integer(0)}));
  EXPECT_TRUE(client->Command({"SET", "k", "v"}).ok()) << "subscribe mode is over";
}

TEST_F(PubSubTest, ClientsThatWantNoRepliesGetConfirmationsAndMessages) {
  ASSERT_TRUE(client->Append({"CLIENT", "REPLY", "OFF"}).ok());
  ASSERT_TRUE(client->Append({"PING"}).ok());
  EXPECT_EQ(client->Command({"SUBSCRIBE", "c"}), Confirmation("subscribe", "c", 1));
  EXPECT_EQ(Connect().Command({"PUBLISH", "c", "m"}), Reply::Integer(1));
  EXPECT_EQ(client->GetReply(), Words({"message", "c", "m"}));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE"}), Confirmation("unsubscribe", "c", 0));
  EXPECT_EQ(client->Command({"CLIENT", "REPLY", "ON"}), Reply::Status("OK"));
  ASSERT_TRUE(client->Append({"CLIENT", "REPLY", "SKIP"}).ok());
  EXPECT_EQ(client->Command({"SUBSCRIBE", "c"}), Confirmation("subscribe", "c", 1));
  EXPECT_EQ(client->Command({"UNSUBSCRIBE"}), Confirmation("unsubscribe", "c", 0))
      << "SKIP was for one command";
}

TEST_F(PubSubTest, Resp3ClientsGetPushesAndMayRunOtherCommands) {
  Client subscriber = Connect();
  subscriber.Hello3();
  EXPECT_EQ(subscriber.Command({"SUBSCRIBE", "news"}),
            AsPush(Confirmation("subscribe", "news", 1)));
  EXPECT_EQ(subscriber.Command({"PSUBSCRIBE", "n?ws"}),
            AsPush(Confirmation("psubscribe", "n?ws", 2)));
  EXPECT_TRUE(subscriber.Command({"SET", "k", "v"}).ok());
  EXPECT_EQ(client->Command({"PUBLISH", "news", "hi"}), Reply::Integer(2));
  EXPECT_EQ(subscriber.GetReply(), AsPush(Words({"message", "news", "hi"})));
  EXPECT_EQ(subscriber.GetReply(), AsPush(Words({"pmessage", "n?ws", "news", "hi"})));
}

TEST_F(PubSubTest, OnlyAFewCommandsAreAllowedToResp2Subscribers) {
  Client subscriber = Connect();
  subscriber.Command({"SUBSCRIBE", "c"});
  const Reply refused = subscriber.Command({"GET", "k"});
  EXPECT_EQ(refused,
            Reply::Error("ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / "
                         "QUIT / RESET are allowed in this context"));
  EXPECT_EQ(subscriber.Command({"PING"}), Words({"pong", ""}));
  EXPECT_EQ(subscriber.Command({"PING", "x"}), Words({"pong", "x"}));
  EXPECT_EQ(subscriber.Command({"RESET"}), Reply::Status("RESET"));
  EXPECT_TRUE(subscriber.Command({"GET", "k"}).is_null());
  EXPECT_EQ(client->Command({"PUBLISH", "c", "x"}), Reply::Integer(0));
}

TEST_F(PubSubTest, ReceiversOfChannelAndPatternsOnAllShardsAreCounted) {
  auto plain = Subscribers(6, "SUBSCRIBE", "news.tech");
  auto by_pattern = Subscribers(3, "PSUBSCRIBE", "news.*");
  auto others = Subscribers(3, "PSUBSCRIBE", "sport.*");
  EXPECT_EQ(client->Command({"PUBLISH", "news.tech", "x"}), Reply::Integer(9));
  for (auto& subscriber : plain) {
    EXPECT_EQ(subscriber->GetReply(), Words({"message", "news.tech", "x"}));
  }
  for (auto& subscriber : by_pattern) {
    EXPECT_EQ(subscriber->GetReply(), Words({"pmessage", "news.*", "news.tech", "x"}));
  }
  for (auto& subscriber : others) EXPECT_TRUE(subscriber->GetReply(milliseconds(20)).lost());
}

TEST_F(PubSubTest, ShardedChannelsAreApartFromTheOthers) {
  auto sharded = Subscribers(3, "SSUBSCRIBE", "c");
  auto plain = Subscribers(2, "SUBSCRIBE", "c");
  EXPECT_EQ(client->Command({"SPUBLISH", "c", "x"}), Reply::Integer(3));
  EXPECT_EQ(client->Command({"PUBLISH", "c", "y"}), Reply::Integer(2));
  for (auto& subscriber : sharded) {
    EXPECT_EQ(subscriber->GetReply(), Words({"smessage", "c", "x"}));
  }
  for (auto& subscriber : plain) EXPECT_EQ(subscriber->GetReply(), Words({"message", "c", "y"}));
}

TEST_F(PubSubTest, PubSubTellsWhoListensToWhat) {
  auto a = Subscribers(3, "SUBSCRIBE", "chan.a");
  auto b = Subscribers(1, "SUBSCRIBE", "chan.b");
  auto p = Subscribers(2, "PSUBSCRIBE", "p*");
  auto q = Subscribers(1, "PSUBSCRIBE", "q*");
  auto s = Subscribers(2, "SSUBSCRIBE", "shard");
  EXPECT_THAT(client->Command({"PUBSUB", "CHANNELS"}).elements,
              UnorderedElementsAre(Reply::String("chan.a"), Reply::String("chan.b")));
  EXPECT_EQ(client->Command({"PUBSUB", "CHANNELS", "*b"}), Words({"chan.b"}));
  EXPECT_EQ(client->Command({"PUBSUB", "NUMPAT"}), Reply::Integer(2)) << "different patterns";
  EXPECT_EQ(client->Command({"PUBSUB", "NUMSUB", "chan.a", "none"}),
            Reply::Array({Reply::String("chan.a"), Reply::Integer(3), Reply::String("none"),
                          Reply::Integer(0)}));
  EXPECT_EQ(client->Command({"PUBSUB", "NUMSUB"}), Reply::Array({}));
  EXPECT_EQ(client->Command({"PUBSUB", "SHARDCHANNELS"}), Words({"shard"}));
  EXPECT_EQ(client->Command({"PUBSUB", "SHARDNUMSUB", "shard"}),
            Reply::Array({Reply::String("shard"), Reply::Integer(2)}));
  EXPECT_EQ(client->Command({"PUBSUB", "NOPE"}),
            Reply::Error("ERR unknown subcommand 'NOPE'. Try PUBSUB HELP."));
}

TEST_F(PubSubTest, AllSubscribersSeeTheMessagesOfAChannelInOneOrder) {
  constexpr int kMessages = 300;
  auto subscribers = Subscribers(6, "SUBSCRIBE", "ordered");
  std::vector<std::thread> publishers;
  for (int publisher = 0; publisher < 4; ++publisher) {
    publishers.emplace_back([this, publisher] {
      std::vector<std::vector<std::string>> batch;
      for (int i = 0; i < kMessages; ++i) {
        batch.push_back({"PUBLISH", "ordered", fmt::format("{}:{}", publisher, i)});
      }
      Client sender = Connect();
      for (const Reply& reply : sender.Pipeline(batch)) EXPECT_EQ(reply, Reply::Integer(6));
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  std::vector<std::string> first;
  for (auto& subscriber : subscribers) {
    std::vector<std::string> seen;
    for (int i = 0; i < 4 * kMessages; ++i) {
      const Reply message = subscriber->GetReply();
      ASSERT_EQ(message.elements.size(), 3u);
      seen.push_back(message.elements[2].str);
    }
    if (first.empty()) first = seen;
    EXPECT_EQ(seen, first);
  }
  std::vector<int> next(4);
  for (const std::string& text : first) {
    const int publisher = text[0] - '0';
    EXPECT_EQ(text, fmt::format("{}:{}", publisher, next[static_cast<size_t>(publisher)]++));
  }
}

TEST_F(PubSubTest, SubscribersThatVanishAreForgotten) {
  auto subscribers = Subscribers(6, "SUBSCRIBE", "c");
  auto by_pattern = Subscribers(3, "PSUBSCRIBE", "*");
  subscribers.resize(1);
  by_pattern.clear();
  EXPECT_TRUE(Eventually([&] {
    return client->Command({"PUBLISH", "c", "x"}) == Reply::Integer(1);
  }));
  EXPECT_EQ(client->Command({"PUBSUB", "NUMPAT"}), Reply::Integer(0));
  subscribers.clear();
  EXPECT_TRUE(Eventually([&] {
    return client->Command({"PUBSUB", "CHANNELS"}) == Reply::Array({});
  }));
}

TEST_F(PubSubTest, ASubscriberThatDoesNotReadIsClosedAndTheOthersGetEverything) {
  ASSERT_TRUE(
      client->Command({"CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000000 0 0"}).ok());
  Client lazy = Connect();
  lazy.Command({"SUBSCRIBE", "c"});
  auto readers = Subscribers(1, "SUBSCRIBE", "c");
  const std::string payload(100'000, 'x');
  // The kernel's socket buffers take a few megabytes first.
  for (int i = 0; i < 200; ++i) {
    ASSERT_FALSE(client->Command({"PUBLISH", "c", payload}).is_error());
    ASSERT_EQ(readers[0]->GetReply().elements.size(), 3u);
  }
  EXPECT_TRUE(Eventually([&] {
    return client->Command({"PUBLISH", "c", "x"}) == Reply::Integer(1);
  }));
  EXPECT_TRUE(lazy.WaitForClose());
}

TEST_F(PubSubTest, PublishAndSubscribeWorkInsideMulti) {
  auto subscribers = Subscribers(3, "SUBSCRIBE", "c");
  client->Command({"MULTI"});
  client->Command({"SET", "k", "v"});
  client->Command({"PUBLISH", "c", "from exec"});
  EXPECT_EQ(client->Command({"EXEC"}), Reply::Array({Reply::Status("OK"), Reply::Integer(3)}));
  for (auto& subscriber : subscribers) {
    EXPECT_EQ(subscriber->GetReply(), Words({"message", "c", "from exec"}));
  }
}

TEST_F(PubSubTest, NamesAndMessagesMayHaveAnyBytes) {
  const std::string name("\0\r\n*\xff", 5);
  const std::string payload("$1\r\n\0", 5);
  Client subscriber = Connect();
  subscriber.Command({"SUBSCRIBE", name});
  EXPECT_EQ(client->Command({"PUBLISH", name, payload}), Reply::Integer(1));
  EXPECT_EQ(subscriber.GetReply(), Words({"message", name, payload}));
}

TEST_F(PubSubTest, WrongArityIsToldAsRedisDoes) {
  EXPECT_EQ(client->Command({"PUBLISH", "c"}),
            Reply::Error("ERR wrong number of arguments for 'publish' command"));
  EXPECT_EQ(client->Command({"SUBSCRIBE"}),
            Reply::Error("ERR wrong number of arguments for 'subscribe' command"));
  EXPECT_THAT(client->Command({"PUBSUB", "CHANNELS", "a", "b"}).str, HasSubstr("Try PUBSUB HELP."));
}

}  // namespace
}  // namespace flashdb::e2e
