// Three real shards on threads of their own, each with its log on a faked disk: what one log's
// failure does to the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <thread>

#include "shards/shard.h"
#include "shards/transaction.h"
#include "sim/fake_disk.h"

namespace flashdb {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr uint32_t kShards = 3;

/// A shard's thread; the test's functions run on it between its own duties.
class Host final : public TurnHook {
 public:
  Host(ShardId id, ShardGroup& group) : thread_([this, id, &group] { Main(id, group); }) {}
  ~Host() override { thread_.join(); }

  /// Runs `function(Shard&)` on the shard's thread and gives its result.
  template <typename F>
  auto Run(F function) {
    using R = std::invoke_result_t<F&, Shard&>;
    std::packaged_task<R(Shard&)> task(std::move(function));
    std::future<R> result = task.get_future();
    std::function<void(Shard&)> post = [&task](Shard& shard) { task(shard); };
    {
      std::lock_guard lock(mutex_);
      posted_.push_back(post);
    }
    return result.get();
  }
  /// Ends the thread once its log is idle.
  void Stop() {
    Run([](Shard& shard) {
      shard.Stop();
      return 0;
    });
  }
  void HoldDisk(bool hold) { disk_held_ = hold; }
  void BreakDisk() {
    Run([this](Shard&) {
      disk_.FailWritesFrom(1);
      return 0;
    });
    HoldDisk(false);
  }

  bool Work() override {
    std::vector<std::function<void(Shard&)>> functions;
    {
      std::lock_guard lock(mutex_);
      functions.swap(posted_);
    }
    for (auto& function : functions) function(Shard::Current());
    if (!disk_held_) disk_.RunAll();
    return disk_.pending() > 0 && !disk_held_;
  }
  void FlushOutput() override {}

 private:
  void Main(ShardId id, ShardGroup& group) {
    Shard shard(id, group, clock_, 1);
    ASSERT_TRUE(shard.Attach({.entries = 8, .receive_buffers = 4}).ok());
    LogOptions options{.directory = "/log", .log_id = id, .segment_bytes = kMinSegmentBytes};
    options.block_bytes = 512;
    auto log = LogWriter::Open(disk_, disk_, clock_, options, {});
    ASSERT_TRUE(log.ok()) << log.status();
    shard.StartLog(*std::move(log), 0);
    shard.set_hook(this);
    shard.Run();
  }

  SystemClock clock_;
  FakeDisk disk_{512};
  std::atomic<bool> disk_held_ = false;
  std::mutex mutex_;
  std::vector<std::function<void(Shard&)>> posted_;
  std::thread thread_;
};

struct Outcome {
  std::optional<std::string> refusal;
  std::vector<Gate> gates;
};

SlotId SlotOn(ShardId shard) { return static_cast<SlotId>(FirstSlot(shard, kShards) + 5u); }

class LogFailureTest : public testing::Test {
 protected:
  LogFailureTest() {
    for (uint32_t id = 0; id < kShards; ++id) {
      hosts_.push_back(std::make_unique<Host>(static_cast<ShardId>(id), group_));
    }
  }
  ~LogFailureTest() override {
    for (auto& host : hosts_) host->HoldDisk(false);
    for (size_t id = kShards; id-- > 0;) hosts_[id]->Stop();
  }
  Host& At(ShardId shard) { return *hosts_[shard]; }

  /// A write of one shard's key; its gate, or 0 if it is refused.
  Lsn Write(ShardId shard) {
    return At(shard).Run([](Shard& here) -> Lsn {
      if (here.RefusesWrite(100)) return 0;
      KeyRef key{.bytes = "key", .hash = 1, .slot = SlotOn(here.id())};
      here.keys().SetString(0, key, "v", 0);
      here.CommitEffects();
      return here.keys().TakeGate();
    });
  }

  /// Changes a key on each of `shards` in one transaction from shard 0; waits before its end until
  /// `go` is set.
  std::future<Outcome> Change(std::vector<ShardId> shards, const std::atomic<bool>& go) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    At(0).Run([&](Shard&) {
      Detach(ChangeOn(std::move(shards), go, promise));
      return 0;
    });
    return promise->get_future();
  }
  Outcome ChangeNow(std::vector<ShardId> shards) { return Change(std::move(shards), go_).get(); }

  static Task<void> ChangeOn(std::vector<ShardId> shards, const std::atomic<bool>& go,
                             std::shared_ptr<std::promise<Outcome>> promise) {
    Outcome outcome;
    Transaction transaction(true);
    for (ShardId shard : shards) transaction.AddSlot(SlotOn(shard));
    outcome.refusal = co_await transaction.Lock(100);
    if (!outcome.refusal) {
      for (ShardId shard : shards) {
        auto set = [shard](Keyspace& keys) {
          KeyRef key{.bytes = "shared", .hash = 2, .slot = SlotOn(shard)};
          keys.SetString(0, key, "v", 0);
        };
        co_await transaction.AtShard(shard, set);
      }
    }
    while (!go) co_await Shard::Current().Sleep(1);
    co_await transaction.Finish();
    outcome.gates = transaction.gates();
    promise->set_value(outcome);
  }

  std::string Refusal(ShardId shard) {
    return At(shard).Run([](Shard& here) { return here.RefusesWrite(1).value_or(""); });
  }
  bool Settled(ShardId shard, Lsn lsn) {
    return At(shard).Run([=](Shard& here) { return here.commits().IsSettled(here.id(), lsn); });
  }
  /// What `shard` knows of `other`.
  std::string FailureSeen(ShardId shard, ShardId other) {
    return At(shard).Run([=](Shard& here) { return here.commits().FailureOf(other); });
  }
  template <typename F>
  static bool Eventually(F condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }
  bool EveryoneKnowsThatFailed(ShardId failed) {
    return Eventually([&] {
      for (uint32_t id = 0; id < kShards; ++id) {
        if (FailureSeen(static_cast<ShardId>(id), failed).empty()) return false;
      }
      return true;
    });
  }

  ShardGroup group_{kShards};
  std::vector<std::unique_ptr<Host>> hosts_;
  const std::atomic<bool> go_ = true;
};

TEST_F(LogFailureTest, ShardsWithoutAPartGoOnAndSharedWritesAreRefused) {
  At(1).BreakDisk();
  Lsn lost = Write(1);
  ASSERT_TRUE(EveryoneKnowsThatFailed(1));
  EXPECT_FALSE(Settled(1, lost));
  EXPECT_THAT(Refusal(1), AllOf(HasSubstr("MISCONF shard 1"), HasSubstr("restart")));
  for (ShardId healthy : {0, 2}) {
    Lsn lsn = Write(healthy);
    ASSERT_NE(lsn, 0u) << Refusal(healthy);
    EXPECT_TRUE(Eventually([&] { return Settled(healthy, lsn); }));
  }
  for (std::vector<ShardId> shards : {std::vector<ShardId>{0, 1}, {0, 2}, {0, 1, 2}}) {
    Outcome outcome = ChangeNow(shards);
    ASSERT_TRUE(outcome.refusal.has_value());
    EXPECT_THAT(*outcome.refusal, AllOf(HasSubstr("MISCONF"), HasSubstr("shard 1")));
    EXPECT_TRUE(outcome.gates.empty()) << "nothing was done";
  }
  EXPECT_EQ(FailureSeen(0, 0), "");
  EXPECT_EQ(FailureSeen(0, 2), "");
}

TEST_F(LogFailureTest, AShardThatHoldsPartOfALostTransactionFailsToo) {
  At(1).HoldDisk(true);
  Outcome outcome = ChangeNow({0, 1});
  ASSERT_EQ(outcome.gates.size(), 2u);
  Lsn behind = Write(0);
  ASSERT_NE(behind, 0u);
  EXPECT_FALSE(Settled(0, behind)) << "it waits for shard 1's disk";
  At(1).BreakDisk();
  ASSERT_TRUE(EveryoneKnowsThatFailed(1));
  ASSERT_TRUE(EveryoneKnowsThatFailed(0));
  EXPECT_THAT(Refusal(0), AllOf(HasSubstr("MISCONF shard 0"), HasSubstr("transaction"),
                                HasSubstr("shard 1: the log has failed")));
  EXPECT_FALSE(Settled(0, behind));
  Lsn lsn = Write(2);
  ASSERT_NE(lsn, 0u);
  EXPECT_TRUE(Eventually([&] { return Settled(2, lsn); })) << "it has no part in it";
}

TEST_F(LogFailureTest, ALaterTransactionOfHealthyShardsIsLostWithTheOneBeforeIt) {
  At(1).HoldDisk(true);
  ChangeNow({0, 1});
  ChangeNow({0, 2});
  Lsn behind = Write(2);
  At(1).BreakDisk();
  ASSERT_TRUE(EveryoneKnowsThatFailed(2));
  EXPECT_THAT(Refusal(2), HasSubstr("shard 1: the log has failed"));
  EXPECT_FALSE(Settled(2, behind));
}

TEST_F(LogFailureTest, AnEarlierTransactionOfHealthyShardsStillSettles) {
  At(2).HoldDisk(true);
  At(1).HoldDisk(true);
  Outcome earlier = ChangeNow({0, 2});
  ChangeNow({0, 1});
  At(1).BreakDisk();
  ASSERT_TRUE(EveryoneKnowsThatFailed(0));
  At(2).HoldDisk(false);
  for (const Gate& gate : earlier.gates) {
    EXPECT_TRUE(Eventually([&] { return Settled(gate.shard, gate.lsn); })) << gate.shard;
  }
  EXPECT_EQ(FailureSeen(2, 2), "");
}

TEST_F(LogFailureTest, ATransactionThatRanBeforeTheFailureAndEndsAfterItIsLost) {
  std::atomic<bool> go = false;
  std::future<Outcome> change = Change({0, 1}, go);
  // It holds its locks when a later one on the same slot can't get them any more.
  ASSERT_TRUE(Eventually([&] {
    auto locked = [](Shard& here) { return here.locks().Locked(SlotOn(here.id())); };
    return At(0).Run(locked) && At(1).Run(locked);
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  At(1).BreakDisk();
  Write(1);
  ASSERT_TRUE(EveryoneKnowsThatFailed(1));
  EXPECT_EQ(FailureSeen(0, 0), "");
  go = true;
  Outcome outcome = change.get();
  EXPECT_FALSE(outcome.refusal.has_value());
  ASSERT_TRUE(EveryoneKnowsThatFailed(0));
  EXPECT_EQ(FailureSeen(2, 2), "");
}

}  // namespace
}  // namespace flashdb
