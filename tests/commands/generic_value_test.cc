// DUMP and RESTORE, OBJECT, MEMORY, WAIT.
#include <string>

#include "base/coding.h"
#include "base/crc32c.h"
#include "commands/generic_dump.h"
#include "tests/commands/generic_fixture.h"

namespace flashdb {
namespace {

class GenericDumpTest : public GenericFixture {
 protected:
  /// The payload that DUMP gives for `key`.
  std::string DumpOf(std::string_view key) {
    const Entry* entry = KeysOf(key).Find(db_, MakeKey(key), Keyspace::Touch::kQuiet);
    return generic::EncodeDump(*entry);
  }
  /// A payload with a right footer around any bytes.
  static std::string Sealed(std::string bytes, uint16_t version = generic::kDumpVersion) {
    PutFixed<uint16_t>(bytes, version);
    uint32_t crc = Crc32c({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
    PutFixed<uint32_t>(bytes, crc);
    return bytes;
  }
};
class GenericObjectTest : public GenericFixture {};
class GenericMemoryTest : public GenericFixture {};
class GenericWaitTest : public GenericFixture {};

constexpr std::string_view kBadPayload = "-ERR DUMP payload version or checksum are wrong\r\n";

TEST_F(GenericDumpTest, RestoreMakesWhatDumpSaw) {
  Set("foo", std::string("a\0b\r\n", 5));
  SetHash("hello", "f", "v");
  std::string text = DumpOf("foo");
  std::string hash = DumpOf("hello");
  EXPECT_EQ(Run({"DUMP", "foo"}), "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n");
  EXPECT_EQ(Run({"RESTORE", "bar", "0", text}), "+OK\r\n");
  EXPECT_EQ(Get("bar"), std::string("a\0b\r\n", 5));
  EXPECT_EQ(ExpiryOf("bar"), 0);
  EXPECT_EQ(Run({"RESTORE", "copy", "0", hash}), "+OK\r\n");
  EXPECT_EQ(DumpOf("copy"), hash);
  EXPECT_EQ(Say("DUMP nope"), "$-1\r\n");
}

TEST_F(GenericDumpTest, AnEmptyStringSurvives) {
  Set("foo", "");
  std::string payload = DumpOf("foo");
  EXPECT_EQ(Run({"RESTORE", "bar", "0", payload}), "+OK\r\n");
  EXPECT_EQ(Get("bar"), "");
}

TEST_F(GenericDumpTest, TimesAreRelativeUnlessAbsttl) {
  Set("foo", "v");
  std::string payload = DumpOf("foo");
  EXPECT_EQ(Run({"RESTORE", "a", "5000", payload}), "+OK\r\n");
  EXPECT_EQ(ExpiryOf("a"), kNow + 5000);
  EXPECT_EQ(Run({"RESTORE", "b", "1700000009000", payload, "absttl"}), "+OK\r\n");
  EXPECT_EQ(ExpiryOf("b"), kNow + 9000);
  EXPECT_EQ(Run({"RESTORE", "c", "-1", payload}), "-ERR Invalid TTL value, must be >= 0\r\n");
  EXPECT_EQ(Run({"RESTORE", "c", "9223372036854775807", payload}),
            "-ERR Invalid TTL value, must be >= 0\r\n");
  EXPECT_EQ(Run({"RESTORE", "c", "x", payload}),
            "-ERR value is not an integer or out of range\r\n");
}

TEST_F(GenericDumpTest, AValueThatHasExpiredReplacesTheKeyByNothing) {
  Set("foo", "v");
  Set("bar", "old");
  std::string payload = DumpOf("foo");
  EXPECT_EQ(Run({"RESTORE", "bar", "1000", payload, "ABSTTL", "REPLACE"}), "+OK\r\n");
  EXPECT_EQ(Get("bar"), "(none)");
}

TEST_F(GenericDumpTest, ATakenKeyNeedsReplace) {
  Set("foo", "v");
  Set("bar", "old");
  std::string payload = DumpOf("foo");
  EXPECT_EQ(Run({"RESTORE", "bar", "0", "junk"}), "-BUSYKEY Target key name already exists.\r\n");
  EXPECT_EQ(Get("bar"), "old");
  EXPECT_EQ(Run({"RESTORE", "bar", "0", payload, "REPLACE"}), "+OK\r\n");
  EXPECT_EQ(Get("bar"), "v");
}

TEST_F(GenericDumpTest, EveryDamagedByteAndEveryCutIsFound) {
  Set("foo", "some value");
  std::string payload = DumpOf("foo");
  for (size_t i = 0; i < payload.size(); ++i) {
    std::string damaged = payload;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_EQ(Run({"RESTORE", "bar", "0", damaged}), kBadPayload) << i;
    EXPECT_EQ(Run({"RESTORE", "bar", "0", payload.substr(0, i)}), kBadPayload) << i;
  }
  EXPECT_EQ(Get("bar"), "(none)");
}

TEST_F(GenericDumpTest, ALaterVersionIsRefused) {
  Set("foo", "v");
  std::string body = DumpOf("foo");
  body.resize(body.size() - 6);
  EXPECT_EQ(Run({"RESTORE", "bar", "0", Sealed(body, generic::kDumpVersion + 1)}), kBadPayload);
  EXPECT_EQ(Run({"RESTORE", "bar", "0", Sealed(body)}), "+OK\r\n");
}

TEST_F(GenericDumpTest, AnIntactPayloadOfNonsenseIsBadDataAndTheKeyStays) {
  Set("bar", "old");
  NothingLogged();
  for (const std::string& body : {std::string("\x7f") + "abc", std::string("\x01\xff\xff\xff")}) {
    EXPECT_EQ(Run({"RESTORE", "bar", "0", Sealed(body), "REPLACE"}), "-ERR Bad data format\r\n");
  }
  EXPECT_TRUE(NothingLogged());
  EXPECT_EQ(Get("bar"), "old");
}

TEST_F(GenericDumpTest, OptionsAreChecked) {
  Set("foo", "v");
  std::string payload = DumpOf("foo");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "IDLETIME", "-1"}),
            "-ERR Invalid IDLETIME value, must be >= 0\r\n");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "FREQ", "256"}),
            "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "FREQ", "1", "IDLETIME", "1"}),
            "-ERR syntax error\r\n");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "IDLETIME"}), "-ERR syntax error\r\n");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "what"}), "-ERR syntax error\r\n");
  EXPECT_EQ(Run({"RESTORE", "b", "0", payload, "IDLETIME", "7"}), "+OK\r\n");
  EXPECT_EQ(Say("OBJECT IDLETIME b"), ":7\r\n");
  EXPECT_EQ(Run({"RESTORE", "c", "0", payload, "IDLETIME", "9223372036854775807"}), "+OK\r\n");
  EXPECT_EQ(Run({"RESTORE", "d", "0", payload, "FREQ", "7"}), "+OK\r\n");
  EXPECT_EQ(Say("OBJECT IDLETIME d"), ":0\r\n");
}

TEST_F(GenericObjectTest, EncodingsOfStrings) {
  struct Case {
    std::string value;
    std::string_view encoding;
  };
  for (const Case& c : {Case{"123", "int"}, Case{"-9223372036854775808", "int"},
                        Case{"9223372036854775808", "embstr"}, Case{"0123", "embstr"},
                        Case{"", "embstr"}, Case{std::string(44, 'x'), "embstr"},
                        Case{std::string(45, 'x'), "raw"}, Case{std::string(5000, 'x'), "raw"}}) {
    Set("foo", c.value);
    EXPECT_EQ(Say("OBJECT ENCODING foo"),
              "$" + std::to_string(c.encoding.size()) + "\r\n" + std::string(c.encoding) + "\r\n")
        << c.value;
  }
}

TEST_F(GenericObjectTest, AStringThatGrewInPlaceIsRaw) {
  KeysOf("foo").AppendString(0, MakeKey("foo"), std::string(5000, '1'));
  EXPECT_EQ(Say("OBJECT ENCODING foo"), "$3\r\nraw\r\n");
}

TEST_F(GenericObjectTest, EncodingsOfHashes) {
  SetHash("small", "f", "v");
  SetHash("wide", "f", std::string(65, 'x'));
  EXPECT_EQ(Say("OBJECT ENCODING small"), "$8\r\nlistpack\r\n");
  EXPECT_EQ(Say("OBJECT ENCODING wide"), "$9\r\nhashtable\r\n");
}

// "foo" moves to another shard, "{foo}x" stays on its own.
TEST_F(GenericObjectTest, ARenamedOrMovedKeyWasJustUsedUnlessNotTouched) {
  for (bool no_touch : {false, true}) {
    const std::string idle = no_touch ? ":60\r\n" : ":0\r\n";
    for (std::string_view to : {"bar", "{foo}x"}) {
      no_touch_ = false;
      Set("foo", "v");
      Advance(60'000);
      no_touch_ = no_touch;
      EXPECT_EQ(Run({"RENAME", "foo", to}), "+OK\r\n");
      EXPECT_EQ(Run({"OBJECT", "IDLETIME", to}), idle);
    }
    no_touch_ = false;
    Set("m", "v");
    Advance(60'000);
    no_touch_ = no_touch;
    EXPECT_EQ(Say("MOVE m 5"), ":1\r\n");
    db_ = 5;
    EXPECT_EQ(Say("OBJECT IDLETIME m"), idle);
    EXPECT_EQ(Say("DEL m"), ":1\r\n");
    db_ = 0;
  }
}

TEST_F(GenericObjectTest, ACopyIsNewAndItsSourceUsedUnlessNotTouched) {
  for (bool no_touch : {false, true}) {
    Set("foo", "v");
    Advance(60'000);
    no_touch_ = no_touch;
    EXPECT_EQ(Say("COPY foo bar REPLACE"), ":1\r\n");
    EXPECT_EQ(Say("OBJECT IDLETIME bar"), ":0\r\n");
    EXPECT_EQ(Say("OBJECT IDLETIME foo"), no_touch ? ":60\r\n" : ":0\r\n");
    no_touch_ = false;
  }
}

TEST_F(GenericObjectTest, TouchTouchesAlsoUnderNoTouch) {
  Set("foo", "v");
  Advance(60'000);
  no_touch_ = true;
  Say("DUMP foo");
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":60\r\n");
  EXPECT_EQ(Say("TOUCH foo"), ":1\r\n");
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":0\r\n");
}

TEST_F(GenericObjectTest, IdleTimeCountsSeconds) {
  Set("foo", "v");
  Advance(61'000);
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":61\r\n");
  EXPECT_EQ(Say("OBJECT IDLETIME foo"), ":61\r\n");
}

TEST_F(GenericObjectTest, AMissingKeyIsNull) {
  for (std::string_view sub : {"ENCODING", "IDLETIME", "REFCOUNT", "FREQ"}) {
    EXPECT_EQ(Run({"OBJECT", sub, "nope"}), "$-1\r\n");
    protocol_ = 3;
    EXPECT_EQ(Run({"OBJECT", sub, "nope"}), "_\r\n");
    protocol_ = 2;
  }
}

TEST_F(GenericObjectTest, FrequencyNeedsAnLfuPolicy) {
  Set("foo", "v");
  EXPECT_EQ(Say("OBJECT REFCOUNT foo"), ":1\r\n");
  EXPECT_EQ(Say("OBJECT FREQ foo").substr(0, 49),
            "-ERR An LFU maxmemory policy is not selected, acc");
}

TEST_F(GenericObjectTest, HelpBeginsAndEndsAsRedisDoes) {
  std::string help = Say("OBJECT HELP");
  EXPECT_EQ(help.substr(0, 5), "*11\r\n");
  EXPECT_NE(help.find("+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"),
            std::string::npos);
  EXPECT_NE(help.find("+HELP\r\n+    Print this help.\r\n"), std::string::npos);
}

TEST_F(GenericMemoryTest, UsageGrowsWithTheValue) {
  Set("foo", "v");
  Set("bar", std::string(100'000, 'x'));
  std::string small = Say("MEMORY USAGE foo");
  std::string large = Say("MEMORY USAGE bar SAMPLES 0");
  EXPECT_EQ(small[0], ':');
  EXPECT_LT(std::stoll(small.substr(1)), 200);
  EXPECT_GE(std::stoll(large.substr(1)), 100'000);
  EXPECT_EQ(Say("MEMORY USAGE nope"), "$-1\r\n");
}

TEST_F(GenericMemoryTest, UsageChecksItsOptions) {
  EXPECT_EQ(Say("MEMORY USAGE foo SAMPLES"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("MEMORY USAGE foo SAMPLES -1"), "-ERR syntax error\r\n");
  EXPECT_EQ(Say("MEMORY USAGE foo SAMPLES x"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Say("MEMORY USAGE foo what 1"), "-ERR syntax error\r\n");
}

TEST_F(GenericMemoryTest, StatsCountTheKeysOfBothShards) {
  Set("foo", "v", kNow + 1000);
  Set("bar", "v");
  std::string stats = Say("MEMORY STATS");
  EXPECT_NE(stats.find("$10\r\nkeys.count\r\n:2\r\n"), std::string::npos) << stats;
  EXPECT_NE(stats.find("$4\r\ndb.0\r\n*4\r\n$4\r\nkeys\r\n:2\r\n$13\r\nkeys.volatile\r\n:1\r\n"),
            std::string::npos)
      << stats;
  protocol_ = 3;
  EXPECT_EQ(Say("MEMORY STATS")[0], '%');
}

TEST_F(GenericMemoryTest, TheOthersAnswer) {
  EXPECT_EQ(Say("MEMORY PURGE"), "+OK\r\n");
  EXPECT_NE(Say("MEMORY DOCTOR").find("too little to judge"), std::string::npos);
  EXPECT_NE(Say("MEMORY MALLOC-STATS").find("no statistics"), std::string::npos);
  EXPECT_NE(Say("MEMORY HELP").find("+USAGE <key>"), std::string::npos);
}

TEST_F(GenericWaitTest, NoReplicaEverAnswers) {
  EXPECT_EQ(Say("WAIT 0 0"), ":0\r\n");
  EXPECT_EQ(Say("WAIT 3 100"), ":0\r\n");
  EXPECT_EQ(Say("WAIT x 100"), "-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Say("WAIT 1 x"), "-ERR timeout is not an integer or out of range\r\n");
  EXPECT_EQ(Say("WAIT 1 -1"), "-ERR timeout is negative\r\n");
}

TEST_F(GenericWaitTest, WaitAofTellsTheTruthAboutTheDisk) {
  EXPECT_EQ(Say("WAITAOF 1 0 0"), "*2\r\n:1\r\n:0\r\n");
  services_.sync = "periodic";
  EXPECT_EQ(Say("WAITAOF 0 0 0"), "*2\r\n:0\r\n:0\r\n");
  EXPECT_EQ(Say("WAITAOF 1 0 0").substr(0, 19), "-ERR WAITAOF cannot");
}

TEST_F(GenericWaitTest, WaitAofChecksItsNumbers) {
  EXPECT_EQ(Say("WAITAOF 2 0 0"), "-ERR value is out of range, value must between 0 and 1\r\n");
  EXPECT_EQ(Say("WAITAOF 1 -1 0"), "-ERR value is out of range, must be positive\r\n");
  EXPECT_EQ(Say("WAITAOF 1 0 x"), "-ERR timeout is not an integer or out of range\r\n");
}

}  // namespace
}  // namespace flashdb
