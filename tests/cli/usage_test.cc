// Words, environment and exit codes, without a server or with one that misbehaves.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <fstream>

#include "cli/errors.h"
#include "cli/fake_server.h"
#include "cli/harness.h"

namespace flashdb::cli {
namespace {

using Response = FakeServer::Response;

// One that nothing listens on: port 1 is for programs that are long gone.
constexpr const char* kNobody = "http://127.0.0.1:1";

Response Refuse(int status, const char* body) { return {.status = status, .body = body}; }

TEST(UsageTest, WrongWordsAreExitCode2AndPointToHelp) {
  const std::vector<std::vector<std::string>> kWrong = {
      {},
      {"nonsense"},
      {"topics", "create"},
      {"topics", "create", "a", "--storage", "tape"},
      {"topics", "create", "a", "--partitions", "many"},
      {"produce"},
      {"produce", "t", "x", "--batch", "0"},
      {"fetch", "t", "--max", "0"},
      {"commit", "g", "t"},
      {"completion", "csh"},
      {"subscribe", "t", "--max", "-1"},
  };
  for (const auto& words : kWrong) {
    const RunResult result = RunWords(words);
    EXPECT_EQ(result.code, kExitUsage) << testing::PrintToString(words);
    EXPECT_NE(result.err.find("--help"), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(UsageTest, OptionsThatContradictEachOtherAreExitCode2) {
  const std::vector<std::vector<std::string>> kWrong = {
      {"produce", "t", "x", "--ndjson"},
      {"produce", "t", "--tombstone"},
      {"produce", "t", "--tombstone", "--key", "k", "value"},
      {"produce", "t", "--key-separator", ":", "--key", "k"},
      {"produce", "t", "x", "--header", "novalue"},
      {"produce", "t", "--file", "/no/such/file"},
      {"fetch", "t", "--commit"},
      {"fetch", "t", "--offset", "1", "--from-time", "5m"},
      {"fetch", "t", "--from-time", "soon"},
      {"subscribe", "t", "--member", "m"},
      {"subscribe", "t", "--member", "m", "--group", "g", "--partition", "1"},
      {"topics", "alter", "t"},
      {"health", "--timeout", "0"},
      {"health", "--server", "ftp://x"},
      {"health", "--server", "http://"},
      {"health", "--password-file", "/no/such/file"},
  };
  for (const auto& words : kWrong) {
    EXPECT_EQ(RunAgainst(kNobody, words).code, kExitUsage) << testing::PrintToString(words);
  }
}

TEST(UsageTest, HelpAndVersionAreResults) {
  const RunResult version = RunWords({"--version"});
  EXPECT_EQ(version.code, 0);
  EXPECT_EQ(version.out, "flashq " FLASHDB_VERSION "\n");
  for (const char* command : {"topics", "produce", "fetch", "subscribe", "groups", "commit",
                              "offsets", "lag", "bench", "health", "completion"}) {
    const RunResult help = RunWords({command, "--help"});
    EXPECT_EQ(help.code, 0) << command;
    EXPECT_NE(help.out.find("Usage"), std::string::npos) << command;
  }
}

TEST(UsageTest, NoServerIsExitCode3AndSaysHowToNameOne) {
  const RunResult result = RunAgainst(kNobody, {"health"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_NE(result.err.find("no server at http://127.0.0.1:1"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("FLASHQ_SERVER"), std::string::npos);
}

TEST(UsageTest, AConnectionThatBreaksIsExitCode3) {
  FakeServer server([](const auto&) { return Response{.hang_up = true}; });
  const RunResult result = RunAgainst(server.url(), {"produce", "t", "x"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_NE(result.err.find("is not known"), std::string::npos) << result.err;
}

TEST(UsageTest, AnAnswerThatDoesNotComeIsExitCode4) {
  FakeServer server([](const auto&) { return Response{.never = true}; });
  const RunResult result = RunAgainst(server.url(), {"health", "--timeout", "0.1"});
  EXPECT_EQ(result.code, kExitTimeout);
  EXPECT_NE(result.err.find("--timeout"), std::string::npos);
}

TEST(UsageTest, ARefusalIsExitCode1WithTheServersWords) {
  FakeServer server([](const auto&) {
    return Refuse(404, R"({"error":"not_found","message":"no topic 't'","details":{"topic":"t"}})");
  });
  const RunResult result = RunAgainst(server.url(), {"topics", "describe", "t"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_EQ(result.err, "flashq: GET /topics/t: 404 no topic 't' ({\"topic\":\"t\"})\n");
}

TEST(UsageTest, EveryRefusalIsExitCode1WhateverItsStatus) {
  std::atomic<int> status{0};
  FakeServer server([&](const auto&) { return Refuse(status, "<b>no</b>\x1b[2J"); });
  for (int each : {400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503}) {
    status = each;
    const RunResult result = RunAgainst(server.url(), {"topics"});
    EXPECT_EQ(result.code, kExitRefused) << each;
    EXPECT_EQ(result.err.find('\x1b'), std::string::npos) << "the terminal must stay as it is";
  }
}

TEST(UsageTest, AnotherServersAnswerIsNoResult) {
  FakeServer server([](const auto&) { return Response{.body = "<html>"}; });
  for (const char* command : {"topics", "groups", "health"}) {
    const RunResult result = RunAgainst(server.url(), {command});
    EXPECT_EQ(result.code, kExitRefused) << command;
    EXPECT_NE(result.err.find("FlashDB server?"), std::string::npos) << result.err;
  }
}

TEST(UsageTest, WithJsonAnErrorIsADocument) {
  const RunResult result = RunAgainst(kNobody, {"--json", "health"});
  EXPECT_EQ(result.code, kExitUnreachable);
  auto error = ParseJson(result.err);
  ASSERT_TRUE(error.ok()) << result.err;
  EXPECT_EQ(IntOf(*error, "exit_code"), kExitUnreachable);
}

class PasswordTest : public testing::Test {
 protected:
  PasswordTest() : server_([](const auto&) { return Response{.body = "{}"}; }) {}
  ~PasswordTest() override { unsetenv("FLASHQ_PASSWORD"); }

  std::string Sent(const std::vector<std::string>& words) {
    EXPECT_EQ(RunAgainst(server_.url(), words).code, 0);
    auto headers = server_.requests().back().headers;
    return headers["authorization"];
  }

  FakeServer server_;
};

TEST_F(PasswordTest, WithoutOneNothingIsSent) { EXPECT_EQ(Sent({"health"}), ""); }

TEST_F(PasswordTest, ItComesFromTheEnvironmentOrAFilesFirstLine) {
  setenv("FLASHQ_PASSWORD", "secret", 1);
  EXPECT_EQ(Sent({"health"}), "Bearer secret");
  const std::string path = testing::TempDir() + "/flashq-password";
  std::ofstream(path) << "from file\nrest\n";
  EXPECT_EQ(Sent({"health", "--password-file", path}), "Bearer from file");
  ASSERT_EQ(remove(path.c_str()), 0);
}

TEST_F(PasswordTest, AUrlWithAPasswordIsRefusedForOthersCouldSeeIt) {
  const RunResult result = RunWords({"--server", "http://user:secret@127.0.0.1:1", "health"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_EQ(result.err.find("secret"), std::string::npos);
  EXPECT_NE(result.err.find("FLASHQ_PASSWORD"), std::string::npos);
}

TEST_F(PasswordTest, TheServersAddressComesFromTheEnvironmentToo) {
  setenv("FLASHQ_SERVER", server_.url().c_str(), 1);
  EXPECT_EQ(RunWords({"health"}).code, 0);
  EXPECT_EQ(RunAgainst(kNobody, {"health"}).code, kExitUnreachable) << "the option wins";
  unsetenv("FLASHQ_SERVER");
}

TEST(ColorTest, ColorsAreForTerminalsWithoutNoColor) {
  FakeServer server([](const auto&) { return Response{.body = R"({"status":"ok"})"}; });
  EXPECT_EQ(RunAgainst(server.url(), {"health"}).out, "status: ok\n");
  EXPECT_EQ(RunAgainst(server.url(), {"health"}, {.terminal = true}).out,
            "\x1b[1mstatus\x1b[0m: ok\n");
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(RunAgainst(server.url(), {"health"}, {.terminal = true}).out, "status: ok\n");
  unsetenv("NO_COLOR");
}

TEST(HealthTest, AServerThatIsUnwellIsShownAndIsExitCode1) {
  FakeServer server([](const auto&) {
    return Refuse(503, R"({"status":"failed","message":"the log of shard 1 failed"})");
  });
  const RunResult result = RunAgainst(server.url(), {"health"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_EQ(result.out, "status: failed\nmessage: the log of shard 1 failed\n");
}

}  // namespace
}  // namespace flashdb::cli
