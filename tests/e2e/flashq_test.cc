// flashq against the server: what a user does in a shell.
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "e2e/fixture.h"
#include "e2e/program.h"

namespace flashdb::e2e {
namespace {

using ::testing::HasSubstr;

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

class FlashqTest : public ServerTest {
 protected:
  explicit FlashqTest(ServerProcess::Options options = HttpServer()) : ServerTest(options) {}

  Program::Options Words(std::vector<std::string> words, std::string input = "") {
    const std::string url = fmt::format("http://127.0.0.1:{}", server.http_port());
    words.insert(words.begin(), {FLASHQ_BINARY_PATH, "--server", url});
    return {.words = std::move(words), .environment = {"NO_COLOR=1"}, .input = std::move(input)};
  }
  ProgramResult Flashq(std::vector<std::string> words, std::string input = "") {
    return RunProgram(Words(std::move(words), std::move(input)));
  }
  // What it prints; it must succeed.
  std::string Output(std::vector<std::string> words, std::string input = "") {
    const std::string shown = fmt::format("{}", fmt::join(words, " "));
    const ProgramResult result = Flashq(std::move(words), std::move(input));
    EXPECT_EQ(result.code, 0) << shown << ": " << result.err;
    return result.out;
  }
};

TEST_F(FlashqTest, WhatWasProducedIsFetchedAlsoAfterAKill) {
  EXPECT_EQ(Output({"produce", "orders", "--key", "ada", "--header", "a=1", "3 apples", "1 pear"}),
            "2 records appended to orders, partition 0, offsets 0 to 1\n");
  EXPECT_EQ(Output({"fetch", "orders", "--raw"}), "3 apples\n1 pear\n");
  server.Kill9();
  Start();
  EXPECT_EQ(Output({"fetch", "orders", "--raw"}), "3 apples\n1 pear\n");
  const std::vector<std::string> lines = LinesOf(Output({"fetch", "orders"}));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("ada  3 apples  a=1"));
}

TEST_F(FlashqTest, BytesComeBackAsTheyWere) {
  const std::string bytes("\xff\0\r\n\x1b[2J", 8);
  const std::string path = server.dir() + "/record";
  std::ofstream(path, std::ios::binary) << bytes;
  Output({"produce", "photos", "--file", path});
  EXPECT_EQ(Output({"fetch", "photos", "--raw", "--separator", ""}), bytes);
  EXPECT_THAT(Output({"fetch", "photos"}), HasSubstr("\\xff\\x00\\x0d\\n\\x1b[2J"));
}

TEST_F(FlashqTest, LinesAndNdjsonAreRecords) {
  std::string lines;
  for (int i = 0; i < 2500; ++i) lines += fmt::format("{}\n", i);
  EXPECT_THAT(Output({"produce", "t", "--batch", "1000"}, lines), HasSubstr("2,500 records"));
  EXPECT_EQ(Output({"fetch", "t", "--raw", "--max", "10000"}), lines);
  Output({"produce", "t", "--ndjson"},
         "{\"key\":\"k\",\"value\":{\"n\":1},\"headers\":{\"h\":\"x\"}}\n");
  EXPECT_THAT(Output({"fetch", "t", "--offset", "2500", "--json"}),
              HasSubstr(R"("key":"k","value":"{\"n\":1}","headers":{"h":"x"}})"));
}

TEST_F(FlashqTest, TopicsAreMadeListedChangedAndDeleted) {
  EXPECT_THAT(Output({"topics", "create", "t", "--partitions", "3", "--storage", "memory",
                      "--retention-ms", "86400000", "--cleanup", "both"}),
              HasSubstr("storage memory, cleanup both, kept 1 d"));
  EXPECT_THAT(Output({"topics"}), HasSubstr("t               3  memory   both     1 d"));
  EXPECT_THAT(Output({"topics", "alter", "t", "--partitions", "5", "--retention-ms", "0"}),
              HasSubstr("kept forever"));
  EXPECT_EQ(Output({"topics", "list", "--names"}), "t\n");
  Output({"topics", "delete", "t"});
  EXPECT_EQ(Output({"topics", "list", "--names"}), "");
  const ProgramResult gone = Flashq({"topics", "describe", "t"});
  EXPECT_EQ(gone.code, 1);
  EXPECT_THAT(gone.err, HasSubstr("404"));
}

TEST_F(FlashqTest, AGroupReadsOnWhereItHasCommitted) {
  Output({"produce", "t", "a", "b", "c"});
  EXPECT_EQ(Output({"fetch", "t", "--group", "g", "--max", "2", "--raw", "--commit"}), "a\nb\n");
  EXPECT_EQ(Output({"fetch", "t", "--group", "g", "--raw"}), "c\n");
  EXPECT_THAT(Output({"lag", "g"}), HasSubstr("total lag: 1"));
  Output({"commit", "g", "t", "--offset", "1", "--metadata", "again"});
  EXPECT_EQ(Output({"fetch", "t", "--group", "g", "--raw"}), "b\nc\n");
  EXPECT_THAT(Output({"offsets", "g", "t"}), HasSubstr("again"));
  EXPECT_EQ(Flashq({"commit", "g", "t", "--offset", "9"}).code, 1) << "beyond the end";
  EXPECT_EQ(Output({"groups", "list", "--names"}), "g\n");
  Output({"groups", "delete", "g"});
  EXPECT_EQ(Flashq({"lag", "g"}).code, 1);
}

TEST_F(FlashqTest, FetchWaitsForTheFirstRecord) {
  Output({"topics", "create", "t", "--partitions", "4"});
  Program fetch(Words({"fetch", "t", "--wait", "30", "--raw"}));
  Output({"produce", "t", "at last"});
  EXPECT_EQ(fetch.Wait(), 0);
  EXPECT_EQ(fetch.out(), "at last\n");
}

TEST_F(FlashqTest, FetchStartsAtATime) {
  Output({"produce", "t", "old"});
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  Output({"produce", "t", "new"});
  EXPECT_EQ(Output({"fetch", "t", "--from-time", "1s", "--raw"}), "new\n");
  EXPECT_EQ(Output({"fetch", "t", "--from-time", "1h", "--raw"}), "old\nnew\n");
}

TEST_F(FlashqTest, SubscribeFollowsUntilCtrlCAndCommitsWhatItPrinted) {
  Output({"topics", "create", "t", "--partitions", "2"});
  Output({"produce", "t", "before"});
  Program subscribe(Words({"subscribe", "t", "--group", "g", "--commit", "--raw"}));
  ASSERT_TRUE(subscribe.WaitForOutput("before\n"));
  for (int i = 0; i < 10; ++i) Output({"produce", "t", fmt::format("<{}>", i)});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(subscribe.WaitForOutput(fmt::format("<{}>\n", i)));
  subscribe.Signal(SIGINT);
  EXPECT_EQ(subscribe.Wait(), 0) << subscribe.err();
  EXPECT_THAT(Output({"lag", "g"}), HasSubstr("total lag: 0"));
}

TEST_F(FlashqTest, ASubscriberGoesOnWhereItIsWhenItsServerIsBack) {
  Output({"produce", "t", "before"});
  Program plain(Words({"subscribe", "t", "--from", "beginning", "--raw"}));
  Program member(Words({"subscribe", "t", "--group", "g", "--member", "m", "--commit", "--raw"}));
  for (Program* each : {&plain, &member}) ASSERT_TRUE(each->WaitForOutput("before\n"));
  server.Kill9();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  Start();
  Output({"produce", "t", "after"});
  for (Program* each : {&plain, &member}) {
    ASSERT_TRUE(each->WaitForOutput("after\n")) << each->err();
    each->Signal(SIGINT);
    EXPECT_EQ(each->Wait(), 0) << each->err();
    EXPECT_EQ(each->out(), "before\nafter\n");
    EXPECT_THAT(each->err(), HasSubstr("connected again"));
  }
  EXPECT_THAT(Output({"lag", "g"}), HasSubstr("total lag: 0"));
}

TEST_F(FlashqTest, AProducerWaitsForItsServerAndAppendsOnce) {
  Output({"topics", "create", "t", "--partitions", "4"});
  server.Kill9();
  Program produce(Words({"produce", "t", "--retry", "60", "--batch", "1", "a", "b"}));
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  Start();
  EXPECT_EQ(produce.Wait(), 0) << produce.err();
  EXPECT_EQ(Output({"fetch", "t", "--raw"}), "a\nb\n");
}

TEST_F(FlashqTest, WhatALaterRunSendsAgainIsNotAppendedAgain) {
  Output({"topics", "create", "t", "--partitions", "4"});
  for (int run = 0; run < 3; ++run) {
    Output({"produce", "t", "--producer-id", "loader", "--batch", "1", "only"});
  }
  EXPECT_EQ(Output({"fetch", "t", "--raw"}), "only\n");
}

TEST_F(FlashqTest, ASubscriberThatMayNotRetryEndsWithItsServerAndExitCode3) {
  Output({"produce", "t", "x"});
  Program subscribe(Words({"subscribe", "t", "--from", "beginning", "--raw", "--retry", "0"}));
  ASSERT_TRUE(subscribe.WaitForOutput("x\n"));
  server.Kill9();
  EXPECT_EQ(subscribe.Wait(), 3) << subscribe.err();
  EXPECT_EQ(Flashq({"health"}).code, 3);
}

TEST_F(FlashqTest, MembersShareTheRecordsAndALostMembersPartGoesToTheOther) {
  Output({"topics", "create", "t", "--partitions", "4"});
  auto member = [&](const char* name) {
    return Words({"subscribe", "t", "--group", "g", "--member", name, "--session-timeout", "2",
                  "--commit", "--raw"});
  };
  Program alice(member("alice"));
  Program bob(member("bob"));
  // Both have a share when both print something.
  int sent = 0;
  auto produce = [&] {
    std::string lines;
    for (int i = 0; i < 20; ++i) lines += fmt::format("<{}>\n", sent++);
    Output({"produce", "t"}, lines);
  };
  ASSERT_TRUE(Eventually(
      [&] {
        produce();
        return !alice.out().empty() && !bob.out().empty();
      },
      std::chrono::seconds(30)));
  alice.Signal(SIGKILL);
  alice.Wait();
  const std::vector<std::string> before = LinesOf(alice.out());
  produce();
  // What alice printed and did not commit comes again when her session has ended; of what bob
  // printed nothing does, and nothing is missing.
  ASSERT_TRUE(Eventually(
      [&] {
        std::set<std::string> seen(before.begin(), before.end());
        for (const std::string& line : LinesOf(bob.out())) seen.insert(line);
        return seen.size() == static_cast<size_t>(sent) &&
               Output({"lag", "g"}).find("total lag: 0") != std::string::npos;
      },
      std::chrono::seconds(30)))
      << bob.err();
  const std::vector<std::string> by_bob = LinesOf(bob.out());
  EXPECT_EQ(std::set<std::string>(by_bob.begin(), by_bob.end()).size(), by_bob.size());
  bob.Signal(SIGINT);
  EXPECT_EQ(bob.Wait(), 0) << bob.err();
}

TEST_F(FlashqTest, BenchMeasuresAndLeavesNothing) {
  EXPECT_THAT(Output({"bench", "--records", "2000", "--connections", "4", "--partitions", "2"}),
              HasSubstr("P99.9 MS"));
  EXPECT_EQ(Output({"topics", "list", "--names"}), "");
}

TEST_F(FlashqTest, HealthSaysThatAllIsWell) {
  EXPECT_THAT(Output({"health"}), HasSubstr("status: ok"));
}

class FlashqPasswordTest : public FlashqTest {
 protected:
  FlashqPasswordTest() : FlashqTest(HttpServer({"--requirepass", "secret"})) {}
};

TEST_F(FlashqPasswordTest, ThePasswordComesFromTheEnvironment) {
  const ProgramResult refused = Flashq({"topics"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("FLASHQ_PASSWORD"));
  Program::Options options = Words({"topics"});
  options.environment.push_back("FLASHQ_PASSWORD=secret");
  EXPECT_EQ(RunProgram(options).code, 0);
}

// ---- The demo ----------------------------------------------------------------------------------

class FlashqDemoTest : public ::testing::Test {
 protected:
  Program::Options Demo(std::vector<std::string> more, bool terminal) {
    std::vector<std::string> words = {FLASHQ_BINARY_PATH, "demo", "--server-binary",
                                      FLASHDB_BINARY_PATH};
    words.insert(words.end(), more.begin(), more.end());
    return {.words = std::move(words),
            .environment = {"TMPDIR=" + place_.path(), "TERM=xterm"},
            .terminal = terminal};
  }
  // Whether the demo's directory is gone, and its server with it.
  void ExpectNothingLeft(const std::string& output) {
    EXPECT_TRUE(std::filesystem::is_empty(place_.path()));
    const size_t at = output.find("process ");
    ASSERT_NE(at, std::string::npos);
    const int pid = std::stoi(output.substr(at + 8));
    EXPECT_EQ(kill(pid, 0), -1) << "the server still runs";
  }

  TempDir place_;
};

TEST_F(FlashqDemoTest, ItRunsThroughAllByItself) {
  const ProgramResult result = RunProgram(Demo({"--auto"}, false));
  EXPECT_EQ(result.code, 0) << result.out << result.err;
  EXPECT_THAT(result.out, HasSubstr("[9/9]"));
  EXPECT_THAT(result.out, HasSubstr("bob    partitions [0,1,2,3]"));
  EXPECT_THAT(result.out, HasSubstr("1) (integer) 97"));
  EXPECT_THAT(result.out, HasSubstr("Nothing is lost."));
  EXPECT_EQ(result.out.find('\x1b'), std::string::npos) << "no colors in a file";
  ExpectNothingLeft(result.out);
}

TEST_F(FlashqDemoTest, EnterGoesOnAndQQuits) {
  Program demo(Demo({}, true));
  ASSERT_TRUE(demo.WaitForOutput("start it"));
  demo.Type("x\n");
  ASSERT_TRUE(demo.WaitForOutput("[2/9]"));
  demo.Type("\n");
  ASSERT_TRUE(demo.WaitForOutput("[3/9]"));
  demo.Type("q");
  EXPECT_EQ(demo.Wait(), 0) << demo.out();
  ExpectNothingLeft(demo.out());
}

TEST_F(FlashqDemoTest, CtrlCInTheMiddleOfTheWorkCleansUp) {
  Program demo(Demo({}, true));
  ASSERT_TRUE(demo.WaitForOutput("start it"));
  // Enter for each question up to the sixth step, where two workers share a group.
  for (const char* next : {"[2/9]", "[3/9]", "[4/9]", "[5/9]", "flashq lag", "[6/9]"}) {
    demo.Type("\n");
    ASSERT_TRUE(demo.WaitForOutput(next)) << demo.out();
  }
  demo.Type("\n");
  ASSERT_TRUE(demo.WaitForOutput("orders produced: 5")) << demo.out();
  demo.Type("\x03");
  EXPECT_EQ(demo.Wait(), 130) << demo.out();
  ExpectNothingLeft(demo.out());
}

}  // namespace
}  // namespace flashdb::e2e
