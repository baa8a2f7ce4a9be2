// Handshake, login, what a connection sets for itself, and what it asks of others.
#include <gtest/gtest.h>

#include "commands/client.h"
#include "commands/cluster.h"
#include "commands/dispatch.h"
#include "commands/slowlog.h"
#include "tests/commands/server_fixture.h"

namespace flashdb {
namespace {

class ConnectionTest : public test::ServerFixture {
 protected:
  void LockUp() {
    services_.password = "secret";
    session().authenticated = false;
  }
};

TEST_F(ConnectionTest, PingAnswersPongOrTheText) {
  EXPECT_EQ(Run("PING"), "+PONG\r\n");
  EXPECT_EQ(Run("ping hello"), "$5\r\nhello\r\n");
  EXPECT_EQ(Run("PING a b"), "-ERR wrong number of arguments for 'ping' command\r\n");
}

TEST_F(ConnectionTest, PingOfAnOldSubscriberIsAMessage) {
  session().channels.insert("news");
  EXPECT_EQ(Run("PING"), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_EQ(Run("PING x"), "*2\r\n$4\r\npong\r\n$1\r\nx\r\n");
  session().protocol = 3;
  EXPECT_EQ(Run("PING"), "+PONG\r\n");
}

TEST_F(ConnectionTest, HelloSwitchesTheProtocolOfItsOwnReply) {
  std::string reply = Run("HELLO 3 SETNAME worker");
  EXPECT_TRUE(reply.starts_with("%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n")) << reply;
  EXPECT_NE(reply.find("$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n"), std::string::npos);
  EXPECT_EQ(session().protocol, 3);
  EXPECT_EQ(session().name, "worker");
  EXPECT_TRUE(Run("HELLO").starts_with("%7\r\n"));
  EXPECT_TRUE(Run("HELLO 2").starts_with("*14\r\n"));
}

TEST_F(ConnectionTest, HelloRefusesUnknownProtocolsAndOptions) {
  EXPECT_EQ(Run("HELLO 4"), "-NOPROTO unsupported protocol version\r\n");
  EXPECT_EQ(Run("HELLO three"), "-ERR Protocol version is not an integer or out of range\r\n");
  EXPECT_EQ(Run("HELLO 3 COLOUR"), "-ERR Syntax error in HELLO option 'COLOUR'\r\n");
  EXPECT_EQ(Run("HELLO 3 SETNAME"), "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
  EXPECT_EQ(RunArgs(*clients_[0], {"HELLO", "3", "SETNAME", "a b"}),
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  EXPECT_EQ(session().protocol, 2);
}

TEST_F(ConnectionTest, HelloNeedsALoginFirst) {
  LockUp();
  EXPECT_TRUE(Run("HELLO 3").starts_with("-NOAUTH HELLO must be called with the client already "));
  EXPECT_EQ(Run("HELLO 3 AUTH default wrong SETNAME x"),
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  EXPECT_EQ(session().protocol, 2);
  EXPECT_EQ(session().name, "");
  EXPECT_TRUE(Run("HELLO 3 AUTH default secret SETNAME x").starts_with("%7\r\n"));
  EXPECT_TRUE(session().authenticated);
  EXPECT_EQ(session().name, "x");
}

TEST_F(ConnectionTest, AuthTakesPasswordOrUserAndPassword) {
  LockUp();
  constexpr std::string_view kWrong =
      "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
  EXPECT_EQ(Run("AUTH wrong"), kWrong);
  EXPECT_EQ(Run("AUTH somebody secret"), kWrong);
  EXPECT_FALSE(session().authenticated);
  EXPECT_EQ(Run("AUTH default secret"), "+OK\r\n");
  EXPECT_TRUE(session().authenticated);
  session().authenticated = false;
  EXPECT_EQ(Run("AUTH secret"), "+OK\r\n");
  EXPECT_TRUE(session().authenticated);
  EXPECT_EQ(Run("AUTH a b c"), "-ERR syntax error\r\n");
}

TEST_F(ConnectionTest, AuthWithoutAnyPasswordConfiguredSaysSo) {
  EXPECT_EQ(Run("AUTH x"),
            "-ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?\r\n");
  EXPECT_EQ(Run("AUTH default anything"), "+OK\r\n");
}

TEST_F(ConnectionTest, SelectChecksTheIndex) {
  EXPECT_EQ(Run("SELECT 15"), "+OK\r\n");
  EXPECT_EQ(session().db, 15u);
  EXPECT_EQ(Run("SELECT 16"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Run("SELECT -1"), "-ERR DB index is out of range\r\n");
  EXPECT_EQ(Run("SELECT one"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(session().db, 15u);
}

TEST_F(ConnectionTest, QuitClosesAfterItsReply) {
  EXPECT_EQ(Run("QUIT"), "+OK\r\n");
  EXPECT_TRUE(link().closed_after_output);
}

TEST_F(ConnectionTest, ResetBringsTheFirstStateBack) {
  session().channels.insert("news");
  engine_.pubsub.channels["news"].insert(&session());
  session().in_multi = true;
  Run("SELECT 3");
  Run("HELLO 3 SETNAME x");
  Run("CLIENT NO-TOUCH on");
  EXPECT_EQ(Run("RESET"), "+RESET\r\n");
  EXPECT_EQ(session().db, 0u);
  EXPECT_EQ(session().protocol, 2);
  EXPECT_EQ(session().name, "");
  EXPECT_FALSE(session().in_multi || session().no_touch || session().subscribed());
  EXPECT_TRUE(session().authenticated);
  EXPECT_TRUE(engine_.pubsub.channels.empty());
}

TEST_F(ConnectionTest, ResetLogsOutWherePasswordsAreAskedFor) {
  services_.password = "secret";
  EXPECT_EQ(Run("RESET"), "+RESET\r\n");
  EXPECT_FALSE(session().authenticated);
}

TEST_F(ConnectionTest, ReplyModesAnswerOnlyWhenRepliesAreOn) {
  EXPECT_EQ(Run("CLIENT REPLY off"), "");
  EXPECT_EQ(session().reply_mode, ReplyMode::kOff);
  EXPECT_EQ(Run("CLIENT REPLY skip"), "");
  EXPECT_EQ(session().reply_mode, ReplyMode::kOff) << "SKIP ended OFF";
  EXPECT_EQ(Run("CLIENT REPLY on"), "+OK\r\n");
  EXPECT_EQ(session().reply_mode, ReplyMode::kOn);
  EXPECT_EQ(Run("CLIENT REPLY skip"), "");
  EXPECT_EQ(session().reply_mode, ReplyMode::kSkipNext);
  EXPECT_EQ(Run("CLIENT REPLY maybe"), "-ERR syntax error\r\n");
}

TEST_F(ConnectionTest, NamesAreCheckedAndForgotten) {
  EXPECT_EQ(Run("CLIENT GETNAME"), "$-1\r\n");
  EXPECT_EQ(Run("CLIENT SETNAME me"), "+OK\r\n");
  EXPECT_EQ(Run("CLIENT GETNAME"), "$2\r\nme\r\n");
  EXPECT_EQ(RunArgs(*clients_[0], {"CLIENT", "SETNAME", "a\n"}),
            "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
  EXPECT_EQ(RunArgs(*clients_[0], {"CLIENT", "SETNAME", ""}), "+OK\r\n");
  EXPECT_EQ(Run("CLIENT GETNAME"), "$-1\r\n");
  EXPECT_EQ(Run("CLIENT SETINFO LIB-NAME redis-py"), "+OK\r\n");
  EXPECT_EQ(session().lib_name, "redis-py");
  EXPECT_EQ(Run("CLIENT SETINFO size 3"), "-ERR Unrecognized option 'size'\r\n");
  EXPECT_EQ(RunArgs(*clients_[0], {"CLIENT", "SETINFO", "lib-ver", "1 2"}),
            "-ERR lib-ver cannot contain spaces, newlines or special characters.\r\n");
}

TEST_F(ConnectionTest, ClientLinesHaveRedisFieldsInRedisOrder) {
  session().name = "me";
  session().created_at -= 7000;
  EXPECT_EQ(DescribeClient(session(), clock_.NowMillis()),
            fmt::format("id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:6379 fd=-1 name=me age=7 idle=0 "
                        "flags=N db=0 sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 "
                        "multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem={} events=r cmd=NULL "
                        "user=default redir=-1 resp=2 lib-name= lib-ver=",
                        sizeof(Session)));
}

TEST_F(ConnectionTest, AClientsLineTellsOfItsBuffers) {
  link().buffers = {.input_bytes = 26,
                    .input_free = 4,
                    .argument_bytes = 10,
                    .output_allocated = 50'000,
                    .reading = false,
                    .writing = true};
  link().output_bytes = 40'000;
  session().postponed = true;
  session().queue_bytes = 7;
  const std::string line = DescribeClient(session(), clock_.NowMillis());
  EXPECT_NE(line.find(fmt::format(" qbuf=26 qbuf-free=4 argv-mem=10 multi-mem=7 rbs=50000 "
                                  "rbp=40000 obl=16384 oll=2 omem=23616 tot-mem={} events=w ",
                                  sizeof(Session) + 26 + 4 + 10 + 7 + 50'000)),
            std::string::npos)
      << line;
  EXPECT_NE(line.find(" flags=b "), std::string::npos) << line;
}

TEST_F(ConnectionTest, ClientListIsInTheOrderOfIds) {
  for (int i = 0; i < 20; ++i) Connect();
  std::string list = Run("CLIENT LIST");
  size_t at = 0;
  for (int id = 1; id <= 21; ++id) {
    size_t next = list.find(fmt::format("id={} ", id));
    ASSERT_NE(next, std::string::npos);
    EXPECT_GE(next, at);
    at = next;
  }
}

TEST_F(ConnectionTest, ClientListFiltersByIdAndType) {
  Connect().session.patterns.insert("n*");
  std::string two = Run("CLIENT LIST ID 2 7 1");
  EXPECT_LT(two.find("id=2 "), two.find("id=1 "));
  EXPECT_NE(two.find("id=1 "), std::string::npos);
  std::string listeners = Run("CLIENT LIST TYPE pubsub");
  EXPECT_NE(listeners.find("id=2 "), std::string::npos);
  EXPECT_EQ(listeners.find("id=1 "), std::string::npos);
  EXPECT_EQ(Run("CLIENT LIST TYPE blue"), "-ERR Unknown client type 'blue'\r\n");
  EXPECT_EQ(Run("CLIENT LIST ID x"), "-ERR Invalid client ID\r\n");
  EXPECT_EQ(Run("CLIENT LIST ID"), "-ERR syntax error\r\n");
}

TEST_F(ConnectionTest, KillByAddressAnswersOkAndMayHitTheCaller) {
  Client& other = Connect();
  EXPECT_EQ(Run("CLIENT KILL 127.0.0.1:50002"), "+OK\r\n");
  EXPECT_TRUE(other.link.closed && !other.link.closed_after_output);
  EXPECT_EQ(Run("CLIENT KILL 127.0.0.1:1"), "-ERR No such client\r\n");
  EXPECT_EQ(Run("CLIENT KILL 127.0.0.1:50001"), "+OK\r\n");
  EXPECT_TRUE(link().closed_after_output) << "the reply must still go out";
}

TEST_F(ConnectionTest, KillByOptionsCountsAndSparesTheCaller) {
  Client& other = Connect();
  EXPECT_EQ(Run("CLIENT KILL TYPE pubsub USER default"), ":0\r\n");
  EXPECT_EQ(Run("CLIENT KILL ID 1"), ":0\r\n");
  EXPECT_EQ(Run("CLIENT KILL LADDR 127.0.0.1:6379 MAXAGE 100"), ":0\r\n");
  EXPECT_FALSE(other.session.killed);
  EXPECT_EQ(Run("CLIENT KILL LADDR 127.0.0.1:6379 SKIPME no"), ":2\r\n");
  EXPECT_TRUE(other.link.closed && link().closed);
}

TEST_F(ConnectionTest, KillExplainsBadOptions) {
  EXPECT_EQ(Run("CLIENT KILL ID 0"), "-ERR client-id should be greater than 0\r\n");
  EXPECT_EQ(Run("CLIENT KILL TYPE x"), "-ERR Unknown client type 'x'\r\n");
  EXPECT_EQ(Run("CLIENT KILL USER bob"), "-ERR No such user 'bob'\r\n");
  EXPECT_EQ(Run("CLIENT KILL SKIPME perhaps"), "-ERR syntax error\r\n");
  EXPECT_EQ(Run("CLIENT KILL ID 3 ADDR"), "-ERR syntax error\r\n");
}

TEST_F(ConnectionTest, APauseIsNeitherShortenedNorLoosened) {
  UnixMillis now = clock_.NowMillis();
  EXPECT_EQ(Run("CLIENT PAUSE 1000"), "+OK\r\n");
  EXPECT_EQ(engine_.pause_until, now + 1000);
  EXPECT_FALSE(engine_.pause_writes_only);
  EXPECT_EQ(Run("CLIENT PAUSE 10 WRITE"), "+OK\r\n");
  EXPECT_EQ(engine_.pause_until, now + 1000);
  EXPECT_FALSE(engine_.pause_writes_only);
  EXPECT_EQ(Run("CLIENT UNPAUSE"), "+OK\r\n");
  EXPECT_EQ(engine_.pause_until, 0);
  EXPECT_EQ(Run("CLIENT PAUSE 10 WRITE"), "+OK\r\n");
  EXPECT_TRUE(engine_.pause_writes_only);
  EXPECT_EQ(Run("CLIENT PAUSE -1"), "-ERR timeout is negative\r\n");
  EXPECT_EQ(Run("CLIENT PAUSE x"), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(Run("CLIENT PAUSE 1 SOME"), "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
}

TEST_F(ConnectionTest, TrackingCanOnlyBeOff) {
  EXPECT_EQ(Run("CLIENT TRACKING off"), "+OK\r\n");
  EXPECT_TRUE(Run("CLIENT TRACKING on").starts_with("-ERR CLIENT TRACKING is not supported: "));
  EXPECT_EQ(Run("CLIENT GETREDIR"), ":-1\r\n");
}

TEST_F(ConnectionTest, ConfigGetMergesPatternsAndKeepsSpelling) {
  EXPECT_EQ(Run("CONFIG GET max* MaxClients port"),
            "*6\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n$10\r\nmaxclients\r\n$3\r\n100\r\n"
            "$4\r\nport\r\n$4\r\n6379\r\n");
  EXPECT_EQ(Run("CONFIG GET PORT"), "*2\r\n$4\r\nPORT\r\n$4\r\n6379\r\n");
}

TEST_F(ConnectionTest, ConfigSetRefusesOddArgumentsAndPassesErrorsOn) {
  EXPECT_EQ(Run("CONFIG SET a 1 b"), "-ERR syntax error\r\n");
  services_.set_result = absl::InvalidArgumentError("no such thing");
  EXPECT_EQ(Run("CONFIG SET port 1"), "-ERR no such thing\r\n");
  services_.set_result = OkStatus();
  EXPECT_EQ(Run("CONFIG SET port 1 maxmemory 2"), "+OK\r\n");
  EXPECT_EQ(services_.settings.size(), 2u);
}

TEST_F(ConnectionTest, ShutdownHasNoReplyUnlessItIsRefused) {
  EXPECT_EQ(Run("SHUTDOWN SAVE NOSAVE"), "-ERR syntax error\r\n");
  EXPECT_EQ(Run("SHUTDOWN ABORT"), "-ERR No shutdown in progress.\r\n");
  EXPECT_FALSE(services_.shutdown_requested);
  EXPECT_EQ(Run("SHUTDOWN NOSAVE"), "");
  EXPECT_TRUE(services_.shutdown_requested);
}

TEST_F(ConnectionTest, SlowLogShowsNewestFirst) {
  for (uint64_t i = 0; i < 3; ++i) {
    engine_.slow_log.push_front({.id = i,
                                 .unix_seconds = static_cast<int64_t>(100 + i),
                                 .micros = 5,
                                 .args = {"get", "k"},
                                 .peer_address = "a:1",
                                 .client_name = ""});
  }
  EXPECT_EQ(Run("SLOWLOG LEN"), ":3\r\n");
  EXPECT_EQ(
      Run("SLOWLOG GET 1"),
      "*1\r\n*6\r\n:2\r\n:102\r\n:5\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n$3\r\na:1\r\n$0\r\n\r\n");
  EXPECT_TRUE(Run("SLOWLOG GET -1").starts_with("*3\r\n"));
  EXPECT_EQ(Run("SLOWLOG GET -2"), "-ERR count should be greater than or equal to -1\r\n");
  EXPECT_EQ(Run("SLOWLOG RESET"), "+OK\r\n");
  EXPECT_EQ(Run("SLOWLOG GET"), "*0\r\n");
}

TEST_F(ConnectionTest, PasswordsAreSecrets) {
  std::vector<std::string_view> hello = {"HELLO", "3", "AUTH", "default", "pw", "SETNAME", "x"};
  EXPECT_TRUE(IsSecretArgument(hello, 3) && IsSecretArgument(hello, 4));
  EXPECT_FALSE(IsSecretArgument(hello, 2) || IsSecretArgument(hello, 6));
  std::vector<std::string_view> config = {"config", "SET", "port", "1", "requirepass", "pw"};
  EXPECT_TRUE(IsSecretArgument(config, 5));
  EXPECT_FALSE(IsSecretArgument(config, 3));
  std::vector<std::string_view> set = {"set", "auth", "requirepass", "v"};
  for (size_t i = 0; i < set.size(); ++i) EXPECT_FALSE(IsSecretArgument(set, i));
}

TEST_F(ConnectionTest, LatencyTellsWhatWasNoted) {
  EXPECT_EQ(Run("LATENCY LATEST"), "*0\r\n");
  engine_.latency["command"] = {{100, 7}, {101, 5}};
  EXPECT_EQ(Run("LATENCY LATEST"), "*1\r\n*4\r\n$7\r\ncommand\r\n:101\r\n:5\r\n:7\r\n");
  EXPECT_EQ(Run("LATENCY HISTORY command"), "*2\r\n*2\r\n:100\r\n:7\r\n*2\r\n:101\r\n:5\r\n");
  EXPECT_NE(Run("LATENCY GRAPH command").find("command - high 7 ms, low 5 ms"), std::string::npos);
  EXPECT_EQ(Run("LATENCY GRAPH other"), "-ERR No samples available for event 'other'\r\n");
  EXPECT_NE(Run("LATENCY DOCTOR").find("worst 7 ms"), std::string::npos);
  EXPECT_EQ(Run("LATENCY RESET other"), ":0\r\n");
  EXPECT_EQ(Run("LATENCY RESET command"), ":1\r\n");
  EXPECT_EQ(Run("LATENCY HISTORY command"), "*0\r\n");
}

TEST_F(ConnectionTest, DebugSleepsOnATimerAndAcceptsForeignSwitches) {
  EXPECT_EQ(Run("DEBUG SLEEP 0.5"), "+OK\r\n");
  EXPECT_EQ(services_.slept_micros, 500'000u);
  EXPECT_EQ(Run("DEBUG SLEEP soon"), "-ERR value is not a valid float\r\n");
  EXPECT_EQ(Run("DEBUG JMAP"), "+OK\r\n");
  EXPECT_EQ(Run("DEBUG nosuch"),
            "-ERR unknown subcommand or wrong number of arguments for 'nosuch'. Try DEBUG "
            "HELP.\r\n");
  EXPECT_EQ(Run("DEBUG SET-ACTIVE-EXPIRE 0"), "+OK\r\n");
  EXPECT_EQ(RunArgs(*clients_[0], {"DEBUG", "ERROR", "NOPE because"}), "-NOPE because\r\n");
}

TEST_F(ConnectionTest, ADebugSleepIsASlowCommand) {
  engine_.slow_micros = 100'000;
  engine_.latency_threshold_millis = 100;
  Run("DEBUG SLEEP 0.05");
  EXPECT_EQ(Run("SLOWLOG LEN"), ":0\r\n");
  Run("DEBUG SLEEP 0.5");
  EXPECT_EQ(Run("SLOWLOG LEN"), ":1\r\n");
  EXPECT_NE(Run("SLOWLOG GET").find(":500000\r\n*3\r\n$5\r\nDEBUG\r\n"), std::string::npos);
  EXPECT_NE(Run("LATENCY LATEST").find(":500\r\n:500\r\n"), std::string::npos);
}

TEST_F(ConnectionTest, DebugObjectDescribesAValueAndTouchesNothing) {
  shard_.keys().SetString(0, MakeKey("k"), "12", 0);
  shard_.keys().sink().Clear();
  std::string line = Run("DEBUG OBJECT k");
  EXPECT_TRUE(line.starts_with("+Value at:0x")) << line;
  EXPECT_NE(line.find(" refcount:1 encoding:int serializedlength:"), std::string::npos) << line;
  EXPECT_NE(line.find(" lru_seconds_idle:0\r\n"), std::string::npos) << line;
  EXPECT_EQ(Run("DEBUG OBJECT nope"), "-ERR no such key\r\n");
}

TEST_F(ConnectionTest, AttributesAreShownToNewClientsOnly) {
  EXPECT_TRUE(Run("DEBUG PROTOCOL attrib").starts_with("$39\r\nSome real reply"));
  session().protocol = 3;
  EXPECT_TRUE(Run("DEBUG PROTOCOL attrib")
                  .starts_with("|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39"));
}

TEST_F(ConnectionTest, ExecCountsTheCommandsOfNoShard) {
  std::vector<std::string_view> auth = {"auth", "pw"};
  session().in_multi = true;
  QueueForExec(session(), *FindCommand("auth"), auth);
  EXPECT_TRUE(Run("EXEC").starts_with("*1\r\n-ERR AUTH <password> called without any password"));
  const CommandStat& stat = engine_.stats.Of(*FindCommand("auth"));
  EXPECT_EQ(stat.calls, 1u);
  EXPECT_EQ(stat.failed, 1u);
  EXPECT_EQ(engine_.stats.errors["ERR"], 1u);
}

TEST_F(ConnectionTest, AclKnowsTheOneUser) {
  EXPECT_EQ(Run("ACL WHOAMI"), "$7\r\ndefault\r\n");
  EXPECT_EQ(Run("ACL GETUSER bob"), "$-1\r\n");
  EXPECT_NE(Run("ACL LIST").find("nopass"), std::string::npos);
  services_.password = "secret";
  std::string list = Run("ACL LIST");
  EXPECT_EQ(list.find("nopass"), std::string::npos);
  EXPECT_EQ(list.find("secret"), std::string::npos);
  EXPECT_TRUE(Run("ACL SETUSER bob").starts_with("-ERR ACL SETUSER is not supported: "));
}

TEST_F(ConnectionTest, WithoutShardPortsThereIsOneNodeWithAllSlots) {
  EXPECT_EQ(
      Run("CLUSTER SLOTS"),
      fmt::format("*1\r\n*3\r\n:0\r\n:16383\r\n*4\r\n$9\r\n127.0.0.1\r\n:6379\r\n$40\r\n{}\r\n"
                  "*0\r\n",
                  std::string(40, 'b')));
  EXPECT_EQ(Run("CLUSTER KEYSLOT foo"), ":12182\r\n");
  EXPECT_TRUE(Run("CLUSTER RESET").starts_with("-ERR CLUSTER RESET is not supported: "));
}

TEST_F(ConnectionTest, ShardPortsAndAnnouncedHostAreShown) {
  services_.facts_.shard_port_base = 7000;
  services_.facts_.announce_host = "db.example";
  EXPECT_NE(
      Run("CLUSTER NODES")
          .find(std::string(40, 'b') + " db.example:7000@17000 myself,master - 0 0 1 connected "
                                       "0-16383\n"),
      std::string::npos);
  EXPECT_NE(Run("INFO cluster").find("cluster_enabled:1"), std::string::npos);
}

TEST_F(ConnectionTest, HostsLoseTheirBracketsAndPorts) {
  EXPECT_EQ(HostOf("127.0.0.1:6379"), "127.0.0.1");
  EXPECT_EQ(HostOf("[::1]:6379"), "::1");
}

TEST_F(ConnectionTest, KeysInASlotAreCountedAndListed) {
  Keyspace& keys = shard_.keys();
  keys.SetString(0, MakeKey("{a}1"), "x", 0);
  keys.SetString(0, MakeKey("{a}2"), "x", 0);
  keys.sink().Clear();
  std::string slot = std::to_string(SlotOf("a"));
  EXPECT_EQ(Run("CLUSTER COUNTKEYSINSLOT " + slot), ":2\r\n");
  EXPECT_EQ(Run("CLUSTER GETKEYSINSLOT " + slot + " 10"), "*2\r\n$4\r\n{a}1\r\n$4\r\n{a}2\r\n");
  EXPECT_TRUE(Run("CLUSTER GETKEYSINSLOT " + slot + " 1").starts_with("*1\r\n$4\r\n{a}"));
  EXPECT_EQ(Run("CLUSTER GETKEYSINSLOT " + slot + " 0"), "*0\r\n");
  EXPECT_EQ(Run("CLUSTER COUNTKEYSINSLOT 16384"), "-ERR Invalid slot\r\n");
  EXPECT_EQ(Run("CLUSTER GETKEYSINSLOT 1 -1"), "-ERR Invalid slot or number of keys\r\n");
}

TEST_F(ConnectionTest, ConfigRewriteNeedsAFile) {
  EXPECT_EQ(Run("CONFIG REWRITE"), "-ERR The server is running without a config file\r\n");
  services_.facts_.config_file = "/etc/flashdb.conf";
  EXPECT_EQ(Run("CONFIG REWRITE"), "+OK\r\n");
  services_.rewrite_result = absl::InternalError("the disk is full");
  EXPECT_EQ(Run("CONFIG REWRITE"), "-ERR Rewriting config file: the disk is full\r\n");
}

TEST_F(ConnectionTest, TimeHasMicroseconds) {
  clock_.AdvanceMicros(42);
  EXPECT_EQ(Run("TIME"), "*2\r\n$7\r\n1000005\r\n$2\r\n42\r\n");
}

TEST_F(ConnectionTest, WhatIsMissingSaysSo) {
  EXPECT_TRUE(Run("BGSAVE").starts_with("-ERR BGSAVE is not supported: every acknowledged write"));
  EXPECT_EQ(Run("REPLICAOF no one"), "+OK\r\n");
  EXPECT_TRUE(Run("REPLICAOF host 1").starts_with("-ERR REPLICAOF is not supported: "));
  EXPECT_EQ(Run("ROLE"), "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
  EXPECT_EQ(Run("MODULE LIST"), "*0\r\n");
}

}  // namespace
}  // namespace flashdb
