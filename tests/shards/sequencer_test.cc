#include "shards/sequencer.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace flashdb {
namespace {

using Shards = std::vector<uint32_t>;

TxnId Assign(Sequencer& sequencer, const Shards& participants) {
  return sequencer.Assign(participants);
}

TEST(SequencerTest, PlacesFollowWhatWasRecovered) {
  Sequencer sequencer;
  sequencer.Start(41);
  EXPECT_EQ(sequencer.settled(), 41u);
  EXPECT_EQ(Assign(sequencer, {0, 1}), 42u);
  EXPECT_EQ(Assign(sequencer, {0, 1}), 43u);
  EXPECT_EQ(sequencer.settled(), 41u);
}

TEST(SequencerTest, ATransactionIsSettledWhenAllItsRecordsAreOnDisk) {
  Sequencer sequencer;
  TxnId txn = Assign(sequencer, {0, 2});
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(txn, 2);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(txn, 0);
  EXPECT_EQ(sequencer.settled(), txn);
}

TEST(SequencerTest, OnlyAWholePrefixIsSettled) {
  Sequencer sequencer;
  TxnId first = Assign(sequencer, {0, 1});
  TxnId second = Assign(sequencer, {1, 2});
  TxnId third = Assign(sequencer, {2, 3});
  for (uint32_t shard : {1, 2}) sequencer.Durable(second, static_cast<ShardId>(shard));
  for (uint32_t shard : {2, 3}) sequencer.Durable(third, static_cast<ShardId>(shard));
  sequencer.Durable(first, 0);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(first, 1);
  EXPECT_EQ(sequencer.settled(), third);
  EXPECT_EQ(Assign(sequencer, {0, 1}), third + 1);
}

TEST(SequencerTest, PlacesGoOnWhileEarlierOnesSettle) {
  Sequencer sequencer;
  TxnId first = Assign(sequencer, {0});
  Assign(sequencer, {0, 1});
  sequencer.Durable(first, 0);
  EXPECT_EQ(Assign(sequencer, {0, 1}), first + 2);
}

TEST(SequencerTest, StrangersAbort) {
  Sequencer sequencer;
  sequencer.Start(5);
  TxnId txn = Assign(sequencer, {0, 1});
  EXPECT_DEATH(sequencer.Durable(txn + 1, 0), "transaction 7 is not pending");
  EXPECT_DEATH(sequencer.Durable(5, 0), "transaction 5 is not pending");
  EXPECT_DEATH(sequencer.Durable(txn, 2), "shard 2 has no part in transaction 6");
  sequencer.Durable(txn, 1);
  EXPECT_DEATH(sequencer.Durable(txn, 1), "shard 1 has no part") << "it has reported already";
}

// ---- Failed logs --------------------------------------------------------------------------------

TEST(SequencerTest, AFailureLosesTheFirstTransactionWhoseRecordItHoldsBack) {
  Sequencer sequencer;
  TxnId reported = Assign(sequencer, {0, 1});
  TxnId foreign = Assign(sequencer, {0, 2});
  TxnId lost = Assign(sequencer, {1, 2});
  Assign(sequencer, {0, 1});
  sequencer.Durable(reported, 1);
  EXPECT_EQ(sequencer.lost(), 0u);
  sequencer.SetFailed(1);
  EXPECT_EQ(sequencer.lost(), lost);
  sequencer.Durable(reported, 0);
  sequencer.Durable(foreign, 0);
  sequencer.Durable(foreign, 2);
  EXPECT_EQ(sequencer.settled(), foreign) << "what is before it settles";
}

TEST(SequencerTest, AFailureWithNothingOutstandingLosesNothingUntilItTakesPart) {
  Sequencer sequencer;
  sequencer.SetFailed(1);
  TxnId healthy = Assign(sequencer, {0, 2});
  EXPECT_EQ(sequencer.lost(), 0u);
  sequencer.Durable(healthy, 0);
  sequencer.Durable(healthy, 2);
  EXPECT_EQ(sequencer.settled(), healthy);
  TxnId lost = Assign(sequencer, {0, 1});
  EXPECT_EQ(sequencer.lost(), lost);
  Assign(sequencer, {1, 2});
  EXPECT_EQ(sequencer.lost(), lost) << "the first one counts";
}

TEST(SequencerTest, ASecondFailureMayLoseAnEarlierTransaction) {
  Sequencer sequencer;
  TxnId first = Assign(sequencer, {0, 1});
  TxnId second = Assign(sequencer, {0, 2});
  sequencer.SetFailed(2);
  EXPECT_EQ(sequencer.lost(), second);
  sequencer.SetFailed(1);
  EXPECT_EQ(sequencer.lost(), first);
  sequencer.SetFailed(0);
  EXPECT_EQ(sequencer.lost(), first);
}

// In whatever order the news arrives, the index is the longest prefix that is whole.
TEST(SequencerTest, TheIndexIsTheLongestWholePrefix) {
  constexpr TxnId kTransactions = 200;
  struct News {
    TxnId txn;
    ShardId shard;
  };
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Sequencer sequencer;
    std::vector<uint32_t> missing(kTransactions + 1, 0);
    std::vector<News> news;
    for (TxnId txn = 1; txn <= kTransactions; ++txn) {
      Shards participants;
      missing[txn] = 1 + static_cast<uint32_t>(random.Below(4));
      for (uint32_t shard = 0; shard < missing[txn]; ++shard) {
        participants.push_back(shard);
        news.push_back({txn, static_cast<ShardId>(shard)});
      }
      ASSERT_EQ(sequencer.Assign(participants), txn);
    }
    while (!news.empty()) {
      size_t at = random.Below(news.size());
      News next = news[at];
      news[at] = news.back();
      news.pop_back();
      sequencer.Durable(next.txn, next.shard);
      --missing[next.txn];
      TxnId whole = 0;
      while (whole < kTransactions && missing[whole + 1] == 0) ++whole;
      ASSERT_EQ(sequencer.settled(), whole);
    }
  }
}

}  // namespace
}  // namespace flashdb
