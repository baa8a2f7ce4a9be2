// flashq subscribe: following, Ctrl-C, commits, and shares of a group.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "cli/errors.h"
#include "cli/fake_server.h"
#include "cli/harness.h"
#include "cli/line_streams.h"

namespace flashdb::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using Response = FakeServer::Response;

constexpr const char* kTopic =
    R"({"partitions":[{"partition":0,"start_offset":1,"high_watermark":5},)"
    R"({"partition":1,"start_offset":2,"high_watermark":6}]})";

std::string Line(int offset, const char* value) {
  return fmt::format("{{\"partition\":0,\"offset\":{},\"timestamp\":\"T\",\"value\":\"{}\"}}\n",
                     offset, value);
}

bool Asks(const FakeServer::Request& request, std::string_view text) {
  return (request.method + " " + request.target).find(text) != std::string::npos;
}

// A topic with two partitions; partition 0 has two new records, partition 1 none.
Response Topic(const FakeServer::Request& request) {
  if (request.target == "/topics/t") return {.body = kTopic};
  if (Asks(request, "follow=true")) {
    const bool first = Asks(request, "partition=0");
    return {.body = first ? Line(5, "a") + "\r\n" + Line(6, "b") : "", .endless = true};
  }
  if (Asks(request, "GET /groups/g/topics/t/offsets")) {
    return {.body = R"({"partitions":[{"partition":0,"committed_offset":3}]})"};
  }
  return {.body = "{}"};
}

// Sends SIGINT to this process once the server has been asked for `text`.
class CtrlC {
 public:
  CtrlC(const FakeServer& server, std::string text)
      : thread_([&server, text = std::move(text)] {
          EXPECT_TRUE(server.WaitFor(text)) << text;
          // Time for the answer to arrive; if it has not, the test fails, it does not pass wrongly.
          std::this_thread::sleep_for(std::chrono::milliseconds(300));
          kill(getpid(), SIGINT);
        }) {}
  ~CtrlC() { thread_.join(); }

 private:
  std::thread thread_;
};

TEST(SubscribeTest, CtrlCIsTheRegularEnd) {
  FakeServer server(&Topic);
  CtrlC interrupt(server, "partition=1&offset=6&follow=true");
  const RunResult result = RunAgainst(server.url(), {"subscribe", "t"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "0:5      T  a\n0:6      T  b\n");
  EXPECT_THAT(server.log(), Contains(HasSubstr("partition=0&offset=5&follow=true")));
  EXPECT_EQ(result.err, "2 records\n");
}

TEST(SubscribeTest, AfterCtrlCWhatWasPrintedIsCommitted) {
  FakeServer server(&Topic);
  CtrlC interrupt(server, "partition=1&offset=2&follow=true");
  const RunResult result = RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--commit"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(server.log(), Contains(HasSubstr("partition=0&offset=3&follow=true")));
  const auto requests = server.requests();
  EXPECT_EQ(requests.back().method, "POST");
  EXPECT_EQ(requests.back().body, R"({"offsets":[{"partition":0,"offset":7}]})");
}

TEST(SubscribeTest, WithoutCommitNothingIsCommitted) {
  FakeServer server(&Topic);
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--max", "2"}).code, 0);
  EXPECT_THAT(server.log(), Not(Contains(HasSubstr("POST"))));
}

TEST(SubscribeTest, MaxEndsAfterSoManyRecords) {
  FakeServer server(&Topic);
  const RunResult result = RunAgainst(
      server.url(), {"subscribe", "t", "--partition", "0", "--max", "1", "--raw", "--from", "2"});
  EXPECT_EQ(result.out, "a\n");
  EXPECT_THAT(server.log(), Contains(HasSubstr("partition=0&offset=2&follow=true")));
}

TEST(SubscribeTest, FromBeginningIsTheOldestRecordThatIsKept) {
  FakeServer server(&Topic);
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--max", "1", "--from", "beginning"}).code,
            0);
  EXPECT_THAT(server.log(), Contains(HasSubstr("partition=0&offset=1&follow=true")));
}

TEST(SubscribeTest, WrongPlacesAreExitCode2) {
  FakeServer server(&Topic);
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--from", "here"}).code, kExitUsage);
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--partition", "9"}).code, kExitUsage);
}

TEST(SubscribeTest, AServerThatEndsTheStreamIsExitCode3IfItShallNotRetry) {
  FakeServer server([](const auto& request) {
    return Asks(request, "follow") ? Response{.body = Line(5, "a")} : Topic(request);
  });
  const RunResult result =
      RunAgainst(server.url(), {"subscribe", "t", "--partition", "0", "--retry", "0"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_EQ(result.out, "0:5      T  a\n");
}

TEST(SubscribeTest, AServerThatEndsEveryStreamIsAskedLessAndLessOftenAndGivenUp) {
  std::atomic<int> streams = 0;
  FakeServer server([&streams](const auto& request) {
    if (!Asks(request, "follow")) return Topic(request);
    ++streams;
    return Response{.body = ""};
  });
  const RunResult result =
      RunAgainst(server.url(), {"subscribe", "t", "--partition", "0", "--retry", "1"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, HasSubstr("trying again for 1 s"));
  EXPECT_GT(streams, 2);
  EXPECT_LT(streams, 8);
}

TEST(SubscribeTest, ARefusedStreamIsExitCode1) {
  FakeServer server([](const auto& request) {
    return Asks(request, "follow") ? Response{.status = 429, .body = R"({"message":"too many"})"}
                                   : Topic(request);
  });
  const RunResult result = RunAgainst(server.url(), {"subscribe", "t", "--partition", "0"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_THAT(result.err, HasSubstr("too many"));
}

// The group gives partition 0 at first, and partition 1 from the first heartbeat on.
Response Sharing(const FakeServer::Request& request) {
  if (request.method == "POST" && Asks(request, "/members")) {
    return {.body = fmt::format(
                R"({{"generation":1,"assignments":[{{"topic":"t","partitions":[{}]}}]}})",
                Asks(request, "heartbeat") ? 1 : 0)};
  }
  return Topic(request);
}

TEST(SubscribeTest, AMemberFollowsItsShareAndLeavesAtTheEnd) {
  FakeServer server(&Sharing);
  const RunResult result =
      RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--member", "m", "--max", "2"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(server.log(), Not(Contains(HasSubstr("partition=1"))));
  EXPECT_EQ(server.log().back(), "DELETE /groups/g/members/m");
}

TEST(SubscribeTest, WhenTheShareMovesTheRestIsCommittedAndTheNewPartsAreFollowed) {
  FakeServer server(&Sharing);
  CtrlC interrupt(server, "partition=1&offset=2&follow=true");
  const RunResult result = RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--member",
                                                     "m", "--commit", "--session-timeout", "1"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("m now has partitions 1 of t"));
  // Before the heartbeat whose answer gives partition 0 away.
  const auto log = server.log();
  EXPECT_LT(std::find(log.begin(), log.end(), "POST /groups/g/topics/t/offsets"),
            std::find(log.begin(), log.end(), "POST /groups/g/members/m/heartbeat"));
  for (const auto& request : server.requests()) {
    if (!Asks(request, "POST /groups/g/topics/t/offsets")) continue;
    EXPECT_EQ(request.body,
              R"({"offsets":[{"partition":0,"offset":7}],"member":"m","generation":1})");
  }
}

TEST(SubscribeTest, ACommitThatComesTooLateIsSaidAndIsNotTheEnd) {
  FakeServer server([](const auto& request) {
    return Asks(request, "POST /groups/g/topics/t/offsets")
               ? Response{.status = 409, .body = R"({"message":"partition 0 is not m's"})"}
               : Sharing(request);
  });
  const RunResult result = RunAgainst(
      server.url(), {"subscribe", "t", "--group", "g", "--member", "m", "--commit", "--max", "2"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_THAT(result.err, HasSubstr("others read it again"));
}

TEST(SubscribeTest, AGroupThatDoesNotExistYetReadsFromTheBeginning) {
  FakeServer server([](const auto& request) {
    return Asks(request, "GET /groups/g/topics/t/offsets") ? Response{.status = 404, .body = "{}"}
                                                           : Topic(request);
  });
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--max", "1"}).code, 0);
  EXPECT_THAT(server.log(), Contains(HasSubstr("partition=0&offset=1&follow=true")));
}

TEST(SubscribeTest, AMemberWithoutAShareWaitsForOne) {
  FakeServer server([](const auto& request) {
    if (request.target == "/groups/g/members") return Response{.body = R"({"assignments":[]})"};
    return Sharing(request);
  });
  CtrlC interrupt(server, "partition=1&offset=2&follow=true");
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--member", "m",
                                      "--session-timeout", "1"})
                .code,
            0);
}

TEST(SubscribeTest, AMemberThatWasForgottenJoinsAgain) {
  std::atomic<int> joins{0};
  FakeServer server([&](const auto& request) -> Response {
    if (Asks(request, "heartbeat")) return {.status = 404, .body = "{}"};
    if (request.method == "POST" && Asks(request, "/members")) ++joins;
    return Sharing(request);
  });
  CtrlC interrupt(server, "heartbeat");
  EXPECT_EQ(RunAgainst(server.url(), {"subscribe", "t", "--group", "g", "--member", "m",
                                      "--session-timeout", "1"})
                .code,
            0);
  EXPECT_GE(joins, 2);
}

TEST(LineStreamsTest, WithoutStreamsItOnlyWaits) {
  LineStreams streams({});
  EXPECT_TRUE(absl::IsDeadlineExceeded(streams.Next(std::chrono::milliseconds(5)).status()));
}

TEST(LineStreamsTest, LinesOfSeveralStreamsCarryTheirTags) {
  FakeServer server([](const auto& request) {
    return Response{.body = request.target + "\nhalf", .endless = true};
  });
  LineStreams streams({.server = server.url()});
  streams.Add(1, "/one");
  streams.Add(2, "/two");
  std::map<int, std::string> lines;
  for (int i = 0; i < 2; ++i) {
    auto line = streams.Next(std::chrono::seconds(10));
    ASSERT_TRUE(line.ok()) << line.status();
    lines[line->tag] = line->text;
  }
  EXPECT_EQ(lines, (std::map<int, std::string>{{1, "/one"}, {2, "/two"}}));
  EXPECT_TRUE(absl::IsDeadlineExceeded(streams.Next(std::chrono::milliseconds(20)).status()));
}

}  // namespace
}  // namespace flashdb::cli
