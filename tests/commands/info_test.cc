// INFO's sections and words.
#include "commands/info.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/cycles.h"
#include "commands/observe.h"
#include "tests/commands/server_fixture.h"

namespace flashdb {
namespace {

InfoSectionSet Sections(const std::vector<std::string_view>& names) {
  return ParseInfoSections(names);
}

std::string Format(const ServerFigures& server, std::string_view section) {
  return FormatInfo(server, Sections({section}));
}

bool HasLine(const std::string& text, std::string_view line) {
  return text.find(fmt::format("\r\n{}\r\n", line)) != std::string::npos;
}

TEST(InfoTest, SectionsAreChosenByNameInAnyCase) {
  InfoSectionSet set = Sections({"KeySpace", "cpu", "nosuch"});
  EXPECT_EQ(std::count(set.begin(), set.end(), true), 2);
  EXPECT_TRUE(set[static_cast<size_t>(InfoSection::kKeyspace)]);
  EXPECT_TRUE(set[static_cast<size_t>(InfoSection::kCpu)]);
}

TEST(InfoTest, CommandStatisticsComeOnlyWhenAskedFor) {
  auto stats = static_cast<size_t>(InfoSection::kCommandStats);
  EXPECT_FALSE(Sections({})[stats]);
  EXPECT_FALSE(Sections({"default"})[stats]);
  EXPECT_TRUE(Sections({"all"})[stats]);
  EXPECT_TRUE(Sections({"everything"})[stats]);
  EXPECT_TRUE(Sections({"default", "commandstats"})[stats]);
}

TEST(InfoTest, SectionsAreSeparatedByEmptyLines) {
  EXPECT_EQ(FormatInfo({}, Sections({"cluster", "keyspace"})),
            "# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n");
  EXPECT_EQ(FormatInfo({}, Sections({"nosuch"})), "");
}

TEST(InfoTest, BytesAreShortenedAsInRedis) {
  EXPECT_EQ(HumanBytes(0), "0B");
  EXPECT_EQ(HumanBytes(1023), "1023B");
  EXPECT_EQ(HumanBytes(1536), "1.50K");
  EXPECT_EQ(HumanBytes(uint64_t{3} << 30), "3.00G");
  EXPECT_EQ(HumanBytes(uint64_t{5} << 50), "5.00P");
}

TEST(InfoTest, FiguresOfAllShardsAreAdded) {
  ServerFigures server;
  server.shards.resize(2);
  for (ShardFigures& shard : server.shards) {
    shard.databases[0] = {10, 2};
    shard.databases[7] = {1, 0};
    shard.connections = 3;
    shard.keys.hits = 5;
    shard.key_bytes = 1000;
    shard.client_bytes = 24;
    shard.stats.commands = 100;
    shard.stats.commands_per_second = 1.5;
    shard.log.disk_bytes = 4096;
  }
  EXPECT_EQ(Format(server, "keyspace"),
            "# Keyspace\r\ndb0:keys=20,expires=4,avg_ttl=0\r\ndb7:keys=2,expires=0,avg_ttl=0\r\n");
  EXPECT_TRUE(HasLine(Format(server, "clients"), "connected_clients:6"));
  std::string stats = Format(server, "stats");
  EXPECT_TRUE(HasLine(stats, "keyspace_hits:10"));
  EXPECT_TRUE(HasLine(stats, "total_commands_processed:200"));
  EXPECT_TRUE(HasLine(stats, "instantaneous_ops_per_sec:3"));
  EXPECT_TRUE(HasLine(Format(server, "memory"), "used_memory:2048"));
  EXPECT_TRUE(HasLine(Format(server, "memory"), "used_memory_human:2.00K"));
  EXPECT_TRUE(HasLine(Format(server, "persistence"), "aof_current_size:8192"));
}

TEST(InfoTest, AChannelHeardOnTwoShardsIsOneChannel) {
  ServerFigures server;
  server.shards.resize(2);
  server.shards[0].channels = {1, 2};
  server.shards[1].channels = {3, 2};
  EXPECT_TRUE(HasLine(Format(server, "stats"), "pubsub_channels:3"));
}

TEST(InfoTest, CommandStatisticsAreMergedByName) {
  ServerFigures server;
  server.shards.resize(2);
  const Command* command = FindSubcommand("client", "list");
  auto cycles = [](double micros) { return static_cast<uint64_t>(micros * CyclesPerMicro()); };
  server.shards[0].stats.Of(*command) = {
      .calls = 1, .cycles = cycles(1500), .rejected = 0, .failed = 1};
  server.shards[1].stats.Of(*command) = {
      .calls = 1, .cycles = cycles(2500), .rejected = 2, .failed = 0};
  EXPECT_EQ(Format(server, "commandstats"),
            "# Commandstats\r\ncmdstat_client|list:calls=2,usec=4000,usec_per_call=2000.00,"
            "rejected_calls=2,failed_calls=1\r\n");
  server.shards[0].stats.errors["ERR"] = 1;
  server.shards[1].stats.errors["ERR"] = 2;
  EXPECT_EQ(Format(server, "errorstats"), "# Errorstats\r\nerrorstat_ERR:count=3\r\n");
}

TEST(InfoTest, AFailedLogIsSeenByToolsAndExplained) {
  ServerFigures server;
  server.shards.resize(2);
  EXPECT_TRUE(HasLine(Format(server, "persistence"), "aof_last_write_status:ok"));
  server.shards[1].log.error = "write: Input/output error";
  EXPECT_TRUE(HasLine(Format(server, "persistence"), "aof_last_write_status:err"));
  EXPECT_NE(Format(server, "flashdb").find("log_status=write: Input/output error\r\n"),
            std::string::npos);
}

TEST(InfoTest, EveryLineIsANameAndAValue) {
  ServerFigures server;
  server.shards.resize(1);
  std::string text = FormatInfo(server, Sections({"everything"}));
  size_t lines = 0;
  while (!text.empty()) {
    size_t end = text.find("\r\n");
    ASSERT_NE(end, std::string::npos);
    std::string line = text.substr(0, end);
    text.erase(0, end + 2);
    EXPECT_TRUE(line.empty() || line.starts_with("# ") || line.find(':') != std::string::npos)
        << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
    ++lines;
  }
  EXPECT_GT(lines, 150u);
}

TEST(InfoTest, LatenciesAreMergedByNameAndShownAsPercentiles) {
  ServerFigures server;
  server.shards.resize(2);
  server.latency_percentiles = {50, 99.9};
  const size_t number = FindSubcommand("client", "list")->number;
  for (ShardFigures& shard : server.shards) {
    const bool first = &shard == &server.shards[0];
    LatencyHistogram histogram;
    for (int i = 0; i < 10; ++i) {
      histogram.Record(static_cast<uint64_t>((first ? 10 : 1000) * CyclesPerMicro()));
    }
    shard.histograms.emplace_back(number, histogram);
  }
  const std::string text = Format(server, "latencystats");
  double low = 0;
  double high = 0;
  ASSERT_EQ(std::sscanf(text.c_str(),
                        "# Latencystats\r\nlatency_percentiles_usec_client|list:p50=%lf,p99.9=%lf",
                        &low, &high),
            2)
      << text;
  EXPECT_NEAR(low, 10, 0.7);
  EXPECT_NEAR(high, 1000, 70);
}

TEST(InfoTest, TheEventLoopsAreAdded) {
  ServerFigures server;
  server.shards.resize(2);
  for (ShardFigures& shard : server.shards) {
    shard.loop_turns = 4;
    shard.loop_busy_micros = 100;
    shard.stats.turns_per_second = 2;
    shard.stats.micros_per_turn = 25;
    shard.stats.Of(*FindCommand("get")).cycles = static_cast<uint64_t>(40.5 * CyclesPerMicro());
    shard.stats.Of(*FindCommand("exec")).cycles = static_cast<uint64_t>(40 * CyclesPerMicro());
  }
  const std::string stats = Format(server, "stats");
  for (std::string_view line :
       {"eventloop_cycles:8", "eventloop_duration_sum:200", "eventloop_duration_cmd_sum:80",
        "instantaneous_eventloop_cycles_per_sec:4", "instantaneous_eventloop_duration_usec:25"}) {
    EXPECT_TRUE(HasLine(stats, line)) << line;
  }
}

class InfoCommandTest : public test::ServerFixture {};

TEST_F(InfoCommandTest, TellsOfTheRunningServer) {
  shard_.keys().SetString(3, MakeKey("k"), "v", 0);
  shard_.keys().sink().Clear();
  services_.log.last_lsn = 42;
  std::string info = Run("INFO");
  for (std::string_view line :
       {"redis_version:7.2.0", "redis_mode:standalone", "tcp_port:6379", "uptime_in_seconds:5",
        "connected_clients:1", "role:master", "db3:keys=1,expires=0,avg_ttl=0", "shards:1"}) {
    EXPECT_TRUE(HasLine(info, line)) << line;
  }
  EXPECT_NE(info.find("shard0:slots=0-16383,keys=1,connections=1,"), std::string::npos);
  EXPECT_NE(info.find("last_lsn=42,"), std::string::npos);
}

TEST_F(InfoCommandTest, ExpiredFieldsHaveRedisName) {
  shard_.keys().stats().expired_fields = 6;
  EXPECT_TRUE(HasLine(Run("INFO stats"), "expired_subkeys:6"));
}

TEST_F(InfoCommandTest, ResetStatForgetsCountersOnly) {
  ObserveCommand(engine_, *FindCommand("get"), {}, nullptr, 5, false);
  engine_.stats.commands = 9;
  engine_.stats.errors["ERR"] = 1;
  shard_.keys().stats().hits = 4;
  shard_.keys().SetString(0, MakeKey("k"), "v", 0);
  shard_.keys().sink().Clear();
  EXPECT_EQ(Run("CONFIG RESETSTAT"), "+OK\r\n");
  std::string info = Run("INFO everything");
  EXPECT_TRUE(HasLine(info, "total_commands_processed:0"));
  EXPECT_TRUE(HasLine(info, "keyspace_hits:0"));
  EXPECT_EQ(info.find("errorstat_"), std::string::npos);
  EXPECT_TRUE(engine_.histograms.empty());
  EXPECT_TRUE(HasLine(info, "db0:keys=1,expires=0,avg_ttl=0"));
}

TEST_F(InfoCommandTest, IsVerbatimTextInResp3) {
  session().protocol = 3;
  EXPECT_TRUE(Run("INFO cpu").starts_with("="));
  EXPECT_NE(Run("INFO cpu").find("txt:# CPU\r\n"), std::string::npos);
}

}  // namespace
}  // namespace flashdb
