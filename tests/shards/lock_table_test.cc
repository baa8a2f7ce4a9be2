// Slot locks: who is granted, in which order, and that everybody is in the end.
#include "shards/lock_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

#include "base/random.h"

namespace flashdb {
namespace {

struct Request : LockRequest {
  std::string name;
  std::vector<std::string>* log = nullptr;
  LockTable* release_in = nullptr;  // set: on_granted releases at once
};

void NoteGranted(LockRequest& lock) {
  auto& self = static_cast<Request&>(lock);
  self.log->push_back(self.name);
  if (self.release_in != nullptr) self.release_in->Release(self);
}

class LockTableTest : public testing::Test {
 protected:
  Request& Make(std::string name, std::vector<SlotId> slots, bool exclusive) {
    made_.push_back(std::make_unique<Request>());
    Request& request = *made_.back();
    request.name = std::move(name);
    request.slots.assign(slots.begin(), slots.end());
    request.exclusive = exclusive;
    request.log = &granted_;
    request.on_granted = &NoteGranted;
    return request;
  }
  Request& Writer(std::string name, std::vector<SlotId> slots) {
    return Make(std::move(name), std::move(slots), true);
  }
  Request& Reader(std::string name, std::vector<SlotId> slots) {
    return Make(std::move(name), std::move(slots), false);
  }
  Request& WholeShard(std::string name, bool exclusive) {
    Request& request = Make(std::move(name), {}, exclusive);
    request.all = true;
    return request;
  }

  using Names = std::vector<std::string>;

  LockTable locks_;
  Names granted_;  // by callback, in order
  std::vector<std::unique_ptr<Request>> made_;
};

// ---- Holds -------------------------------------------------------------------------------------

TEST_F(LockTableTest, HoldsAreTakenAllOrNone) {
  const SlotHold first[] = {{3, true}, {5, false}};
  const SlotHold second[] = {{4, true}, {5, true}};
  ASSERT_TRUE(locks_.TryHold(first));
  EXPECT_FALSE(locks_.TryHold(second)) << "5 is read";
  EXPECT_FALSE(locks_.Blocks(4, true)) << "nothing of a refused set is kept";
  EXPECT_TRUE(locks_.Blocks(3, false));
  EXPECT_FALSE(locks_.Blocks(5, false));
  EXPECT_TRUE(locks_.Blocks(5, true));
  locks_.ReleaseHolds(first);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, ARequestWaitsForAHoldAndLetsNoNewOnePass) {
  const SlotHold hold[] = {{3, false}};
  ASSERT_TRUE(locks_.TryHold(hold));
  ASSERT_TRUE(locks_.TryHold(hold)) << "two may read";
  Request& writer = Writer("writer", {2, 3});
  EXPECT_FALSE(locks_.Acquire(writer));
  EXPECT_FALSE(locks_.TryHold(hold)) << "or the writer might wait for ever";
  locks_.ReleaseHolds(hold);
  EXPECT_TRUE(granted_.empty());
  locks_.ReleaseHolds(hold);
  EXPECT_EQ(granted_, Names{"writer"});
  EXPECT_FALSE(locks_.TryHold(hold));
  locks_.Release(writer);
  EXPECT_TRUE(locks_.TryHold(hold));
  locks_.ReleaseHolds(hold);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, ReadersPassASharedHoldAndWaitForAnExclusiveOne) {
  const SlotHold shared[] = {{3, false}};
  const SlotHold exclusive[] = {{4, true}};
  ASSERT_TRUE(locks_.TryHold(shared));
  ASSERT_TRUE(locks_.TryHold(exclusive));
  Request& reader = Reader("reader", {3});
  EXPECT_TRUE(locks_.Acquire(reader));
  Request& late = Reader("late", {3, 4});
  EXPECT_FALSE(locks_.Acquire(late));
  locks_.ReleaseHolds(exclusive);
  EXPECT_EQ(granted_, Names{"late"});
  locks_.Release(reader);
  locks_.Release(late);
  locks_.ReleaseHolds(shared);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, AWholeShardRequestWaitsForHoldsAndKeepsNewOnesOut) {
  const SlotHold hold[] = {{3, false}};
  ASSERT_TRUE(locks_.TryHold(hold));
  Request& all = WholeShard("all", true);
  EXPECT_FALSE(locks_.Acquire(all));
  const SlotHold other[] = {{9, false}};
  EXPECT_FALSE(locks_.TryHold(other));
  locks_.ReleaseHolds(hold);
  EXPECT_EQ(granted_, Names{"all"});
  locks_.Release(all);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, AFullCountOfSharedHoldsRefusesOneMore) {
  const SlotHold hold[] = {{3, false}};
  int taken = 0;
  while (taken < 1000 && locks_.TryHold(hold)) ++taken;
  EXPECT_EQ(taken, 254);
  for (int i = 0; i < taken; ++i) locks_.ReleaseHolds(hold);
  EXPECT_TRUE(locks_.idle());
}

// ---- Requests ----------------------------------------------------------------------------------

TEST_F(LockTableTest, AFreeSlotIsGrantedAtOnceAndWithoutACall) {
  EXPECT_TRUE(locks_.idle());
  Request& a = Writer("a", {5});
  EXPECT_TRUE(locks_.Acquire(a));
  EXPECT_TRUE(a.granted);
  EXPECT_TRUE(locks_.Locked(5));
  EXPECT_FALSE(locks_.Locked(6));
  EXPECT_FALSE(locks_.idle());
  locks_.Release(a);
  EXPECT_FALSE(a.granted);
  EXPECT_FALSE(locks_.Locked(5));
  EXPECT_TRUE(locks_.idle());
  EXPECT_TRUE(granted_.empty());
}

TEST_F(LockTableTest, WritersOfOneSlotAreGrantedInOrderOfArrival) {
  Request& a = Writer("a", {5});
  Request& b = Writer("b", {5});
  Request& c = Writer("c", {5});
  EXPECT_TRUE(locks_.Acquire(a));
  EXPECT_FALSE(locks_.Acquire(b));
  EXPECT_FALSE(locks_.Acquire(c));
  locks_.Release(a);
  EXPECT_EQ(granted_, (Names{"b"}));
  locks_.Release(b);
  EXPECT_EQ(granted_, (Names{"b", "c"}));
  locks_.Release(c);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, ReadersShareASlotAndAWriterWaitsForTheLast) {
  Request& r1 = Reader("r1", {5});
  Request& r2 = Reader("r2", {5});
  Request& w = Writer("w", {5});
  EXPECT_TRUE(locks_.Acquire(r1));
  EXPECT_TRUE(locks_.Acquire(r2));
  EXPECT_FALSE(locks_.Acquire(w));
  locks_.Release(r1);
  EXPECT_TRUE(granted_.empty());
  locks_.Release(r2);
  EXPECT_EQ(granted_, (Names{"w"}));
}

TEST_F(LockTableTest, AReaderDoesNotPassAWaitingWriter) {
  Request& r1 = Reader("r1", {5});
  Request& w = Writer("w", {5});
  Request& r2 = Reader("r2", {5});
  Request& r3 = Reader("r3", {5});
  EXPECT_TRUE(locks_.Acquire(r1));
  EXPECT_FALSE(locks_.Acquire(w));
  EXPECT_FALSE(locks_.Acquire(r2));
  EXPECT_FALSE(locks_.Acquire(r3));
  locks_.Release(r1);
  locks_.Release(w);
  EXPECT_EQ(granted_, (Names{"w", "r2", "r3"}));
}

TEST_F(LockTableTest, ARequestOfManySlotsWaitsForAllOfThem) {
  Request& a = Writer("a", {1});
  Request& b = Writer("b", {3});
  Request& both = Writer("both", {1, 2, 3});
  Request& two = Writer("two", {2});
  locks_.Acquire(a);
  locks_.Acquire(b);
  EXPECT_FALSE(locks_.Acquire(both));
  EXPECT_EQ(both.waiting_for, 2u);
  EXPECT_FALSE(locks_.Acquire(two)) << "it must not pass an earlier one that only waits elsewhere";
  locks_.Release(b);
  EXPECT_TRUE(granted_.empty());
  locks_.Release(a);
  EXPECT_EQ(granted_, (Names{"both"}));
  locks_.Release(both);
  EXPECT_EQ(granted_, (Names{"both", "two"}));
}

TEST_F(LockTableTest, OtherSlotsPassAWaitingRequest) {
  Request& a = Writer("a", {1});
  Request& b = Writer("b", {1});
  Request& other = Writer("other", {2});
  locks_.Acquire(a);
  locks_.Acquire(b);
  EXPECT_TRUE(locks_.Acquire(other));
}

TEST_F(LockTableTest, AWholeShardWaitsForAllAndHoldsAllBack) {
  Request& a = Writer("a", {1});
  Request& all = WholeShard("all", true);
  Request& later = Writer("later", {2});
  Request& reader = Reader("reader", {2});
  locks_.Acquire(a);
  EXPECT_FALSE(locks_.Acquire(all));
  EXPECT_FALSE(locks_.Acquire(later)) << "or a stream of commands would starve the whole shard";
  EXPECT_FALSE(locks_.Acquire(reader));
  locks_.Release(a);
  EXPECT_EQ(granted_, (Names{"all"}));
  locks_.Release(all);
  EXPECT_EQ(granted_, (Names{"all", "later"}));
  locks_.Release(later);
  EXPECT_EQ(granted_, (Names{"all", "later", "reader"}));
  locks_.Release(reader);
  EXPECT_TRUE(locks_.idle());
}

TEST_F(LockTableTest, TheBacklogIsAdmittedUpToTheNextWholeShard) {
  Request& first = WholeShard("first", true);
  Request& a = Writer("a", {1});
  Request& b = Writer("b", {2});
  Request& second = WholeShard("second", true);
  Request& c = Writer("c", {3});
  EXPECT_TRUE(locks_.Acquire(first));
  for (Request* r : {&a, &b, &second, &c}) EXPECT_FALSE(locks_.Acquire(*r)) << r->name;
  locks_.Release(first);
  EXPECT_EQ(granted_, (Names{"a", "b"}));
  locks_.Release(b);
  locks_.Release(a);
  EXPECT_EQ(granted_, (Names{"a", "b", "second"}));
  locks_.Release(second);
  EXPECT_EQ(granted_, (Names{"a", "b", "second", "c"}));
}

TEST_F(LockTableTest, WholeShardsFollowOneAnother) {
  Request& a = WholeShard("a", true);
  Request& b = WholeShard("b", false);
  Request& c = WholeShard("c", true);
  EXPECT_TRUE(locks_.Acquire(a));
  EXPECT_FALSE(locks_.Acquire(b));
  EXPECT_FALSE(locks_.Acquire(c));
  locks_.Release(a);
  locks_.Release(b);
  locks_.Release(c);
  EXPECT_EQ(granted_, (Names{"b", "c"}));
  EXPECT_TRUE(locks_.idle());
}

// ---- Commands that take no lock -----------------------------------------------------------------

TEST_F(LockTableTest, ReadsPassSharedHoldersAndWritesDoNot) {
  Request& r = Reader("r", {5});
  locks_.Acquire(r);
  EXPECT_FALSE(locks_.Blocks(5, /*exclusive=*/false));
  EXPECT_TRUE(locks_.Blocks(5, true));
  EXPECT_FALSE(locks_.Blocks(6, true));
}

TEST_F(LockTableTest, ReadsDoNotPassAWriterThatHoldsOrWaits) {
  Request& w = Writer("w", {5});
  locks_.Acquire(w);
  EXPECT_TRUE(locks_.Blocks(5, false));
  Request& r = Reader("r", {6});
  Request& waiting = Writer("waiting", {6});
  locks_.Acquire(r);
  locks_.Acquire(waiting);
  EXPECT_TRUE(locks_.Blocks(6, false));
}

TEST_F(LockTableTest, ReadsPassASharedWholeShardAndWritesDoNot) {
  Request& all = WholeShard("all", false);
  locks_.Acquire(all);
  EXPECT_FALSE(locks_.Blocks(9, false));
  EXPECT_TRUE(locks_.Blocks(9, true));
  Request& behind = Writer("behind", {9});
  locks_.Acquire(behind);
  EXPECT_TRUE(locks_.Blocks(9, false)) << "a writer waits behind the whole shard";
}

TEST_F(LockTableTest, AReadStopsAtASlotThatAWaitingWholeShardWaitsFor) {
  Request& w = Writer("w", {5});
  Request& all = WholeShard("all", false);
  locks_.Acquire(w);
  locks_.Acquire(all);
  EXPECT_TRUE(locks_.Blocks(5, false));
  EXPECT_FALSE(locks_.Blocks(6, false));
}

TEST_F(LockTableTest, AnExclusiveWholeShardBlocksEverything) {
  Request& all = WholeShard("all", true);
  locks_.Acquire(all);
  EXPECT_TRUE(locks_.Blocks(0, false));
  EXPECT_TRUE(locks_.Blocks(kSlotCount - 1, true));
  EXPECT_TRUE(locks_.Locked(77));
  locks_.Release(all);
  EXPECT_FALSE(locks_.Blocks(0, true));
}

TEST_F(LockTableTest, ASingleCommandsRequestRunsAndReleasesInsideTheCall) {
  Request& w = Writer("w", {5});
  Request& command = Writer("command", {5});
  Request& next = Writer("next", {5});
  command.release_in = &locks_;
  locks_.Acquire(w);
  locks_.Acquire(command);
  locks_.Acquire(next);
  locks_.Release(w);
  EXPECT_EQ(granted_, (Names{"command", "next"}));
}

TEST_F(LockTableTest, ReleasingWhatIsNotGrantedAborts) {
  Request& a = Writer("a", {1});
  Request& b = Writer("b", {1});
  locks_.Acquire(a);
  locks_.Acquire(b);
  EXPECT_DEATH(locks_.Release(b), "had not been granted");
}

// ---- Crowds -------------------------------------------------------------------------------------

struct Chained : LockRequest {
  LockTable* locks = nullptr;
  size_t* calls = nullptr;
  uintptr_t* deepest = nullptr;
};

void ReleaseAtOnce(LockRequest& lock) {
  auto& self = static_cast<Chained&>(lock);
  ++*self.calls;
  *self.deepest = std::min(*self.deepest, reinterpret_cast<uintptr_t>(__builtin_frame_address(0)));
  self.locks->Release(self);
}

class LockCrowdTest : public testing::TestWithParam<bool> {};

TEST_P(LockCrowdTest, AHundredThousandWaitersNeedNoDeepStackAndNoLongTime) {
  constexpr size_t kWaiters = 100'000;
  LockTable locks;
  size_t calls = 0;
  uintptr_t deepest = UINTPTR_MAX;
  LockRequest holder;
  holder.slots = {5};
  ASSERT_TRUE(locks.Acquire(holder));
  std::vector<Chained> waiters(kWaiters);
  auto began = std::chrono::steady_clock::now();
  for (Chained& waiter : waiters) {
    waiter.slots = {5};
    waiter.exclusive = GetParam();
    waiter.on_granted = &ReleaseAtOnce;
    waiter.locks = &locks;
    waiter.calls = &calls;
    waiter.deepest = &deepest;
    ASSERT_FALSE(locks.Acquire(waiter));
  }
  locks.Release(holder);
  EXPECT_EQ(calls, kWaiters);
  EXPECT_TRUE(locks.idle());
  EXPECT_LT(reinterpret_cast<uintptr_t>(__builtin_frame_address(0)) - deepest, 64u * 1024);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

INSTANTIATE_TEST_SUITE_P(WritersAndReaders, LockCrowdTest, testing::Bool());

TEST(LockTableModelTest, AHundredThousandReadersHoldASlotTogether) {
  LockTable locks;
  std::vector<LockRequest> readers(100'000);
  auto began = std::chrono::steady_clock::now();
  for (LockRequest& reader : readers) {
    reader.slots = {5};
    reader.exclusive = false;
    ASSERT_TRUE(locks.Acquire(reader));
    ASSERT_FALSE(locks.Blocks(5, false));
  }
  for (LockRequest& reader : readers) locks.Release(reader);
  EXPECT_TRUE(locks.idle());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
}

// ---- Against a model ----------------------------------------------------------------------------

bool Conflict(const LockRequest& a, const LockRequest& b) {
  if (a.all || b.all) return true;
  if (!a.exclusive && !b.exclusive) return false;
  return std::find_first_of(a.slots.begin(), a.slots.end(), b.slots.begin(), b.slots.end()) !=
         a.slots.end();
}

constexpr SlotId kModelSlots = 6;

void DrawSlots(Random& random, LockRequest& request) {
  for (SlotId slot = 0; slot < kModelSlots; ++slot) {
    if (random.Below(4) == 0) request.slots.push_back(slot);
  }
  if (request.slots.empty()) request.slots.push_back(static_cast<SlotId>(random.Below(6)));
}

struct Modelled : LockRequest {
  bool told = false;  // granted, as the caller knows
};

// The definition: granted exactly when no earlier conflicting request is left.
void CheckAgainstDefinition(const LockTable& locks,
                            const std::vector<std::unique_ptr<Modelled>>& left) {
  for (size_t i = 0; i < left.size(); ++i) {
    bool free = std::none_of(left.begin(), left.begin() + static_cast<ptrdiff_t>(i),
                             [&](const auto& earlier) { return Conflict(*earlier, *left[i]); });
    ASSERT_EQ(left[i]->granted, free) << "request " << i << " of " << left.size();
    ASSERT_EQ(left[i]->granted, left[i]->told);
    if (!left[i]->granted) continue;
    for (SlotId slot = 0; slot < kModelSlots; ++slot) {
      bool holds = left[i]->all || std::count(left[i]->slots.begin(), left[i]->slots.end(), slot);
      if (!holds) continue;
      ASSERT_TRUE(locks.Locked(slot));
      ASSERT_TRUE(locks.Blocks(slot, true));
      ASSERT_TRUE(!left[i]->exclusive || locks.Blocks(slot, false));
    }
  }
}

TEST(LockTableModelTest, GrantsExactlyWhatTheDefinitionSays) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    LockTable locks;
    std::vector<std::unique_ptr<Modelled>> left;
    for (int step = 0; step < 400 || !left.empty(); ++step) {
      bool arrive = step < 400 && left.size() < 12 && random.Below(2) == 0;
      if (arrive) {
        left.push_back(std::make_unique<Modelled>());
        Modelled& request = *left.back();
        request.all = random.Below(12) == 0;
        request.exclusive = random.Below(2) == 0;
        if (!request.all) DrawSlots(random, request);
        request.on_granted = [](LockRequest& lock) { static_cast<Modelled&>(lock).told = true; };
        request.told = locks.Acquire(request);
      } else if (!left.empty()) {
        std::vector<size_t> holders;
        for (size_t i = 0; i < left.size(); ++i) {
          if (left[i]->granted) holders.push_back(i);
        }
        ASSERT_FALSE(holders.empty()) << "somebody must always be granted";
        size_t victim = holders[random.Below(holders.size())];
        locks.Release(*left[victim]);
        left.erase(left.begin() + static_cast<ptrdiff_t>(victim));
      }
      ASSERT_NO_FATAL_FAILURE(CheckAgainstDefinition(locks, left));
    }
    EXPECT_TRUE(locks.idle());
  }
}

// ---- Several shards -----------------------------------------------------------------------------

// Transactions reach every shard in one order, but each shard at its own pace. A transaction ends,
// shard by shard at any time, once all of its shards have granted; one with a single part is what a
// command of one shard asks for.
class ManyShards {
 public:
  ManyShards(uint64_t seed, size_t transactions) : random_(seed), transactions_(transactions) {
    for (auto& transaction : transactions_) {
      for (size_t shard = 0; shard < kShards; ++shard) {
        if (random_.Below(2) == 0) AddPart(transaction, shard);
      }
    }
  }

  void RunToTheEnd() {
    while (!Finished()) {
      bool moved = false;
      for (int tries = 0; tries < 200 && !moved; ++tries) {
        moved = random_.Below(2) == 0 ? DeliverSome() : ReleaseSome();
      }
      if (!moved) moved = DeliverAny() || ReleaseAny();
      ASSERT_TRUE(moved) << "deadlock: " << released_ << " of " << parts_ << " parts ended";
    }
  }

 private:
  static constexpr size_t kShards = 4;

  struct Transaction;
  struct Part : LockRequest {
    Transaction* transaction = nullptr;
    size_t shard = 0;
  };
  struct Transaction {
    std::vector<std::unique_ptr<Part>> parts;
    size_t granted = 0;
  };

  void AddPart(Transaction& transaction, size_t shard) {
    auto part = std::make_unique<Part>();
    part->transaction = &transaction;
    part->shard = shard;
    part->all = random_.Below(20) == 0;
    part->exclusive = random_.Below(3) != 0;
    DrawSlots(random_, *part);
    part->on_granted = [](LockRequest& lock) { ++static_cast<Part&>(lock).transaction->granted; };
    inbox_[shard].push_back(part.get());
    transaction.parts.push_back(std::move(part));
    ++parts_;
  }

  bool Finished() const { return released_ == parts_; }

  bool Deliver(size_t shard) {
    if (delivered_[shard] == inbox_[shard].size()) return false;
    Part* part = inbox_[shard][delivered_[shard]++];
    if (locks_[shard].Acquire(*part)) ++part->transaction->granted;
    return true;
  }
  bool DeliverSome() { return Deliver(random_.Below(kShards)); }
  bool DeliverAny() {
    for (size_t shard = 0; shard < kShards; ++shard) {
      if (Deliver(shard)) return true;
    }
    return false;
  }

  bool Release(Transaction& transaction) {
    if (transaction.granted < transaction.parts.size()) return false;
    for (auto& part : transaction.parts) {
      if (!part->granted) continue;
      locks_[part->shard].Release(*part);
      ++released_;
      return true;
    }
    return false;
  }
  bool ReleaseSome() { return Release(transactions_[random_.Below(transactions_.size())]); }
  bool ReleaseAny() {
    return std::any_of(transactions_.begin(), transactions_.end(),
                       [this](Transaction& transaction) { return Release(transaction); });
  }

  Random random_;
  std::vector<Transaction> transactions_;
  LockTable locks_[kShards];
  std::vector<Part*> inbox_[kShards];
  size_t delivered_[kShards] = {};
  size_t parts_ = 0;
  size_t released_ = 0;
};

TEST(LockTableModelTest, OneGlobalOrderNeverDeadlocks) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    ManyShards shards(seed, 120);
    ASSERT_NO_FATAL_FAILURE(shards.RunToTheEnd());
  }
}

}  // namespace
}  // namespace flashdb
