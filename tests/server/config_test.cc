#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "server/config_file.h"
#include "server/config_parameters.h"
#include "server/config_rewrite.h"
#include "server/config_table.h"

namespace flashdb {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

class ConfigTest : public ::testing::Test {
 protected:
  using Strings = std::vector<std::string>;

  StatusOr<std::optional<Config>> Parse(const Strings& flags, const Strings& environment = {}) {
    std::vector<const char*> argv = {"flashdb"};
    for (const std::string& flag : flags) argv.push_back(flag.c_str());
    std::vector<const char*> variables;
    for (const std::string& variable : environment) variables.push_back(variable.c_str());
    variables.push_back(nullptr);
    out_.str("");
    return ParseConfig(static_cast<int>(argv.size()), argv.data(), variables.data(), out_);
  }

  Config MustParse(const Strings& flags, const Strings& environment = {}) {
    auto config = Parse(flags, environment);
    EXPECT_TRUE(config.ok()) << config.status();
    return config.ok() ? config->value_or(Config{}) : Config{};
  }

  std::string ErrorOf(const Strings& flags, const Strings& environment = {}) {
    auto config = Parse(flags, environment);
    EXPECT_FALSE(config.ok()) << "was accepted";
    return MessageOf(config.status());
  }

  // Writes a configuration file and returns its path.
  std::string File(std::string_view text) {
    std::string path = ::testing::TempDir() + "config_test.conf";
    std::ofstream(path) << text;
    return path;
  }

  std::ostringstream out_;
};

TEST_F(ConfigTest, NothingGivenGivesTheDefaults) {
  Config config = MustParse({});
  EXPECT_THAT(config.bind, ElementsAre("127.0.0.1", "-::1"));
  EXPECT_EQ(config.port, 6379);
  EXPECT_EQ(config.dir, "./data");
  EXPECT_EQ(config.sync, SyncMode::kAlways);
  EXPECT_EQ(config.segment_bytes, 32u << 20);
  EXPECT_EQ(config.client_output_buffer_limit_pubsub, (OutputBufferLimit{32u << 20, 8u << 20, 60}));
  EXPECT_TRUE(config.protected_mode);
  EXPECT_EQ(DescribeConfig(config), "");
}

TEST_F(ConfigTest, FlagsSetEveryKindOfValue) {
  Config config =
      MustParse({"--port", "0", "--bind", "127.0.0.1,-::1 127.0.0.2", "--sync", "periodic",
                 "--segment-bytes=64kb", "--protected-mode", "no", "--slowlog-log-slower-than",
                 "-1", "--log-write", "Direct", "--requirepass", "-starts with a dash"});
  EXPECT_EQ(config.port, 0);
  EXPECT_THAT(config.bind, ElementsAre("127.0.0.1", "-::1", "127.0.0.2"));
  EXPECT_EQ(config.sync, SyncMode::kPeriodic);
  EXPECT_EQ(config.segment_bytes, 65536u);
  EXPECT_FALSE(config.protected_mode);
  EXPECT_EQ(config.slowlog_log_slower_than, -1);
  EXPECT_EQ(config.log_write, LogWriteMode::kDirect);
  EXPECT_EQ(config.requirepass, "-starts with a dash");
}

TEST_F(ConfigTest, ValuesAreTakenAsTheyAre) {
  for (std::string text : {"", "[a,b]", "{}", "a,b", "\"q\"", "a=b", "--port", "%%", "[", " x "}) {
    EXPECT_EQ(MustParse({"--requirepass", text}).requirepass, text);
    EXPECT_EQ(MustParse({"--requirepass=" + text}).requirepass, text);
    EXPECT_EQ(MustParse({}, {"FLASHDB_REQUIREPASS=" + text}).requirepass, text);
  }
}

TEST_F(ConfigTest, TheLastOfARepeatedFlagWins) {
  EXPECT_EQ(MustParse({"--port", "1", "--port", "2"}).port, 2);
  Config config = MustParse({"--client-output-buffer-limit", "normal 0 0 0",
                             "--client-output-buffer-limit", "pubsub 1mb 0 0"});
  EXPECT_EQ(config.client_output_buffer_limit_normal, OutputBufferLimit{});
  EXPECT_EQ(config.client_output_buffer_limit_pubsub, (OutputBufferLimit{1u << 20, 0, 0}));
}

TEST_F(ConfigTest, AnAddressWithADashMayBeTheFlagsValue) {
  EXPECT_THAT(MustParse({"--bind", "-::1"}).bind, ElementsAre("-::1"));
}

TEST_F(ConfigTest, FlagsWinOverTheEnvironmentWhichWinsOverTheFile) {
  std::string file = File("port 1\ntimeout 1\nmaxclients 1\n");
  Config config = MustParse({"--config", file, "--port", "3"},
                            {"FLASHDB_PORT=2", "FLASHDB_TIMEOUT=2", "OTHER_MAXCLIENTS=9"});
  EXPECT_EQ(config.port, 3);
  EXPECT_EQ(config.timeout, 2u);
  EXPECT_EQ(config.maxclients, 1u);
}

TEST_F(ConfigTest, TheEnvironmentCanNameTheFile) {
  EXPECT_EQ(MustParse({}, {"FLASHDB_CONFIG=" + File("port 7")}).port, 7);
}

TEST_F(ConfigTest, FilesTakeRedisLinesAndEqualsSigns) {
  Config config = MustParse({"--config", File("# comment\n\n"
                                              "  bind 127.0.0.1   -::1\r\n"
                                              "LOGLEVEL=debug\n"
                                              "sync = never\n"
                                              "requirepass \"a \\\"b\\\" #c\\x41\"\n"
                                              "pidfile 'it\\'s'\n"
                                              "logfile \"\"\n"
                                              "dir=/x=y\n"
                                              "client-output-buffer-limit normal 2mb 1mb 5\n"
                                              "client-output-buffer-limit pubsub 0 0 0\n"
                                              "appendonly yes\n"
                                              "save \"\"")});
  EXPECT_THAT(config.bind, ElementsAre("127.0.0.1", "-::1"));
  EXPECT_EQ(config.loglevel, LogLevel::kDebug);
  EXPECT_EQ(config.sync, SyncMode::kNever);
  EXPECT_EQ(config.requirepass, "a \"b\" #cA");
  EXPECT_EQ(config.pidfile, "it's");
  EXPECT_EQ(config.dir, "/x=y");
  EXPECT_EQ(config.client_output_buffer_limit_normal, (OutputBufferLimit{2u << 20, 1u << 20, 5}));
  EXPECT_EQ(config.client_output_buffer_limit_pubsub, OutputBufferLimit{});
}

TEST_F(ConfigTest, ErrorsInAFileNameItsLine) {
  auto error = [&](std::string_view text) { return ErrorOf({"--config", File(text)}); };
  EXPECT_THAT(error("\nprot 1"), HasSubstr("config_test.conf:2: there is no parameter 'prot'"));
  EXPECT_THAT(error("#\n#\nport x"), HasSubstr("config_test.conf:3: port: 'x' is not a whole"));
  EXPECT_THAT(error("port"), HasSubstr("config_test.conf:1: 'port' has no value"));
  EXPECT_THAT(error("appendonly no"), HasSubstr("the log is always on"));
}

TEST_F(ConfigTest, AnOpenQuoteIsAnErrorThatDoesNotShowTheValue) {
  EXPECT_THAT(ErrorOf({"--config", File("requirepass \"hunter2")}),
              AllOf(HasSubstr(":1: a \" is never closed"), Not(HasSubstr("hunter2"))));
}

TEST_F(ConfigTest, AMissingFileIsAnError) {
  EXPECT_THAT(ErrorOf({"--config", "/nonexistent/x.conf"}),
              AllOf(HasSubstr("/nonexistent/x.conf"), HasSubstr("No such file")));
}

TEST_F(ConfigTest, SizesHaveRedisUnits) {
  auto size = [&](const std::string& text) { return MustParse({"--maxmemory", text}).maxmemory; };
  EXPECT_EQ(size("17"), 17u);
  EXPECT_EQ(size("17b"), 17u);
  EXPECT_EQ(size("2k"), 2000u);
  EXPECT_EQ(size("2KB"), 2048u);
  EXPECT_EQ(size("3m"), 3000000u);
  EXPECT_EQ(size("3mb"), 3145728u);
  EXPECT_EQ(size("4g"), 4000000000u);
  EXPECT_EQ(size("4Gb"), 4294967296u);
}

TEST_F(ConfigTest, BadValuesAreRefusedWithTheirFlagAndWhatWouldBeRight) {
  EXPECT_THAT(ErrorOf({"--port", "65536"}),
              HasSubstr("--port: '65536' is not a whole number from 0 to 65535"));
  EXPECT_THAT(ErrorOf({"--port", "6379x"}), HasSubstr("--port: '6379x'"));
  EXPECT_THAT(ErrorOf({"--maxmemory", "99999999999gb"}), HasSubstr("is not a size"));
  EXPECT_THAT(ErrorOf({"--maxmemory", "1tb"}), HasSubstr("is not a size"));
  EXPECT_THAT(ErrorOf({"--maxmemory", "-1"}), HasSubstr("is not a size"));
  EXPECT_THAT(ErrorOf({"--segment-bytes", "4kb"}), HasSubstr("from 64kb to 4gb"));
  EXPECT_THAT(ErrorOf({"--segment-bytes", "65537"}), HasSubstr("multiple of 4096"));
  EXPECT_THAT(ErrorOf({"--sync", "often"}),
              HasSubstr("'often' is none of always, periodic, never"));
  EXPECT_THAT(ErrorOf({"--protected-mode", "maybe"}), HasSubstr("neither yes nor no"));
  EXPECT_THAT(ErrorOf({"--bind", "localhost"}), HasSubstr("write 127.0.0.1"));
  EXPECT_THAT(ErrorOf({"--bind", ""}), HasSubstr("at least one"));
  EXPECT_THAT(ErrorOf({"--client-output-buffer-limit", "pubsub 1mb"}), HasSubstr("CLASS HARD"));
  EXPECT_THAT(ErrorOf({}, {"FLASHDB_PORT=tcp://10.0.0.1:6379"}),
              HasSubstr("environment variable FLASHDB_PORT: 'tcp:"));
}

TEST_F(ConfigTest, UnknownFlagsAreNamedWithoutTheirValue) {
  EXPECT_THAT(ErrorOf({"--requirepas", "hunter2"}),
              AllOf(HasSubstr("no flag --requirepas;"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ErrorOf({"--requirepas=hunter2"}), Not(HasSubstr("hunter2")));
  EXPECT_THAT(ErrorOf({"hunter2"}), AllOf(HasSubstr("--config FILE"), Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ErrorOf({"--port"}), HasSubstr("--port"));
}

TEST_F(ConfigTest, AReachableAddressNeedsAPasswordOrTheUsersConsent) {
  EXPECT_THAT(
      ErrorOf({"--bind", "127.0.0.1 -::*"}),
      AllOf(HasSubstr("bind -::*"), HasSubstr("--requirepass"), HasSubstr("--protected-mode no")));
  EXPECT_THAT(ErrorOf({"--bind", "*"}), HasSubstr("bind *"));
  EXPECT_THAT(MustParse({"--bind", "*", "--requirepass", "x"}).bind, ElementsAre("*"));
  EXPECT_THAT(MustParse({"--bind", "10.0.0.1", "--protected-mode", "no"}).bind,
              ElementsAre("10.0.0.1"));
  EXPECT_THAT(MustParse({"--bind", "127.1.2.3 ::1"}).bind, ElementsAre("127.1.2.3", "::1"));
}

TEST_F(ConfigTest, ShardPortsMustFitAndNotCollide) {
  EXPECT_EQ(MustParse({"--shard-ports", "65535", "--shards", "1"}).shard_ports, 65535);
  EXPECT_THAT(ErrorOf({"--shard-ports", "65535", "--shards", "2"}), HasSubstr("beyond 65535"));
  EXPECT_THAT(ErrorOf({"--shard-ports", "6378", "--shards", "2"}), HasSubstr("include port 6379"));
}

TEST_F(ConfigTest, ShardCountFollowsTheAffinityMaskUnlessGiven) {
  EXPECT_GE(ShardCount(MustParse({})), 1u);
  EXPECT_EQ(ShardCount(MustParse({"--shards", "7"})), 7u);
}

TEST_F(ConfigTest, BindAddressesAreTakenApart) {
  auto address = ParseBindAddress("-::*");
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->host, "::");
  EXPECT_TRUE(address->may_fail);
  EXPECT_FALSE(address->loopback);
  EXPECT_TRUE(ParseBindAddress("127.0.0.1")->loopback);
}

TEST_F(ConfigTest, HelpNamesEveryFlagWithItsDefault) {
  auto result = Parse({"--help"});
  ASSERT_TRUE(result.ok());
  EXPECT_FALSE(result->has_value());
  for (std::string_view text :
       {"--port PORT", "[6379]", "--sync MODE", "[32mb]", "Durability:", "Examples:", "--config"}) {
    EXPECT_THAT(out_.str(), HasSubstr(text));
  }
  EXPECT_THAT(out_.str(), Not(HasSubstr("appendfsync")));
}

TEST_F(ConfigTest, VersionIsOneLine) {
  EXPECT_FALSE(Parse({"--version"})->has_value());
  EXPECT_EQ(out_.str(), "FlashDB " FLASHDB_VERSION "\n");
}

TEST_F(ConfigTest, TheDescriptionForTheLogHidesThePassword) {
  EXPECT_EQ(DescribeConfig(MustParse({"--port", "1", "--requirepass", "hunter2"})),
            "port=1 requirepass=(hidden)");
}

TEST(ConfigTableTest, GetFindsByGlobInAnyCase) {
  Config config;
  EXPECT_THAT(ConfigGet(config, "MAXMEMORY-[ps]*"),
              ElementsAre(Pair("maxmemory-policy", "noeviction"), Pair("maxmemory-samples", "5")));
  EXPECT_THAT(ConfigGet(config, "por[a-t]"), ElementsAre(Pair("port", "6379")));
  EXPECT_TRUE(ConfigGet(config, "nothing").empty());
}

TEST(ConfigTableTest, GetAnswersWhatClientsAsk) {
  Config config;
  config.sync = SyncMode::kPeriodic;
  EXPECT_THAT(ConfigGet(config, "save"), ElementsAre(Pair("save", "")));
  EXPECT_THAT(ConfigGet(config, "appendonly"), ElementsAre(Pair("appendonly", "yes")));
  EXPECT_THAT(ConfigGet(config, "appendfsync"), ElementsAre(Pair("appendfsync", "everysec")));
  EXPECT_THAT(ConfigGet(config, "databases"), ElementsAre(Pair("databases", "16")));
  EXPECT_THAT(ConfigGet(config, "client-output-buffer-limit"),
              ElementsAre(Pair("client-output-buffer-limit",
                               "normal 1073741824 0 0 slave 268435456 67108864 60 "
                               "pubsub 33554432 8388608 60")));
}

TEST(ConfigTableTest, WhatGetGivesSetTakesBack) {
  Config config;
  for (const auto& [name, value] : ConfigGet(config, "*")) {
    Status status = ConfigSet(config, {{name, value}});
    EXPECT_TRUE(status.ok() || absl::IsFailedPrecondition(status)) << name << ": " << status;
  }
  EXPECT_EQ(DescribeConfig(config), "");
}

TEST(ConfigTableTest, SetChangesWhatMayChange) {
  Config config;
  ASSERT_TRUE(ConfigSet(config, {{"MaxMemory", "1mb"}}).ok());
  EXPECT_EQ(config.maxmemory, 1u << 20);
  ASSERT_TRUE(ConfigSet(config, {{"requirepass", "secret"}}).ok());
  EXPECT_EQ(config.requirepass, "secret");
  ASSERT_TRUE(ConfigSet(config, {{"hash-max-ziplist-entries", "5"}}).ok());
  EXPECT_EQ(config.hash_max_listpack_entries, 5u);
  EXPECT_TRUE(ConfigSet(config, {{"save", ""}}).ok());
  EXPECT_TRUE(ConfigSet(config, {{"port", "6379"}}).ok()) << "it is that already";
}

TEST(ConfigTableTest, SetRefusesTheRestAndChangesNothing) {
  Config config;
  EXPECT_TRUE(absl::IsNotFound(ConfigSet(config, {{"nosuch", "1"}})));
  EXPECT_TRUE(absl::IsFailedPrecondition(ConfigSet(config, {{"port", "1"}})));
  EXPECT_TRUE(absl::IsInvalidArgument(ConfigSet(config, {{"appendonly", "no"}})));
  EXPECT_TRUE(absl::IsInvalidArgument(ConfigSet(config, {{"maxclients", "0"}})));
  EXPECT_TRUE(absl::IsInvalidArgument(
      ConfigSet(config, {{"client-output-buffer-limit", "pubsub 1 1 1 nosuch 1 1 1"}})));
  EXPECT_EQ(DescribeConfig(config), "");
}

TEST(ConfigTableTest, ErrorsHaveRedisWords) {
  Config config;
  auto error = [&config](const Settings& changes) { return MessageOf(ConfigSet(config, changes)); };
  EXPECT_EQ(error({{"nosuch", "1"}, {"port", "2"}}),
            "Unknown option or number of arguments for CONFIG SET - 'nosuch'");
  EXPECT_THAT(error({{"Port", "1"}}),
              ::testing::StartsWith("CONFIG SET failed (possibly related to argument 'Port') - "
                                    "can't set immutable config"));
  EXPECT_EQ(error({{"maxclients", "1"}, {"MAXclients", "2"}}),
            "CONFIG SET failed (possibly related to argument 'MAXclients') - duplicate parameter");
  EXPECT_THAT(
      error({{"Timeout", "x"}}),
      ::testing::StartsWith("CONFIG SET failed (possibly related to argument 'timeout') - "));
}

TEST(ConfigTableTest, SeveralAreSetAllOrNone) {
  Config config;
  EXPECT_FALSE(ConfigSet(config, {{"timeout", "5"}, {"hz", "50"}, {"maxclients", "x"}}).ok());
  EXPECT_EQ(config.timeout, 0u);
  EXPECT_TRUE(config.remembered.empty());
  EXPECT_TRUE(ConfigSet(config, {{"timeout", "5"}, {"hz", "50"}, {"maxclients", "6"}}).ok());
  EXPECT_EQ(config.timeout, 5u);
  EXPECT_EQ(config.maxclients, 6u);
}

TEST(ConfigTableTest, SettingsWithoutAnEffectAreRememberedUnderAllTheirNames) {
  Config config;
  EXPECT_THAT(
      ConfigGet(config, "list-max-*-size"),
      ElementsAre(Pair("list-max-listpack-size", "-2"), Pair("list-max-ziplist-size", "-2")));
  ASSERT_TRUE(
      ConfigSet(config, {{"list-max-ziplist-size", "7"}, {"repl-backlog-size", "2mb"}}).ok());
  EXPECT_THAT(ConfigGet(config, "list-max-listpack-size"),
              ElementsAre(Pair("list-max-listpack-size", "7")));
  EXPECT_THAT(ConfigGet(config, "repl-backlog-size"),
              ElementsAre(Pair("repl-backlog-size", "2097152")));
  EXPECT_FALSE(ConfigSet(config, {{"list-max-listpack-size", "seven"}}).ok());
  EXPECT_FALSE(ConfigSet(config, {{"activerehashing", "maybe"}}).ok());
  EXPECT_TRUE(ConfigSet(config, {{"maxmemory-clients", "5%"}}).ok());
  EXPECT_FALSE(ConfigSet(config, {{"maxmemory-clients", "101%"}}).ok());
  EXPECT_TRUE(ConfigSet(config, {{"maxmemory-clients", "0"}}).ok());
  ASSERT_TRUE(ConfigSet(config, {{"list-max-listpack-size", "-2"}}).ok());
  EXPECT_EQ(config.remembered.size(), 1u);
}

TEST(ConfigTableTest, WhatWouldBreakAPromiseIsNotRemembered) {
  Config config;
  EXPECT_TRUE(ConfigSet(config, {{"min-replicas-to-write", "0"}}).ok());
  EXPECT_FALSE(ConfigSet(config, {{"min-replicas-to-write", "1"}}).ok());
  EXPECT_FALSE(ConfigSet(config, {{"maxmemory-policy", "allkeys-lru"}}).ok());
}

TEST(ConfigTableTest, PercentilesAreNumbersUpToAHundred) {
  Config config;
  ASSERT_TRUE(ConfigSet(config, {{"latency-tracking-info-percentiles", "0 50 99.99"}}).ok());
  EXPECT_THAT(ConfigGet(config, "latency-tracking-info-percentiles"),
              ElementsAre(Pair("latency-tracking-info-percentiles", "0 50 99.99")));
  for (const char* bad : {"101", "-1", "x", "50 nan"}) {
    EXPECT_FALSE(ConfigSet(config, {{"latency-tracking-info-percentiles", bad}}).ok()) << bad;
  }
}

TEST(ConfigRewriteTest, KeepsCommentsAndLinesThatAreTrue) {
  Config config;
  config.timeout = 9;
  config.maxmemory = 1 << 20;
  config.requirepass = "two \"words\"";
  config.remembered["hz"] = "50";
  auto text =
      RewrittenConfigText("# mine\n\nmaxmemory 1mb\n  timeout   5\ntimeout 6\nport = 6379", config);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(*text,
            "# mine\n\nmaxmemory 1mb\ntimeout 9\nport = 6379\n# Written by CONFIG REWRITE\n"
            "requirepass \"two \\\"words\\\"\"\nhz 50\n");
  auto again = RewrittenConfigText(*text, config);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, *text);
}

TEST(ConfigRewriteTest, WhatItWritesReadsAsTheSame) {
  Config config;
  ASSERT_TRUE(ConfigSet(config, {{"client-output-buffer-limit", "pubsub 1 2 3 normal 4 5 6"},
                                 {"requirepass", "a\nb #c"},
                                 {"latency-tracking-info-percentiles", ""},
                                 {"slowlog-log-slower-than", "-1"}})
                  .ok());
  config.bind = {"127.0.0.1", "::1"};
  auto text = RewrittenConfigText("bind *\n", config);
  ASSERT_TRUE(text.ok()) << text.status();
  auto lines = ParseConfigText(*text, "f");
  ASSERT_TRUE(lines.ok()) << lines.status();
  Config read;
  for (const ConfigLine& line : *lines) {
    EXPECT_TRUE(FindParameter(line.name)->Set(read, line.value).ok()) << line.name;
  }
  EXPECT_EQ(ConfigGet(read, "*"), ConfigGet(config, "*"));
}

TEST(ConfigRewriteTest, ALineThatIsNoSettingIsAnError) {
  EXPECT_TRUE(absl::IsInvalidArgument(RewrittenConfigText("nosuch 1\n", Config{}).status()));
}

TEST(ConfigTableTest, SetDoesNotOpenAProtectedServer) {
  Config config;
  config.bind = {"0.0.0.0"};
  config.requirepass = "secret";
  Status status = ConfigSet(config, {{"requirepass", ""}});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(config.requirepass, "secret");
}

}  // namespace
}  // namespace flashdb
