#include "shards/sequencer.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/random.h"

namespace flashdb {
namespace {

TEST(SequencerTest, PlacesFollowWhatWasRecovered) {
  Sequencer sequencer;
  sequencer.Start(41);
  EXPECT_EQ(sequencer.settled(), 41u);
  EXPECT_EQ(sequencer.Assign(), 42u);
  EXPECT_EQ(sequencer.Assign(), 43u);
  EXPECT_EQ(sequencer.settled(), 41u);
}

TEST(SequencerTest, ATransactionIsSettledWhenAllItsRecordsAreOnDisk) {
  Sequencer sequencer;
  TxnId txn = sequencer.Assign();
  sequencer.End(txn, 2);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(txn);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(txn);
  EXPECT_EQ(sequencer.settled(), txn);
}

TEST(SequencerTest, RecordsMayBeOnDiskBeforeTheEndIsKnown) {
  Sequencer sequencer;
  TxnId txn = sequencer.Assign();
  sequencer.Durable(txn);
  sequencer.Durable(txn);
  EXPECT_EQ(sequencer.settled(), 0u) << "how many there will be is not known yet";
  sequencer.End(txn, 2);
  EXPECT_EQ(sequencer.settled(), txn);
}

TEST(SequencerTest, OneThatChangedNothingSettlesWithoutTheDisk) {
  Sequencer sequencer;
  TxnId txn = sequencer.Assign();
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.End(txn, 0);
  EXPECT_EQ(sequencer.settled(), txn);
}

TEST(SequencerTest, OnlyAWholePrefixIsSettled) {
  Sequencer sequencer;
  TxnId first = sequencer.Assign();
  TxnId second = sequencer.Assign();
  TxnId third = sequencer.Assign();
  sequencer.End(second, 1);
  sequencer.Durable(second);
  sequencer.End(third, 0);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.End(first, 1);
  EXPECT_EQ(sequencer.settled(), 0u);
  sequencer.Durable(first);
  EXPECT_EQ(sequencer.settled(), third);
  EXPECT_EQ(sequencer.Assign(), third + 1);
}

TEST(SequencerTest, PlacesGoOnWhileEarlierOnesSettle) {
  Sequencer sequencer;
  TxnId first = sequencer.Assign();
  sequencer.Assign();
  sequencer.End(first, 0);
  EXPECT_EQ(sequencer.Assign(), first + 2);
}

TEST(SequencerTest, AStrangerAborts) {
  Sequencer sequencer;
  sequencer.Start(5);
  TxnId txn = sequencer.Assign();
  EXPECT_DEATH(sequencer.Durable(txn + 1), "transaction 7 is not pending");
  EXPECT_DEATH(sequencer.End(5, 1), "transaction 5 is not pending");
}

// In whatever order the news arrives, the index is the longest prefix that is whole.
TEST(SequencerTest, TheIndexIsTheLongestWholePrefix) {
  constexpr TxnId kTransactions = 200;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Sequencer sequencer;
    std::vector<uint32_t> records(kTransactions + 1);
    std::vector<uint32_t> missing(kTransactions + 1, 0);
    std::vector<TxnId> news;  // an end or a record on disk
    for (TxnId txn = 1; txn <= kTransactions; ++txn) {
      ASSERT_EQ(sequencer.Assign(), txn);
      records[txn] = static_cast<uint32_t>(random.Below(4));
      missing[txn] = records[txn] + 1;
      for (uint32_t i = 0; i < missing[txn]; ++i) news.push_back(txn);
    }
    std::vector<bool> ended(kTransactions + 1, false);
    while (!news.empty()) {
      size_t at = random.Below(news.size());
      TxnId txn = news[at];
      news[at] = news.back();
      news.pop_back();
      --missing[txn];
      bool end = !ended[txn] && (missing[txn] == 0 || random.Below(2) == 0);
      if (end) {
        ended[txn] = true;
        sequencer.End(txn, records[txn]);
      } else {
        sequencer.Durable(txn);
      }
      TxnId whole = 0;
      while (whole < kTransactions && missing[whole + 1] == 0) ++whole;
      ASSERT_EQ(sequencer.settled(), whole);
    }
  }
}

}  // namespace
}  // namespace flashdb
