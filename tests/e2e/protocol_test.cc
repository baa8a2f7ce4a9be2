// The wire protocol of the real server: any cut of the bytes, limits, errors, clients that
// misbehave.
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <algorithm>
#include <fstream>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::StartsWith;

#ifdef __SANITIZE_THREAD__
// The sanitizer keeps up to four bytes for each byte that is touched.
constexpr uint64_t kMemoryOfAByte = 5;
#else
constexpr uint64_t kMemoryOfAByte = 1;
#endif

#ifdef __SANITIZE_ADDRESS__
// The sanitizer keeps up to 256 MB of what was freed, so that what a server holds can't be told
// from what it gave back. The servers of these tests inherit a smaller bound.
[[maybe_unused]] const int kSmallQuarantine = [] {
  const char* given = getenv("ASAN_OPTIONS");
  const std::string options = fmt::format("{}:quarantine_size_mb=16", given ? given : "");
  return setenv("ASAN_OPTIONS", options.c_str(), 1);
}();
#endif

class ProtocolTest : public ServerTest {
 protected:
  explicit ProtocolTest(std::vector<std::string> args = {})
      : ServerTest(SmallServer(2, std::move(args))) {}

  // Sends `bytes` on a connection of its own and gives all that comes until it is closed.
  std::string ReplyAndClose(std::string_view bytes) {
    Client stranger = Connect();
    EXPECT_TRUE(stranger.Send(bytes).ok());
    std::string reply = stranger.ReceiveUntil("never sent");
    EXPECT_FALSE(stranger.connected()) << "not closed after " << reply;
    return reply;
  }

  uint64_t ResidentKilobytes() const {
    std::ifstream status(fmt::format("/proc/{}/status", server.pid()));
    std::string word;
    uint64_t kilobytes = 0;
    while (status >> word) {
      if (word == "VmRSS:") status >> kilobytes;
    }
    return kilobytes;
  }
};

// Keys of both shards, an inline command and an empty one among them.
constexpr std::string_view kPipeline =
    "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n1\r\n2\r\n"
    "*3\r\n$3\r\nset\r\n$1\r\nb\r\n$0\r\n\r\n"
    "*0\r\n"
    "PING \"x\\ny\"\r\n"
    "\r\n"
    "*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n"
    "*1\r\n$4\r\nPING\r\n";
constexpr std::string_view kPipelineReplies =
    "+OK\r\n+OK\r\n$3\r\nx\ny\r\n*2\r\n$4\r\n1\r\n2\r\n$0\r\n\r\n+PONG\r\n";

TEST_F(ProtocolTest, EveryCutOfAPipelineInTwoGivesTheSameReplies) {
  for (size_t cut = 0; cut <= kPipeline.size(); ++cut) {
    ASSERT_TRUE(client->Send(kPipeline.substr(0, cut)).ok());
    if (cut % 8 == 0) std::this_thread::sleep_for(milliseconds(1));
    ASSERT_TRUE(client->Send(kPipeline.substr(cut)).ok());
    ASSERT_EQ(client->ReceiveUntil("+PONG\r\n"), kPipelineReplies) << cut;
  }
}

TEST_F(ProtocolTest, BytesMayArriveOneByOne) {
  for (char byte : kPipeline) {
    ASSERT_TRUE(client->Send({&byte, 1}).ok());
    std::this_thread::sleep_for(std::chrono::microseconds(300));
  }
  EXPECT_EQ(client->ReceiveUntil("+PONG\r\n"), kPipelineReplies);
}

TEST_F(ProtocolTest, InlineCommandsWork) {
  ASSERT_TRUE(client->Send("SET k 'a b'\nget k\r\nEXISTS k \"no\\x41\"\r\n").ok());
  EXPECT_EQ(client->GetReply(), Reply::Status("OK"));
  EXPECT_EQ(client->GetReply(), Reply::String("a b"));
  EXPECT_EQ(client->GetReply(), Reply::Integer(1));
}

TEST_F(ProtocolTest, GarbageGetsAnErrorAndAClose) {
  EXPECT_EQ(ReplyAndClose("*1\r\nPING\r\n"), "-ERR Protocol error: expected '$', got 'P'\r\n");
  EXPECT_EQ(ReplyAndClose("*x\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_EQ(ReplyAndClose("*1\r\n$-5\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_EQ(ReplyAndClose("*1\r\n$x\r\n"), "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_EQ(ReplyAndClose("SET a 'b\r\n"), "-ERR Protocol error: unbalanced quotes in request\r\n");
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG")) << "others are served";
}

TEST_F(ProtocolTest, ALineOfAnyBytesIsAnUnknownCommand) {
  ASSERT_TRUE(client->Send(std::string("\x16\x03\x01\0\xff\xfe\r\n", 8)).ok());
  EXPECT_THAT(client->GetReply().str, StartsWith("ERR unknown command"));
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG"));
}

TEST_F(ProtocolTest, RepliesOwedBeforeAProtocolErrorAreSent) {
  EXPECT_EQ(ReplyAndClose("PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*bad\r\n"),
            "+PONG\r\n+OK\r\n-ERR Protocol error: invalid multibulk length\r\n");
}

TEST_F(ProtocolTest, HugeLengthsAreRefused) {
  EXPECT_EQ(ReplyAndClose("*1048577\r\n"), "-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_EQ(ReplyAndClose("*99999999999999999999\r\n"),
            "-ERR Protocol error: invalid multibulk length\r\n");
  EXPECT_EQ(ReplyAndClose("*2\r\n$3\r\nGET\r\n$536870913\r\n"),
            "-ERR Protocol error: invalid bulk length\r\n");
  EXPECT_EQ(ReplyAndClose(std::string(70'000, 'a')),
            "-ERR Protocol error: too big inline request\r\n");
  EXPECT_EQ(ReplyAndClose("*" + std::string(70'000, '1')),
            "-ERR Protocol error: too big mbulk count string\r\n");
}

TEST_F(ProtocolTest, AnnouncedLengthsTakeNoMemory) {
  const uint64_t before = ResidentKilobytes();
  std::vector<std::unique_ptr<Client>> liars;
  for (int i = 0; i < 50; ++i) {
    liars.push_back(std::make_unique<Client>(server.port()));
    ASSERT_TRUE(liars.back()->Send("*1048576\r\n$536870912\r\nabc").ok());
  }
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG"));
  EXPECT_LT(ResidentKilobytes(), before + 50'000 * kMemoryOfAByte);
}

TEST_F(ProtocolTest, AsManyArgumentsAsAllowedAreServed) {
  constexpr size_t kArgs = 1024 * 1024;
  std::string request = fmt::format("*{}\r\n$6\r\nEXISTS\r\n", kArgs);
  for (size_t i = 1; i < kArgs; ++i) request += i % 2 == 0 ? "$1\r\na\r\n" : "$1\r\nb\r\n";
  Client patient(server.port(), milliseconds(30000));
  ASSERT_TRUE(patient.Send(request).ok());
  EXPECT_EQ(patient.GetReply(), Reply::Integer(0));
}

TEST_F(ProtocolTest, ALargeValueGoesInAndOut) {
  std::string value(40 << 20, 'x');
  value[12345] = '\0';
  Client patient(server.port(), milliseconds(30000));
  ASSERT_TRUE(patient.Command({"SET", "big", value}).ok());
  EXPECT_TRUE(patient.Command({"GET", "big"}) == Reply::String(value));
}

TEST_F(ProtocolTest, HelloSwitchesTheProtocol) {
  const Reply hello = client->Hello3();
  ASSERT_EQ(hello.type, Reply::Type::kMap);
  EXPECT_EQ(hello.elements[0], Reply::String("server"));
  client->Command({"HSET", "h", "f", "v"});
  EXPECT_EQ(client->Command({"HGETALL", "h"}).type, Reply::Type::kMap);
  ASSERT_TRUE(client->Command({"GET", "none"}).is_null());
  EXPECT_EQ(client->Command({"HELLO", "4"}), Reply::Error("NOPROTO unsupported protocol version"));
  EXPECT_EQ(client->Command({"HELLO", "2"}).type, Reply::Type::kArray);
  EXPECT_EQ(client->Command({"HGETALL", "h"}).type, Reply::Type::kArray);
}

TEST_F(ProtocolTest, UnknownCommandsAndWrongArityAreToldAsRedisDoes) {
  EXPECT_EQ(client->Command({"NOPE", "a", "b"}),
            Reply::Error("ERR unknown command 'NOPE', with args beginning with: 'a' 'b' "));
  EXPECT_EQ(client->Command({"get"}),
            Reply::Error("ERR wrong number of arguments for 'get' command"));
  EXPECT_EQ(client->Command({"CONFIG", "NOPE"}),
            Reply::Error("ERR unknown subcommand 'NOPE'. Try CONFIG HELP."));
  EXPECT_EQ(client->Command({"CONFIG", "GET"}),
            Reply::Error("ERR wrong number of arguments for 'config|get' command"));
  EXPECT_EQ(client->Command({std::string(200, 'n'), "x\r\ny"}),
            Reply::Error("ERR unknown command '" + std::string(128, 'n') +
                         "', with args beginning with: 'x  y' "));
}

// Written as a whole before a single reply is read: the server must take it all, holding back
// what it cannot keep, and lose no order.
TEST_F(ProtocolTest, ADeepPipelineIsAnsweredInOrder) {
  constexpr int kCommands = 100'000;
  std::string request;
  for (int i = 0; i < kCommands; ++i) {
    const std::string key = std::to_string(i % 1000);
    const std::string value = std::to_string(i);
    request += i % 2 == 0 ? fmt::format("*3\r\n$3\r\nSET\r\n${}\r\n{}\r\n${}\r\n{}\r\n", key.size(),
                                        key, value.size(), value)
                          : fmt::format("*2\r\n$4\r\nECHO\r\n${}\r\n{}\r\n", value.size(), value);
  }
  Client deep(server.port(), milliseconds(60000));
  std::thread writer([&] { EXPECT_TRUE(deep.Send(request).ok()); });
  writer.join();
  for (int i = 0; i < kCommands; ++i) {
    const Reply reply = deep.GetReply();
    ASSERT_EQ(reply, i % 2 == 0 ? Reply::Status("OK") : Reply::String(std::to_string(i))) << i;
  }
}

TEST_F(ProtocolTest, AClientThatVanishesMidCommandHarmsNobody) {
  for (size_t cut = 1; cut < kPipeline.size(); cut += 3) {
    Client hasty = Connect();
    ASSERT_TRUE(hasty.Send(kPipeline.substr(0, cut)).ok());
    if (cut % 2 == 0) {  // with a reset instead of a normal end
      const linger at_once = {.l_onoff = 1, .l_linger = 0};
      setsockopt(hasty.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
  }
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG"));
  EXPECT_TRUE(Eventually([&] {
    const Reply list = client->Command({"CLIENT", "LIST"});
    return std::count(list.str.begin(), list.str.end(), '\n') == 1;
  })) << "connections were not cleaned up";
}

TEST_F(ProtocolTest, WhatWasSentBeforeAHalfCloseIsAnswered) {
  Client half = Connect();
  ASSERT_TRUE(half.Send("SET k v\r\nGET k\r\nSET k").ok());
  ASSERT_EQ(shutdown(half.fd(), SHUT_WR), 0);
  EXPECT_EQ(half.ReceiveUntil("never sent"), "+OK\r\n$1\r\nv\r\n");
}

TEST_F(ProtocolTest, ClientReplyOffSkipAndOn) {
  ASSERT_TRUE(client
                  ->Send("CLIENT REPLY SKIP\r\nSET k 1\r\nGET k\r\n"
                         "CLIENT REPLY OFF\r\nINCR k\r\nNOPE\r\nMGET a b\r\nINCR k\r\n"
                         "CLIENT REPLY ON\r\nGET k\r\n")
                  .ok());
  EXPECT_EQ(client->ReceiveUntil("3\r\n"), "$1\r\n1\r\n+OK\r\n$1\r\n3\r\n");
}

TEST_F(ProtocolTest, QuitIsAnsweredAndClosesAfterWhatIsOwed) {
  EXPECT_EQ(ReplyAndClose("SET k v\r\nQUIT\r\nPING\r\n"), "+OK\r\n+OK\r\n");
}

class OutputLimitTest : public ProtocolTest {
 protected:
  OutputLimitTest() : ProtocolTest({"--client-output-buffer-limit", "normal 2mb 0 0"}) {}
};

TEST_F(OutputLimitTest, AClientThatDoesNotReadIsClosedAndTakesLittleMemory) {
  ASSERT_TRUE(client->Command({"SET", "k", std::string(100'000, 'x')}).ok());
  const uint64_t before = ResidentKilobytes();
  Client lazy = Connect();
  std::string request;
  for (int i = 0; i < 2000; ++i) request += "GET k\r\n";  // 200 MB of replies
  ASSERT_TRUE(lazy.Send(request).ok());
  EXPECT_TRUE(Eventually([&] {
    const Reply list = client->Command({"CLIENT", "LIST"});
    return std::count(list.str.begin(), list.str.end(), '\n') == 1;
  })) << "not closed";
  EXPECT_LT(ResidentKilobytes(), before + 60'000 * kMemoryOfAByte);
  EXPECT_EQ(client->Command({"PING"}), Reply::Status("PONG"));
}

// Without a limit such a client is held back: its commands wait, the server's memory does not grow.
TEST_F(ProtocolTest, AClientThatDoesNotReadIsHeldBack) {
  ASSERT_TRUE(client->Command({"SET", "k", std::string(100'000, 'x')}).ok());
  const uint64_t before = ResidentKilobytes();
  Client lazy(server.port(), milliseconds(60000));
  constexpr int kGets = 5000;  // 500 MB of replies
  std::string request;
  for (int i = 0; i < kGets; ++i) request += "GET k\r\n";
  ASSERT_TRUE(lazy.Send(request).ok());
  std::this_thread::sleep_for(milliseconds(500));
  EXPECT_LT(ResidentKilobytes(), before + 200'000 * kMemoryOfAByte);
  for (int i = 0; i < kGets; ++i) ASSERT_EQ(lazy.GetReply().str.size(), 100'000u) << i;
}

// Not even within one batch of commands, whose replies are large each; on either shard.
TEST_F(ProtocolTest, ABatchOfHugeRepliesIsHeldBackHalfway) {
  for (const char* key : {"k", "l"}) {
    ASSERT_TRUE(client->Command({"SET", key, std::string(4'000'000, 'x')}).ok());
    const uint64_t before = ResidentKilobytes();
    Client lazy(server.port(), milliseconds(60000));
    constexpr int kGets = 120;  // 480 MB of replies
    std::string request;
    for (int i = 0; i < kGets; ++i) request += std::string("GET ") + key + "\r\n";
    ASSERT_TRUE(lazy.Send(request).ok());
    std::this_thread::sleep_for(milliseconds(500));
    EXPECT_LT(ResidentKilobytes(), before + 250'000 * kMemoryOfAByte);
    for (int i = 0; i < kGets; ++i) ASSERT_EQ(lazy.GetReply().str.size(), 4'000'000u) << i;
  }
}

class StrangerTest : public ProtocolTest {
 protected:
  StrangerTest() : ProtocolTest({"--requirepass", "secret word"}) {}
};

TEST_F(StrangerTest, NothingWorksBeforeAuth) {
  EXPECT_EQ(client->Command({"GET", "k"}), Reply::Error("NOAUTH Authentication required."));
  EXPECT_EQ(client->Command({"AUTH", "wrong"}),
            Reply::Error("WRONGPASS invalid username-password pair or user is disabled."));
  EXPECT_THAT(client->Command({"HELLO", "3"}).str, StartsWith("NOAUTH"));
  EXPECT_TRUE(client->Command({"AUTH", "secret word"}).ok());
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  EXPECT_EQ(client->Command({"HELLO", "3", "AUTH", "default", "secret word"}).type,
            Reply::Type::kMap);
}

TEST_F(StrangerTest, StrangersGetSmallLimits) {
  EXPECT_EQ(ReplyAndClose("*11\r\n"), "-ERR Protocol error: unauthenticated multibulk length\r\n");
  EXPECT_EQ(ReplyAndClose("*2\r\n$3\r\nGET\r\n$16385\r\n"),
            "-ERR Protocol error: unauthenticated bulk length\r\n");
}

}  // namespace
}  // namespace flashdb::e2e
