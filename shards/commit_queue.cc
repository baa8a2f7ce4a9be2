#include "shards/commit_queue.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace flashdb {

CommitQueue::CommitQueue(ShardId self, uint32_t shards)
    : self_(self),
      settled_(shards, 0),
      wanted_(shards, 0),
      told_(shards, 0),
      failure_(shards),
      waiters_(shards) {}

void CommitQueue::Start(Lsn lsn, TxnId txn) {
  durable_ = lsn;
  settled_txn_ = txn;
  settled_[self_] = lsn;
}

void CommitQueue::SetSettledTxn(TxnId txn) {
  FLASHDB_CHECK(txn >= settled_txn_, "the commit index went back from {} to {}", settled_txn_, txn);
  settled_txn_ = txn;
  Advance();
}

void CommitQueue::Advance() {
  while (reported_ > 0 && groups_.front().txn <= settled_txn_) {
    groups_.pop_front();
    --reported_;
  }
  Lsn limit = groups_.empty() ? durable_ : std::min(durable_, groups_.front().lsn - 1);
  if (limit <= settled_[self_]) return;
  settled_[self_] = limit;
  Wake(self_);
}

void CommitQueue::Want(ShardId peer, Lsn lsn) { wanted_[peer] = std::max(wanted_[peer], lsn); }

void CommitQueue::SetSettled(ShardId shard, Lsn lsn) {
  if (lsn <= settled_[shard]) return;
  settled_[shard] = lsn;
  Wake(shard);
}

void CommitQueue::SetFailed(ShardId shard, std::string why) {
  FLASHDB_CHECK(!why.empty(), "shard {} failed for no reason", shard);
  if (HasFailed(shard)) return;
  failure_[shard] = std::move(why);
  if (!first_failed_) first_failed_ = shard;
  Wake(shard);
}

void CommitQueue::AddWaiter(ShardId shard, SettleWaiter& waiter) {
  FLASHDB_CHECK(!waiter.registered, "a waiter was registered twice");
  waiter.registered = true;
  waiter.waits_for = shard;
  waiters_[shard].push_back(&waiter);
}

void CommitQueue::RemoveWaiter(SettleWaiter& waiter) {
  if (!waiter.registered) return;
  waiter.registered = false;
  std::erase(waiters_[waiter.waits_for], &waiter);
}

void CommitQueue::Wake(ShardId shard) {
  waking_.swap(waiters_[shard]);
  for (SettleWaiter* waiter : waking_) waiter->registered = false;
  for (SettleWaiter* waiter : waking_) waiter->on_progress(*waiter);
  waking_.clear();
}

}  // namespace flashdb
