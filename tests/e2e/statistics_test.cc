// What the server counts and times: INFO's sections of statistics, LATENCY, SLOWLOG; and CONFIG.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "e2e/fixture.h"
#include "e2e/temp_dir.h"

namespace flashdb::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StatisticsTest : public ServerTest {
 protected:
  StatisticsTest() : ServerTest(SmallServer(3)) {}

  std::string Info(std::string_view section) { return client->Command({"INFO", section}).str; }
  // The figure `name` in the line of `command`.
  int64_t Figure(std::string_view command, std::string_view name) {
    const std::string text = Info("commandstats");
    const size_t line = text.find(fmt::format("cmdstat_{}:", command));
    if (line == std::string::npos) return -1;
    const size_t at = text.find(fmt::format("{}=", name), line);
    return std::stoll(text.substr(at + name.size() + 1));
  }
};

TEST_F(StatisticsTest, ACommandOverSeveralShardsIsOneCall) {
  ASSERT_TRUE(client->Command({"MSET", "a", "1", "b", "2", "c", "3", "d", "4"}).ok());
  client->Command({"MGET", "a", "b", "c", "d"});
  EXPECT_EQ(Figure("mset", "calls"), 1);
  EXPECT_EQ(Figure("mget", "calls"), 1);
}

TEST_F(StatisticsTest, RefusedCommandsAreRejectedAndFailedOnesWereCalled) {
  client->Command({"SET", "k", "x"});
  client->Command({"GET"});
  client->Command({"GET", "a", "b"});
  client->Command({"INCR", "k"});
  client->Command({"HGET", "k", "f"});
  client->Command({"NOSUCH"});
  EXPECT_EQ(Figure("get", "calls"), 0);
  EXPECT_EQ(Figure("get", "rejected_calls"), 2);
  EXPECT_EQ(Figure("incr", "calls"), 1);
  EXPECT_EQ(Figure("incr", "failed_calls"), 1);
  EXPECT_EQ(Figure("incr", "rejected_calls"), 0);
  EXPECT_THAT(Info("errorstats"), HasSubstr("errorstat_ERR:count=4\r\n"));
  EXPECT_THAT(Info("errorstats"), HasSubstr("errorstat_WRONGTYPE:count=1\r\n"));
}

TEST_F(StatisticsTest, WhatMultiRefusesIsRejectedAndExecFails) {
  client->Command({"MULTI"});
  client->Command({"SAVE"});
  client->Command({"SET", "k"});
  EXPECT_EQ(client->Command({"EXEC"}),
            Reply::Error("EXECABORT Transaction discarded because of previous errors."));
  EXPECT_EQ(Figure("save", "rejected_calls"), 1);
  EXPECT_EQ(Figure("set", "rejected_calls"), 1);
  EXPECT_EQ(Figure("exec", "failed_calls"), 1);
  EXPECT_THAT(Info("errorstats"), HasSubstr("errorstat_EXECABORT:count=1\r\n"));
}

TEST_F(StatisticsTest, StrangersAreRejected) {
  Client stranger = Connect();
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "requirepass", "pw"}).ok());
  Client late = Connect();
  late.Command({"GET", "k"});
  EXPECT_EQ(Figure("get", "rejected_calls"), 1);
  EXPECT_THAT(Info("errorstats"), HasSubstr("errorstat_NOAUTH:count=1\r\n"));
}

TEST_F(StatisticsTest, TransactionsAndTasksTakeTime) {
  client->Command({"MULTI"});
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(client->Append({"SET", fmt::format("k{}", i), "v"}).ok());
  }
  for (int i = 0; i < 500; ++i) client->GetReply();
  ASSERT_EQ(client->Command({"EXEC"}).elements.size(), 500u);
  EXPECT_GT(Figure("exec", "usec"), 20);
  client->Command({"INFO", "everything"});
  EXPECT_GT(Figure("info", "usec"), 0);
}

TEST_F(StatisticsTest, SlowLogShowsTasksAndInsteadOfExecItsCommands) {
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "slowlog-log-slower-than", "0"}).ok());
  ASSERT_TRUE(client->Command({"SLOWLOG", "RESET"}).ok());
  client->Command({"INFO"});
  client->Command({"MULTI"});
  client->Command({"SET", "k", "v"});
  client->Command({"EXEC"});
  std::vector<std::string> names;
  for (const Reply& entry : client->Command({"SLOWLOG", "GET", "-1"}).elements) {
    names.push_back(entry.elements[3].elements[0].str);
  }
  EXPECT_THAT(names, ::testing::Contains("INFO"));
  EXPECT_THAT(names, ::testing::Contains("SET"));
  EXPECT_THAT(names, Not(::testing::Contains("EXEC")));
}

TEST_F(StatisticsTest, LatenciesAreTrackedOnAllShardsUntilSwitchedOff) {
  for (int i = 0; i < 30; ++i) client->Command({"GET", fmt::format("k{}", i)});
  const Reply histogram = client->Command({"LATENCY", "HISTOGRAM", "get"});
  ASSERT_EQ(histogram.elements.size(), 2u);
  EXPECT_EQ(histogram.elements[1].elements[1], Reply::Integer(30));
  EXPECT_THAT(Info("latencystats"), HasSubstr("latency_percentiles_usec_get:p50="));
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "latency-tracking-info-percentiles", "99.5"}).ok());
  EXPECT_THAT(Info("latencystats"), HasSubstr("latency_percentiles_usec_get:p99.5="));
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "latency-tracking", "no"}).ok());
  EXPECT_THAT(Info("latencystats"), Not(HasSubstr("latency_percentiles_usec_get")));
  ASSERT_TRUE(client->Command({"CONFIG", "RESETSTAT"}).ok());
  client->Command({"GET", "k"});
  EXPECT_TRUE(client->Command({"LATENCY", "HISTOGRAM"}).elements.empty());
}

TEST_F(StatisticsTest, SettingsOfAllShardsChangeTogetherOrNotAtAll) {
  const Reply error =
      client->Command({"CONFIG", "SET", "timeout", "7", "list-compress-depth", "x"});
  EXPECT_THAT(error.str, ::testing::StartsWith("ERR CONFIG SET failed (possibly related to "
                                               "argument 'list-compress-depth') - "));
  EXPECT_EQ(client->Command({"CONFIG", "GET", "timeout"}).elements[1], Reply::String("0"));
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "timeout", "7", "list-compress-depth", "2"}).ok());
  for (int i = 0; i < 3; ++i) {
    Client other = Connect();
    EXPECT_EQ(other.Command({"CONFIG", "GET", "timeout", "list-compress-depth"}).elements.size(),
              4u);
    EXPECT_EQ(other.Command({"CONFIG", "GET", "timeout"}).elements[1], Reply::String("7"));
    EXPECT_EQ(other.Command({"CONFIG", "GET", "list-compress-depth"}).elements[1],
              Reply::String("2"));
  }
}

// A server with a configuration file.
class RewriteTest : public ServerTest {
 protected:
  RewriteTest() : ServerTest(SmallServer(2)) {
    std::ofstream(file_) << "# keep me\ntimeout 0\n";
    server.options().args.insert(server.options().args.end(), {"--config", file_});
  }

  TempDir dir_;
  const std::string file_ = dir_.path() + "/flashdb.conf";
};

TEST_F(RewriteTest, ConfigRewriteOutlivesTheServer) {
  ASSERT_TRUE(client->Command({"CONFIG", "SET", "timeout", "100", "hz", "20"}).ok());
  EXPECT_EQ(client->Command({"CONFIG", "REWRITE"}), Reply::Status("OK"));
  std::stringstream text;
  text << std::ifstream(file_).rdbuf();
  EXPECT_THAT(text.str(), ::testing::StartsWith("# keep me\ntimeout 100\n"));
  server.Kill9();
  Start();
  EXPECT_EQ(client->Command({"CONFIG", "GET", "timeout"}).elements[1], Reply::String("100"));
  EXPECT_EQ(client->Command({"CONFIG", "GET", "hz"}).elements[1], Reply::String("20"));
}

}  // namespace
}  // namespace flashdb::e2e
