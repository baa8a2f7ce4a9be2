// Runs over two real shards on one thread: legs, holds, and the order in which things can be seen.
#include <gtest/gtest.h>

#include "commands/dispatch.h"
#include "commands/engine.h"
#include "commands/run.h"
#include "shards/shard.h"
#include "sim/fake_disk.h"
#include "tests/commands/fake_services.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

struct LegRun : Run {
  explicit LegRun(std::initializer_list<std::vector<std::string_view>> commands) {
    out = &buffer;
    on_done = [](Run& self) { static_cast<LegRun&>(self).done = true; };
    for (const auto& words : commands) {
      Request& request = Add();
      request.args = words;
      request.command = FindCommand(words[0]);
      EXPECT_TRUE(FindOwner(request)) << words[0];
      if (request.owner != CurrentShardId()) other = request.owner;
    }
  }
  bool done = false;
};

class RunLegsTest : public ::testing::Test {
 protected:
  struct Node {
    Node(ShardId id, RunLegsTest& test)
        : shard(id, test.group_, test.clock_, 1),
          engine{shard, shard.keys(), test.services_, test.clock_, shard.random()} {
      shard.Enter();
      LogOptions options{.directory = fmt::format("/log{}", id),
                         .segment_bytes = kMinSegmentBytes,
                         .block_bytes = 512};
      auto log = LogWriter::Open(test.disk_, test.disk_, test.clock_, options, {});
      EXPECT_TRUE(log.ok()) << log.status();
      shard.StartLog(*std::move(log), 0);
    }
    Shard shard;
    Engine engine;
  };

  RunLegsTest() { Enter(home_); }
  ~RunLegsTest() override {
    EXPECT_TRUE(home_.shard.locks().idle()) << "a hold or a lock was left behind";
    EXPECT_TRUE(other_.shard.locks().idle());
    disk_.RunAll();
  }

  void Enter(Node& node) {
    node.shard.Enter();
    Engine::SetCurrent(&node.engine);
  }
  void Turn(Node& node) {
    // What the tests have sent outside of a turn.
    for (Node* sender : {&home_, &other_}) sender->shard.mail().Flush([](ShardId) {});
    Enter(node);
    node.shard.mail().Wake();
    (void)node.shard.TurnOnce();
    Enter(home_);
  }
  /// The replies of a run that starts on `node` and is let run to its end.
  std::string Reply(Node& node, std::initializer_list<std::vector<std::string_view>> commands) {
    Enter(node);
    LegRun run(commands);
    bool done = StartRun(run);
    for (int turn = 0; turn < 20 && !done; ++turn) {
      Turn(turn % 2 == 0 ? other_ : home_);
      done = run.done;
    }
    Enter(home_);
    EXPECT_TRUE(done);
    return run.buffer;
  }
  uint64_t joined() const { return home_.engine.join_luck.joined; }
  uint64_t turned_away() const { return home_.engine.join_luck.turned_away; }

  // Keys of shard 0 and of shard 1.
  static constexpr std::string_view kHome[] = {"b", "c", "f"};
  static constexpr std::string_view kOther[] = {"a", "d", "e"};

  FakeDisk disk_{512};
  ManualClock clock_;
  ShardGroup group_{2};
  test::FakeServices services_;
  Node home_{0, *this};
  Node other_{1, *this};
};

TEST_F(RunLegsTest, TheKeysBelongWhereTheTestsSay) {
  for (std::string_view key : kHome) EXPECT_EQ(OwnerOf(SlotOf(key), 2), 0u) << key;
  for (std::string_view key : kOther) EXPECT_EQ(OwnerOf(SlotOf(key), 2), 1u) << key;
}

TEST_F(RunLegsTest, AMixedRunVisitsTheOtherShardOnceAndItsRepliesAreInOrder) {
  LegRun run({{"set", "b", "1"}, {"set", "a", "2"}, {"incr", "b"}, {"incr", "a"}, {"get", "c"}});
  EXPECT_FALSE(StartRun(run));
  EXPECT_EQ(run.buffer, "+OK\r\n") << "what comes before the visit needs no hold";
  Turn(other_);
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.buffer, "+OK\r\n+OK\r\n:2\r\n:3\r\n$-1\r\n");
  EXPECT_EQ(joined(), 1u);
}

TEST_F(RunLegsTest, NobodySeesTheSecondOfTwoWritesWithoutTheFirst) {
  LegRun run({{"set", "a", "1"}, {"set", "b", "1"}, {"set", "d", "1"}});
  EXPECT_FALSE(StartRun(run));
  Turn(other_);  // a and d are written, b is not
  LegRun late({{"get", "b"}});
  EXPECT_FALSE(StartRun(late)) << "b is held: whoever saw d must not see b as it was";
  LegRun unrelated({{"get", "c"}});
  EXPECT_TRUE(StartRun(unrelated));
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_TRUE(late.done);
  EXPECT_EQ(late.buffer, "$1\r\n1\r\n");
}

TEST_F(RunLegsTest, AReadInBetweenKeepsWritersOutButNotReaders) {
  LegRun run({{"get", "a"}, {"get", "b"}, {"get", "d"}});
  EXPECT_FALSE(StartRun(run));
  LegRun reader({{"get", "b"}});
  EXPECT_TRUE(StartRun(reader));
  LegRun writer({{"set", "b", "new"}});
  EXPECT_FALSE(StartRun(writer));
  Turn(other_);
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_TRUE(writer.done);
  EXPECT_EQ(run.buffer, "$-1\r\n$-1\r\n$-1\r\n");
}

TEST_F(RunLegsTest, OneKeyReadAndWrittenInOneLegIsHeldOnce) {
  EXPECT_EQ(Reply(home_, {{"incr", "a"}, {"get", "b"}, {"incr", "b"}, {"get", "b"}, {"incr", "a"}}),
            ":1\r\n$-1\r\n:1\r\n$1\r\n1\r\n:2\r\n");
  EXPECT_EQ(joined(), 1u);
}

TEST_F(RunLegsTest, TwoBatchesInEachOthersWayBothEnd) {
  LegRun mine({{"incr", "a"}, {"incr", "b"}, {"incr", "a"}});
  EXPECT_FALSE(StartRun(mine));  // holds b
  Enter(other_);
  LegRun theirs({{"incr", "b"}, {"incr", "a"}, {"incr", "b"}});
  EXPECT_FALSE(StartRun(theirs));  // holds a
  for (int turn = 0; turn < 10; ++turn) Turn(turn % 2 == 0 ? home_ : other_);
  EXPECT_TRUE(mine.done);
  EXPECT_TRUE(theirs.done);
  EXPECT_EQ(turned_away() + other_.engine.join_luck.turned_away, 2u);
  EXPECT_EQ(Reply(home_, {{"get", "b"}, {"get", "a"}}), "$1\r\n3\r\n$1\r\n3\r\n");
}

TEST_F(RunLegsTest, ALockThereTurnsAJointLegAwayAndNothingHasBeenExecuted) {
  LockRequest lock;
  lock.slots = {SlotOf("d")};
  lock.on_granted = [](LockRequest&) {};
  Enter(other_);
  ASSERT_TRUE(other_.shard.locks().Acquire(lock));
  Enter(home_);
  LegRun run({{"incr", "a"}, {"incr", "b"}, {"incr", "d"}});
  EXPECT_FALSE(StartRun(run));
  Turn(other_);
  Enter(other_);
  EXPECT_EQ(other_.shard.keys().Find(0, MakeKey("a")), nullptr);
  Enter(home_);
  for (int turn = 0; turn < 6; ++turn) Turn(turn % 2 == 0 ? home_ : other_);
  EXPECT_EQ(run.buffer, ":1\r\n:1\r\n") << "one by one, as far as the lock";
  EXPECT_FALSE(run.done);
  EXPECT_TRUE(home_.shard.locks().idle()) << "nothing is held while something is waited for";
  Enter(other_);
  other_.shard.locks().Release(lock);
  Turn(other_);
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.buffer, ":1\r\n:1\r\n:1\r\n");
  EXPECT_EQ(turned_away(), 1u);
}

TEST_F(RunLegsTest, ManyTurnedAwayLegsAreTriedLessOften) {
  LockRequest lock;
  lock.slots = {SlotOf("b")};
  lock.exclusive = false;
  lock.on_granted = [](LockRequest&) {};
  ASSERT_TRUE(home_.shard.locks().Acquire(lock));
  for (int i = 0; i < 100; ++i) {
    LegRun run({{"get", "a"}, {"get", "d"}, {"set", "c", "1"}, {"get", "b"}, {"get", "a"}});
    // The slot of b may be read by both: nothing is in the way.
    EXPECT_FALSE(StartRun(run));
    Turn(other_);
    Turn(home_);
    EXPECT_TRUE(run.done);
  }
  EXPECT_EQ(turned_away(), 0u);
  home_.shard.locks().Release(lock);
  lock.exclusive = true;
  ASSERT_TRUE(home_.shard.locks().Acquire(lock));
  std::deque<LegRun> waiting;
  for (int i = 0; i < 100; ++i) {
    LegRun& run = waiting.emplace_back(std::initializer_list<std::vector<std::string_view>>{
        {"get", "a"}, {"get", "b"}, {"get", "a"}});
    EXPECT_FALSE(StartRun(run));
    Turn(other_);
    Turn(home_);
  }
  EXPECT_LT(turned_away(), 10u);
  home_.shard.locks().Release(lock);
  for (int turn = 0; turn < 20; ++turn) Turn(turn % 2 == 0 ? other_ : home_);
  for (const LegRun& run : waiting) EXPECT_TRUE(run.done);
}

TEST_F(RunLegsTest, AFullOutputThereEndsTheLegAtTheSameCommandOnBothShards) {
  const std::string big(2000, 'x');
  EXPECT_EQ(Reply(home_, {{"set", "a", big}}), "+OK\r\n");
  LegRun run({{"get", "a"}, {"incr", "b"}, {"incr", "d"}, {"incr", "c"}, {"incr", "d"}});
  run.output_limit = 1000;
  EXPECT_FALSE(StartRun(run));
  Turn(other_);
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.next, 1u) << "the client has to read before the rest is executed";
  EXPECT_EQ(home_.shard.keys().Find(0, MakeKey("b")), nullptr);
  run.buffer.clear();
  run.done = false;
  EXPECT_FALSE(StartRun(run));
  Turn(other_);
  Turn(home_);
  EXPECT_TRUE(run.done);
  EXPECT_EQ(run.buffer, ":1\r\n:1\r\n:1\r\n:2\r\n");
}

TEST_F(RunLegsTest, GatesNameTheShardThatTheReplyWaitsFor) {
  LegRun run({{"set", "a", "1"}, {"set", "b", "1"}, {"get", "d"}, {"get", "e"}, {"set", "f", "1"}});
  EXPECT_FALSE(StartRun(run));
  Turn(other_);
  Turn(home_);
  ASSERT_TRUE(run.done);
  ASSERT_EQ(run.gates.size(), 2u) << "f is in one frame with b";
  EXPECT_EQ(run.gates[0].shard, 1u);
  EXPECT_EQ(run.gates[0].start, 0u);
  EXPECT_EQ(run.gates[1].shard, 0u);
  EXPECT_EQ(run.gates[1].start, 5u);
}

}  // namespace
}  // namespace flashdb
