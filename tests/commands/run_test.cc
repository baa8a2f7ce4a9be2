// Runs on one real shard with a log on the faked disk: locks, gates, MULTI/EXEC's one step.
#include "commands/run.h"

#include <gtest/gtest.h>

#include "commands/dispatch.h"
#include "sim/fake_disk.h"
#include "tests/commands/server_fixture.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

// Outlives the shard, whose log is on it.
struct DiskHolder {
  FakeDisk disk_;
};

struct TestRun : Run {
  TestRun() {
    out = &buffer;
    on_done = [](Run& self) { ++static_cast<TestRun&>(self).done_calls; };
  }
  TestRun(std::initializer_list<std::vector<std::string_view>> commands) : TestRun() {
    for (const auto& words : commands) {
      Request& request = Add();
      request.args = words;
      request.command = FindCommand(words[0]);
      EXPECT_TRUE(FindOwner(request)) << words[0];
      EXPECT_EQ(request.owner, ShardId{0}) << words[0];
    }
  }
  int done_calls = 0;
};

class RunTest : public DiskHolder, public test::ServerFixture {
 protected:
  RunTest() {
    LogOptions options{.directory = "/log", .segment_bytes = kMinSegmentBytes, .block_bytes = 512};
    auto log = LogWriter::Open(disk_, disk_, clock_, options, {});
    EXPECT_TRUE(log.ok()) << log.status();
    shard_.StartLog(*std::move(log), 0);
  }

  /// Runs to the end; the replies.
  std::string Reply(std::vector<std::string_view> words) {
    TestRun run({std::move(words)});
    EXPECT_TRUE(StartRun(run));
    EXPECT_EQ(run.done_calls, 0) << "StartRun said already that it is done";
    return run.buffer;
  }
  void Settle() {
    while (!shard_.log().idle()) {
      shard_.log().Pump();
      disk_.RunAll();
    }
    EXPECT_EQ(shard_.commits().settled(), shard_.log().appended());
  }
  LockRequest LockOf(std::string_view key, bool exclusive = true) {
    LockRequest lock;
    lock.slots = {SlotOf(key)};
    lock.exclusive = exclusive;
    return lock;
  }
  /// Changes a key as a transaction that holds its lock would.
  void ChangeNow(std::string_view key, std::string_view value) {
    shard_.keys().SetString(0, MakeKey(key), value, 0);
    shard_.CommitEffects();
    (void)shard_.keys().TakeGate();
  }
};

struct GateIs {
  size_t start;
  Lsn lsn;
};
void ExpectGates(const Run& run, const std::vector<GateIs>& expected) {
  ASSERT_EQ(run.gates.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(run.gates[i].start, expected[i].start) << "gate " << i;
    EXPECT_EQ(run.gates[i].lsn, expected[i].lsn) << "gate " << i;
  }
}

/// What the reply that begins at `start` waits for: all gates up to it.
Lsn WaitsFor(const Run& run, size_t start) {
  Lsn lsn = 0;
  for (const ReplyGate& gate : run.gates) {
    if (gate.start <= start) lsn = std::max(lsn, gate.lsn);
  }
  return lsn;
}

// ---- Locks --------------------------------------------------------------------------------------

TEST_F(RunTest, CommandsRunInOrderAtOnceWhenNothingIsLocked) {
  TestRun run({{"set", "a", "1"}, {"incr", "a"}, {"get", "a"}});
  EXPECT_TRUE(StartRun(run));
  EXPECT_EQ(run.buffer, "+OK\r\n:2\r\n$1\r\n2\r\n");
  EXPECT_EQ(run.done_calls, 0);
  EXPECT_TRUE(shard_.locks().idle());
}

TEST_F(RunTest, ARunWaitsAtALockedSlotAndGoesOnInOrder) {
  LockRequest lock = LockOf("b");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun run({{"set", "a", "1"}, {"set", "b", "2"}, {"get", "b"}, {"set", "a", "3"}});
  EXPECT_FALSE(StartRun(run));
  EXPECT_EQ(run.buffer, "+OK\r\n") << "what comes before the locked key has run";
  EXPECT_EQ(Reply({"get", "a"}), "$1\r\n1\r\n") << "and what comes after it has not";
  shard_.locks().Release(lock);
  EXPECT_EQ(run.done_calls, 1);
  EXPECT_EQ(run.buffer, "+OK\r\n+OK\r\n$1\r\n2\r\n+OK\r\n");
  EXPECT_EQ(Reply({"get", "a"}), "$1\r\n3\r\n");
  EXPECT_TRUE(shard_.locks().idle());
}

TEST_F(RunTest, ARunThatWaitsTwiceIsDoneOnce) {
  LockRequest first = LockOf("a");
  LockRequest second = LockOf("b");
  ASSERT_TRUE(shard_.locks().Acquire(first));
  ASSERT_TRUE(shard_.locks().Acquire(second));
  TestRun run({{"set", "a", "1"}, {"set", "b", "2"}});
  EXPECT_FALSE(StartRun(run));
  shard_.locks().Release(first);
  EXPECT_EQ(run.done_calls, 0);
  EXPECT_EQ(run.buffer, "+OK\r\n");
  shard_.locks().Release(second);
  EXPECT_EQ(run.done_calls, 1);
  EXPECT_EQ(run.buffer, "+OK\r\n+OK\r\n");
}

TEST_F(RunTest, RunsOfOneSlotKeepTheirOrderOfArrival) {
  LockRequest lock = LockOf("a");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun first({{"append", "a", "1"}});
  TestRun second({{"append", "a", "2"}});
  TestRun third({{"get", "a"}});
  EXPECT_FALSE(StartRun(first));
  EXPECT_FALSE(StartRun(second));
  EXPECT_FALSE(StartRun(third));
  shard_.locks().Release(lock);
  EXPECT_EQ(first.buffer, ":1\r\n");
  EXPECT_EQ(second.buffer, ":2\r\n");
  EXPECT_EQ(third.buffer, "$2\r\n12\r\n");
}

TEST_F(RunTest, OtherKeysAndReadsPassASharedHolder) {
  Reply({"set", "a", "1"});
  LockRequest lock = LockOf("a", /*exclusive=*/false);
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  EXPECT_EQ(Reply({"get", "a"}), "$1\r\n1\r\n");
  EXPECT_EQ(Reply({"set", "b", "1"}), "+OK\r\n");
  TestRun write({{"set", "a", "2"}});
  EXPECT_FALSE(StartRun(write));
  shard_.locks().Release(lock);
  EXPECT_EQ(write.done_calls, 1);
}

TEST_F(RunTest, EveryKeyOfACommandCounts) {
  LockRequest lock = LockOf("b");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun run({{"mset", "a", "1", "b", "2", "c", "3"}});
  EXPECT_FALSE(StartRun(run));
  EXPECT_EQ(run.buffer, "");
  shard_.locks().Release(lock);
  EXPECT_EQ(run.buffer, "+OK\r\n");
}

// ---- Gates --------------------------------------------------------------------------------------

TEST_F(RunTest, EachReplyWaitsForWhatItTells) {
  TestRun run({{"get", "other"}, {"set", "a", "1"}, {"get", "other"}, {"get", "a"}});
  EXPECT_TRUE(StartRun(run));
  size_t null = std::string("$-1\r\n").size();
  size_t ok = std::string("+OK\r\n").size();
  EXPECT_EQ(WaitsFor(run, 0), 0u);
  EXPECT_EQ(WaitsFor(run, null), 1u);
  EXPECT_EQ(WaitsFor(run, null + ok + null), 1u);
  ExpectGates(run, {{null, 1}});
}

TEST_F(RunTest, WhatBecomesDurableTogetherHasOneGate) {
  TestRun run({{"set", "a", "1"}, {"set", "b", "1"}, {"set", "c", "1"}});
  EXPECT_TRUE(StartRun(run));
  ExpectGates(run, {{0, 1}});
}

TEST_F(RunTest, ARecordOfALaterFrameHasAGateOfItsOwn) {
  Reply({"set", "a", "1"});
  shard_.log().Pump();
  ASSERT_EQ(shard_.commits().settled(), 0u);
  TestRun run({{"get", "a"}, {"set", "b", "1"}, {"set", "c", "1"}});
  EXPECT_TRUE(StartRun(run));
  ExpectGates(run, {{0, 1}, {std::string("$1\r\n1\r\n").size(), 2}});
}

TEST_F(RunTest, ATransactionOfOtherShardsBetweenTwoRecordsKeepsTheirGatesApart) {
  LockRequest lock = LockOf("a");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun run({{"set", "b", "1"}, {"get", "a"}});
  EXPECT_FALSE(StartRun(run));
  ChangeNow("a", "new");
  shard_.commits().NoteGroup(2, 1);
  shard_.locks().Release(lock);
  ExpectGates(run, {{0, 1}, {std::string("+OK\r\n").size(), 2}});
}

TEST_F(RunTest, WhatIsSettledNeedsNoGate) {
  Reply({"set", "a", "1"});
  Settle();
  TestRun read({{"get", "a"}});
  EXPECT_TRUE(StartRun(read));
  ExpectGates(read, {});
}

TEST_F(RunTest, ARefusalTellsSomethingOfTheKey) {
  Reply({"set", "a", "text"});
  TestRun run({{"incr", "a"}, {"set", "a", "1", "NX"}, {"hget", "a", "f"}});
  EXPECT_TRUE(StartRun(run));
  ExpectGates(run, {{0, 1}});  // and so all three wait
}

TEST_F(RunTest, AReadThatWaitedWaitsForWhatTheHolderWrote) {
  LockRequest lock = LockOf("a");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun read({{"get", "b"}, {"get", "a"}});
  EXPECT_FALSE(StartRun(read));
  ChangeNow("a", "new");
  shard_.locks().Release(lock);
  EXPECT_EQ(read.buffer, "$-1\r\n$3\r\nnew\r\n");
  ExpectGates(read, {{5, 1}});
}

TEST_F(RunTest, GatesStartWhereTheOutputStoodBefore) {
  TestRun run({{"set", "a", "1"}});
  std::string out = "earlier replies";
  run.out = &out;
  EXPECT_TRUE(StartRun(run));
  ExpectGates(run, {{15, 1}});
}

// ---- A log that refuses -------------------------------------------------------------------------

TEST_F(RunTest, AFailedLogRefusesWritesAndServesReads) {
  Reply({"set", "a", "1"});
  Settle();
  disk_.FailWritesFrom(1);
  Reply({"set", "b", "1"});
  shard_.log().Pump();
  disk_.RunAll();
  TestRun run({{"set", "a", "2"}, {"get", "a"}});
  EXPECT_TRUE(StartRun(run));
  EXPECT_TRUE(run.buffer.starts_with("-MISCONF shard 0: the log has failed")) << run.buffer;
  EXPECT_TRUE(run.buffer.ends_with("\r\n$1\r\n1\r\n")) << run.buffer;
}

TEST_F(RunTest, AFailedLogRefusesAnAtomicRunAsAWhole) {
  disk_.FailWritesFrom(1);
  Reply({"set", "b", "1"});
  shard_.log().Pump();
  disk_.RunAll();
  TestRun run({{"get", "a"}, {"set", "a", "2"}});
  run.atomic = true;
  EXPECT_TRUE(StartRun(run));
  EXPECT_TRUE(run.refused);
  EXPECT_TRUE(run.buffer.starts_with("-MISCONF")) << run.buffer;
  EXPECT_EQ(std::count(run.buffer.begin(), run.buffer.end(), '\n'), 1);
}

// ---- MULTI/EXEC on one shard --------------------------------------------------------------------

TEST_F(RunTest, AnAtomicRunIsOneRecordAndOneGate) {
  TestRun run({{"set", "a", "1"}, {"get", "x"}, {"set", "b", "2"}});
  run.atomic = true;
  EXPECT_TRUE(StartRun(run));
  EXPECT_EQ(run.buffer, "+OK\r\n$-1\r\n+OK\r\n");
  EXPECT_EQ(shard_.log().appended(), 1u);
  ExpectGates(run, {{0, 1}});
}

TEST_F(RunTest, AnAtomicRunWaitsForAllItsSlotsBeforeItBegins) {
  LockRequest lock = LockOf("b");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  TestRun run({{"set", "a", "1"}, {"set", "b", "2"}});
  run.atomic = true;
  EXPECT_FALSE(StartRun(run));
  EXPECT_EQ(run.buffer, "");
  EXPECT_TRUE(shard_.locks().Blocks(SlotOf("a"), false)) << "others queue behind all of its slots";
  shard_.locks().Release(lock);
  EXPECT_EQ(run.done_calls, 1);
  EXPECT_EQ(run.buffer, "+OK\r\n+OK\r\n");
  EXPECT_EQ(shard_.log().appended(), 1u);
  EXPECT_TRUE(shard_.locks().idle());
}

class WatchTest : public RunTest {
 protected:
  WatchTest() {
    shard_.keys().AddWatch(0, "w", &watch_);
    (void)shard_.keys().TakeGate();
    run_.atomic = true;
    run_.watches.push_back({&watch_, SlotOf("w")});
  }
  ~WatchTest() override { shard_.keys().RemoveWatch(0, "w", &watch_); }

  KeyWatch watch_;
  TestRun run_{{"set", "a", "1"}};
};

TEST_F(WatchTest, AnUnchangedKeyLetsTheRunPass) {
  EXPECT_TRUE(StartRun(run_));
  EXPECT_FALSE(run_.aborted);
  EXPECT_EQ(run_.buffer, "+OK\r\n");
}

TEST_F(WatchTest, AChangedKeyMakesItTheNullArray) {
  Reply({"set", "w", "changed"});
  EXPECT_TRUE(StartRun(run_));
  EXPECT_TRUE(run_.aborted);
  EXPECT_EQ(run_.buffer, "*-1\r\n");
  EXPECT_EQ(Reply({"get", "a"}), "$-1\r\n");
  ExpectGates(run_, {{0, 1}});
}

TEST_F(WatchTest, TheNullArrayOfRespThreeIsNull) {
  Reply({"set", "w", "changed"});
  run_.protocol = 3;
  EXPECT_TRUE(StartRun(run_));
  EXPECT_EQ(run_.buffer, "_\r\n");
}

// The watched key's slot is held by a transaction that has changed it but has no record yet: the
// run must not tell of it before it ends.
TEST_F(WatchTest, ALockedWatchedKeyIsWaitedFor) {
  LockRequest lock = LockOf("w");
  ASSERT_TRUE(shard_.locks().Acquire(lock));
  EXPECT_FALSE(StartRun(run_));
  EXPECT_EQ(run_.buffer, "");
  ChangeNow("w", "changed");
  shard_.locks().Release(lock);
  EXPECT_EQ(run_.done_calls, 1);
  EXPECT_TRUE(run_.aborted);
  EXPECT_EQ(run_.buffer, "*-1\r\n");
  ExpectGates(run_, {{0, 1}});
  EXPECT_TRUE(shard_.locks().idle());
}

}  // namespace
}  // namespace flashdb
