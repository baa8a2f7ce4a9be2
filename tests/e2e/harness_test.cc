// The harness itself, against /bin/sh and a stand-in for the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "e2e/client.h"
#include "e2e/reply.h"
#include "e2e/server_process.h"
#include "e2e/temp_dir.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Reply MustTake(std::string_view bytes) {
  std::string_view input = bytes;
  auto reply = TakeReply(input);
  EXPECT_TRUE(reply.has_value()) << bytes;
  EXPECT_EQ(input, "");
  return reply.value_or(Reply{});
}

TEST(ReplyTest, EveryTypeOfRespIsRead) {
  EXPECT_EQ(MustTake("+OK\r\n"), Reply::Status("OK"));
  EXPECT_EQ(MustTake("-ERR x\r\n"), Reply::Error("ERR x"));
  EXPECT_EQ(MustTake(":-5\r\n"), Reply::Integer(-5));
  EXPECT_EQ(MustTake(std::string_view("$3\r\n\0\r\n\r\n", 9)),
            Reply::String(std::string_view("\0\r\n", 3)));
  EXPECT_EQ(MustTake("$-1\r\n"), Reply::Null());
  EXPECT_EQ(MustTake("*-1\r\n"), Reply::Null());
  EXPECT_EQ(MustTake("_\r\n"), Reply::Null());
  EXPECT_EQ(MustTake("*2\r\n:1\r\n*0\r\n"), Reply::Array({Reply::Integer(1), Reply::Array({})}));
  EXPECT_EQ(ToString(MustTake("%1\r\n+a\r\n#t\r\n")), "{a => (true)}");
  EXPECT_EQ(ToString(MustTake("~1\r\n,1.5\r\n")), "(set) [(double) 1.5]");
  EXPECT_EQ(ToString(MustTake(">1\r\n(12345678901234567890\r\n")),
            "(push) [(big number) 12345678901234567890]");
  EXPECT_EQ(ToString(MustTake("=5\r\ntxt:a\r\n")), "\"txt:a\"");
  EXPECT_EQ(ToString(MustTake("!3\r\nERR\r\n")), "(error) ERR");
}

TEST(ReplyTest, AReplyIsTakenOnlyWhenWhole) {
  constexpr std::string_view kWhole = "*2\r\n$3\r\nabc\r\n:1\r\n";
  for (size_t size = 0; size < kWhole.size(); ++size) {
    std::string_view part = kWhole.substr(0, size);
    EXPECT_FALSE(TakeReply(part).has_value()) << size;
    EXPECT_EQ(part.size(), size);
  }
}

TEST(ReplyTest, WhatIsNoRespIsReported) {
  for (std::string_view bytes : {"hello\r\n", "$x\r\n", "$1\r\nabc\r\n", "\r\n", "#x\r\n"}) {
    EXPECT_TRUE(MustTake(bytes).lost()) << bytes;
  }
}

TEST(ReplyTest, BinaryBytesArePrintedReadably) {
  EXPECT_EQ(ToString(Reply::String(std::string_view("a\0\"\xff", 4))), "\"a\\x00\\\"\\xff\"");
}

TEST(TempDirTest, TheDirectoryLivesAsLongAsTheObject) {
  std::string path;
  {
    TempDir dir;
    path = dir.path();
    EXPECT_TRUE(std::filesystem::is_directory(path));
    std::filesystem::create_directories(path + "/a/b");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(ServerProcessTest, AFailedStartIsReportedWithExitCodeAndOutput) {
  ServerProcess server({.binary = "/bin/sh"});  // which does not know --bind
  Status status = server.Start();
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_THAT(MessageOf(status), HasSubstr("/bin/sh ended with exit code 2"));
  EXPECT_THAT(MessageOf(status), HasSubstr("llegal option"));
  EXPECT_EQ(server.pid(), -1);
}

TEST(ServerProcessTest, AMissingBinaryIsReported) {
  ServerProcess server({.binary = "/nonexistent/flashdb"});
  EXPECT_THAT(MessageOf(server.Start()), HasSubstr("could not execute"));
}

TEST(ServerProcessTest, AServerThatNeverGetsReadyIsKilled) {
  ServerProcess server(
      {.args = {"--reply", ""}, .binary = PONG_SERVER, .start_timeout = milliseconds(2000)});
  Status status = server.Start();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(MessageOf(status), HasSubstr("some line"));
  EXPECT_EQ(server.pid(), -1);
}

TEST(ServerProcessTest, AServerIsStartedKilledAndStartedAgain) {
  ServerProcess server({.binary = PONG_SERVER});
  ASSERT_TRUE(server.Start().ok());
  EXPECT_TRUE(server.running());
  EXPECT_NE(server.port(), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(server.Start())) << "it runs already";
  server.Kill9();
  EXPECT_FALSE(server.running());
  EXPECT_EQ(*server.WaitForExit(), 128 + SIGKILL);
  ASSERT_TRUE(server.Start().ok());
  EXPECT_EQ(*server.Terminate(), 128 + SIGTERM);
  EXPECT_TRUE(absl::IsFailedPrecondition(server.Terminate().status()));
}

TEST(ServerProcessTest, TheServerEndsWithTheObject) {
  pid_t pid;
  {
    ServerProcess server({.binary = PONG_SERVER});
    ASSERT_TRUE(server.Start().ok());
    pid = server.pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
}

TEST(ClientTest, CommandsGetRepliesAndALostServerIsALostReply) {
  ServerProcess server({.binary = PONG_SERVER});
  ASSERT_TRUE(server.Start().ok());
  Client client(server.port());
  EXPECT_EQ(client.Command({"PING"}), Reply::Status("PONG"));
  EXPECT_TRUE(client.GetReply(milliseconds(10)).lost());
  EXPECT_TRUE(client.connected()) << "a timeout is no lost connection";
  EXPECT_EQ(client.Command({"PING"}), Reply::Status("PONG"));
  server.Kill9();
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_TRUE(client.Command({"PING"}).lost());
  EXPECT_FALSE(client.Reconnect().ok());
  EXPECT_THAT(client.error(), HasSubstr("connect to 127.0.0.1"));
}

TEST(ClientTest, APipelineGivesAsManyRepliesAsCommands) {
  ServerProcess server({.args = {"--reply", ":1\r\n:2\r\n"}, .binary = PONG_SERVER});
  ASSERT_TRUE(server.Start().ok());
  Client client(server.port());
  EXPECT_THAT(client.Pipeline({{"A"}, {"B"}}),
              ::testing::ElementsAre(Reply::Integer(1), Reply::Integer(2)));
}

TEST(ClientTest, RawBytesAreReceivedUpToTheEndAskedFor) {
  ServerProcess server({.args = {"--reply", "+a\r\n+b\r\n"}, .binary = PONG_SERVER});
  ASSERT_TRUE(server.Start().ok());
  Client client(server.port());
  ASSERT_TRUE(client.Send("x").ok());
  EXPECT_EQ(client.ReceiveUntil("\r\n"), "+a\r\n");
  EXPECT_EQ(client.GetReply(), Reply::Status("b"));
}

}  // namespace
}  // namespace flashdb::e2e
