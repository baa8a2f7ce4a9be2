// What is settled, who is told, and who is woken.
#include "shards/commit_queue.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

using Txns = std::vector<TxnId>;
using Peers = std::vector<ShardId>;

class CommitQueueTest : public testing::Test {
 protected:
  static constexpr ShardId kSelf = 1;

  /// The transactions that became durable on the way.
  Txns SetDurable(Lsn lsn) {
    Txns reported;
    commits_.SetDurable(lsn, [&](TxnId txn) { reported.push_back(txn); });
    return reported;
  }
  Peers TellPeers() {
    Peers told;
    commits_.TellPeers([&](ShardId peer) { told.push_back(peer); });
    return told;
  }

  CommitQueue commits_{kSelf, 4};
};

// ---- Settled ------------------------------------------------------------------------------------

TEST_F(CommitQueueTest, WithoutTransactionsSettledIsDurable) {
  EXPECT_EQ(commits_.settled(), 0u);
  EXPECT_TRUE(SetDurable(7).empty());
  EXPECT_EQ(commits_.settled(), 7u);
  EXPECT_TRUE(commits_.IsSettled(kSelf, 7));
  EXPECT_FALSE(commits_.IsSettled(kSelf, 8));
}

TEST_F(CommitQueueTest, RecoveryStartsSettled) {
  commits_.Start(40, 9);
  EXPECT_EQ(commits_.settled(), 40u);
  EXPECT_EQ(commits_.settled_txn(), 9u);
  commits_.NoteGroup(41, 10);
  EXPECT_EQ(SetDurable(41), Txns{10});
  EXPECT_EQ(commits_.settled(), 40u);
  commits_.SetSettledTxn(10);
  EXPECT_EQ(commits_.settled(), 41u);
}

TEST_F(CommitQueueTest, ATransactionHoldsBackItselfAndAllAfterIt) {
  commits_.NoteGroup(3, 1);
  EXPECT_EQ(SetDurable(5), Txns{1});
  EXPECT_EQ(commits_.settled(), 2u);
  commits_.SetSettledTxn(1);
  EXPECT_EQ(commits_.settled(), 5u);
}

TEST_F(CommitQueueTest, ATransactionWaitsForEarlierOnesOfOtherShards) {
  commits_.NoteGroup(2, 8);
  SetDurable(2);
  commits_.SetSettledTxn(7);
  EXPECT_EQ(commits_.settled(), 1u);
  commits_.SetSettledTxn(8);
  EXPECT_EQ(commits_.settled(), 2u);
}

TEST_F(CommitQueueTest, OneTransactionAfterTheOtherIsLetGo) {
  commits_.NoteGroup(2, 1);
  commits_.NoteGroup(4, 2);
  EXPECT_EQ(SetDurable(6), (Txns{1, 2}));
  EXPECT_EQ(commits_.settled(), 1u);
  commits_.SetSettledTxn(1);
  EXPECT_EQ(commits_.settled(), 3u);
  commits_.SetSettledTxn(2);
  EXPECT_EQ(commits_.settled(), 6u);
}

// Transactions that touch different slots may end here in another order than the sequencer's.
TEST_F(CommitQueueTest, ALaterTransactionInFrontHoldsBackTheEarlierOne) {
  commits_.NoteGroup(1, 6);
  commits_.NoteGroup(2, 5);
  EXPECT_EQ(SetDurable(2), (Txns{6, 5}));
  commits_.SetSettledTxn(5);
  EXPECT_EQ(commits_.settled(), 0u);
  commits_.SetSettledTxn(6);
  EXPECT_EQ(commits_.settled(), 2u);
}

TEST_F(CommitQueueTest, EachTransactionIsReportedOnceWhenItIsOnDisk) {
  commits_.NoteGroup(2, 1);
  commits_.NoteGroup(3, 2);
  commits_.NoteGroup(9, 3);
  EXPECT_TRUE(SetDurable(1).empty());
  EXPECT_EQ(SetDurable(3), (Txns{1, 2}));
  EXPECT_TRUE(SetDurable(3).empty());
  commits_.SetSettledTxn(1);
  EXPECT_TRUE(SetDurable(8).empty());
  EXPECT_EQ(SetDurable(9), Txns{3});
  commits_.SetSettledTxn(3);
  EXPECT_TRUE(SetDurable(12).empty());
  EXPECT_EQ(commits_.settled(), 12u);
}

TEST_F(CommitQueueTest, ACommitIndexAheadOfTheDiskSettlesNothingHere) {
  commits_.NoteGroup(3, 1);
  commits_.SetSettledTxn(4);
  EXPECT_EQ(commits_.settled(), 0u);
  EXPECT_EQ(SetDurable(2), Txns{});
  EXPECT_EQ(commits_.settled(), 2u);
  EXPECT_EQ(SetDurable(3), Txns{1});
  EXPECT_EQ(commits_.settled(), 3u);
}

TEST_F(CommitQueueTest, TheCommitIndexNeverGoesBack) {
  commits_.SetSettledTxn(4);
  EXPECT_DEATH(commits_.SetSettledTxn(3), "went back from 4 to 3");
}

// ---- Peers --------------------------------------------------------------------------------------

TEST_F(CommitQueueTest, APeerIsToldOnlyWhatItWantsAndOnlyOnce) {
  commits_.Want(2, 5);
  EXPECT_EQ(TellPeers(), Peers{});
  SetDurable(5);
  EXPECT_EQ(TellPeers(), Peers{2});
  EXPECT_EQ(TellPeers(), Peers{});
  SetDurable(9);
  EXPECT_EQ(TellPeers(), Peers{}) << "it knows of 5 and wants no more";
}

TEST_F(CommitQueueTest, APeerIsToldOfPartOfTheWay) {
  commits_.Want(0, 5);
  SetDurable(3);
  EXPECT_EQ(TellPeers(), Peers{0});
  SetDurable(5);
  EXPECT_EQ(TellPeers(), Peers{0});
}

TEST_F(CommitQueueTest, APeerThatKnowsEnoughIsNotToldAgain) {
  commits_.Want(3, 2);
  SetDurable(8);
  EXPECT_EQ(TellPeers(), Peers{3});
  commits_.Want(3, 7);
  EXPECT_EQ(TellPeers(), Peers{}) << "it was told of 8";
}

TEST_F(CommitQueueTest, APeerThatAsksLateIsToldWhatIsSettledLongSince) {
  SetDurable(8);
  EXPECT_EQ(TellPeers(), Peers{});
  commits_.Want(3, 6);
  EXPECT_EQ(TellPeers(), Peers{3});
}

TEST_F(CommitQueueTest, TheHighestWishCounts) {
  commits_.Want(0, 9);
  commits_.Want(0, 4);
  commits_.Want(3, 4);
  SetDurable(4);
  EXPECT_EQ(TellPeers(), (Peers{0, 3}));
  SetDurable(9);
  EXPECT_EQ(TellPeers(), Peers{0});
}

// ---- Waiters ------------------------------------------------------------------------------------

struct Waiter : SettleWaiter {
  Waiter() {
    on_progress = [](SettleWaiter& self) {
      auto& waiter = static_cast<Waiter&>(self);
      ++waiter.woken;
      EXPECT_FALSE(waiter.registered);
      if (waiter.again != nullptr) waiter.again->AddWaiter(waiter.waits_for, waiter);
    };
  }
  int woken = 0;
  CommitQueue* again = nullptr;  // set: registers again when woken
};

TEST_F(CommitQueueTest, AWaiterIsWokenOnceByProgress) {
  Waiter waiter;
  commits_.AddWaiter(kSelf, waiter);
  SetDurable(1);
  EXPECT_EQ(waiter.woken, 1);
  SetDurable(2);
  EXPECT_EQ(waiter.woken, 1);
}

TEST_F(CommitQueueTest, AWaiterSleepsOnWhenNothingIsSettled) {
  Waiter waiter;
  commits_.AddWaiter(kSelf, waiter);
  commits_.NoteGroup(1, 1);
  SetDurable(3);
  EXPECT_EQ(waiter.woken, 0);
  commits_.SetSettledTxn(1);
  EXPECT_EQ(waiter.woken, 1);
}

TEST_F(CommitQueueTest, AWaiterOfAnotherShardHearsThatShardOnly) {
  Waiter waiter;
  commits_.AddWaiter(3, waiter);
  SetDurable(5);
  commits_.SetSettled(2, 5);
  EXPECT_EQ(waiter.woken, 0);
  commits_.SetSettled(3, 5);
  EXPECT_EQ(waiter.woken, 1);
  EXPECT_TRUE(commits_.IsSettled(3, 5));
  EXPECT_FALSE(commits_.IsSettled(0, 5));
}

TEST_F(CommitQueueTest, OldNewsWakesNobodyAndTakesNothingBack) {
  commits_.SetSettled(3, 5);
  Waiter waiter;
  commits_.AddWaiter(3, waiter);
  commits_.SetSettled(3, 5);
  commits_.SetSettled(3, 4);
  EXPECT_EQ(waiter.woken, 0);
  EXPECT_TRUE(commits_.IsSettled(3, 5));
}

TEST_F(CommitQueueTest, AWaiterMayRegisterAgainWhenWoken) {
  Waiter waiter;
  waiter.again = &commits_;
  commits_.AddWaiter(kSelf, waiter);
  SetDurable(1);
  EXPECT_EQ(waiter.woken, 1);
  SetDurable(2);
  EXPECT_EQ(waiter.woken, 2);
}

TEST_F(CommitQueueTest, AWaiterThatLeftIsNotWoken) {
  Waiter stays, leaves;
  commits_.AddWaiter(kSelf, leaves);
  commits_.AddWaiter(kSelf, stays);
  commits_.RemoveWaiter(leaves);
  commits_.RemoveWaiter(leaves);
  SetDurable(1);
  EXPECT_EQ(leaves.woken, 0);
  EXPECT_EQ(stays.woken, 1);
}

// ---- Failures -----------------------------------------------------------------------------------

TEST_F(CommitQueueTest, AFailureWakesWaitersAndSettlesNothing) {
  Waiter own, other;
  commits_.AddWaiter(kSelf, own);
  commits_.AddWaiter(2, other);
  EXPECT_EQ(commits_.FirstFailed(), std::nullopt);
  commits_.SetFailed(2, "its disk burnt");
  EXPECT_EQ(other.woken, 1);
  EXPECT_EQ(own.woken, 0);
  EXPECT_TRUE(commits_.HasFailed(2));
  EXPECT_FALSE(commits_.HasFailed(kSelf));
  EXPECT_EQ(commits_.FirstFailed(), ShardId{2});
  EXPECT_FALSE(commits_.IsSettled(2, 1));
  commits_.SetFailed(kSelf, "so did mine");
  EXPECT_EQ(own.woken, 1);
  EXPECT_EQ(commits_.FirstFailed(), ShardId{2});
  EXPECT_EQ(commits_.FailureOf(kSelf), "so did mine");
}

TEST_F(CommitQueueTest, TheFirstReasonStays) {
  commits_.SetFailed(2, "its disk burnt");
  commits_.SetFailed(2, "and more");
  EXPECT_EQ(commits_.FailureOf(2), "its disk burnt");
}

TEST_F(CommitQueueTest, OnlyARecordOfALostTransactionOrALaterOneIsLost) {
  commits_.SetLostTxn(5);
  EXPECT_FALSE(commits_.HoldsLostTxn());
  commits_.NoteGroup(1, 4);
  EXPECT_FALSE(commits_.HoldsLostTxn());
  commits_.NoteGroup(2, 6);
  EXPECT_TRUE(commits_.HoldsLostTxn());
}

TEST_F(CommitQueueTest, ATransactionMayTurnOutToBeLostLater) {
  commits_.NoteGroup(1, 4);
  EXPECT_FALSE(commits_.HoldsLostTxn());
  commits_.SetLostTxn(4);
  EXPECT_TRUE(commits_.HoldsLostTxn());
}

TEST_F(CommitQueueTest, RegisteringTwiceAborts) {
  Waiter waiter;
  commits_.AddWaiter(kSelf, waiter);
  EXPECT_DEATH(commits_.AddWaiter(2, waiter), "registered twice");
}

}  // namespace
}  // namespace flashdb
