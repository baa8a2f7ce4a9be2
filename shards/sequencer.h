// The global order of multi-shard transactions, and the commit index. One shard (shard 0) does this
// duty; the others reach it by mail, so its members run on that shard's thread only.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/types.h"

namespace flashdb {

class Sequencer {
 public:
  /// After recovery: transactions up to `last` are whole on disk (or were cut).
  void Start(TxnId last) { settled_ = last; }

  /// The next place in the order, for a transaction that has ended and leaves a record in the logs
  /// of `participants`.
  TxnId Assign(std::span<const uint32_t> participants);
  /// `shard` has the transaction's record on disk.
  void Durable(TxnId txn, ShardId shard);
  /// The shard's log has failed: what it has not reported to be on disk never will be.
  void SetFailed(ShardId shard);

  /// The commit index: every transaction up to here is whole on disk.
  TxnId settled() const { return settled_; }
  /// The first transaction that a failed log keeps from ever being whole; the commit index stays
  /// below it. 0: there is none.
  TxnId lost() const { return lost_; }

 private:
  // Whose record is not on disk yet.
  using Missing = absl::InlinedVector<ShardId, 4>;

  Missing& At(TxnId txn);
  void Advance();

  TxnId settled_ = 0;
  TxnId lost_ = 0;
  std::vector<ShardId> failed_;
  std::deque<Missing> pending_;  // transactions settled_+1, settled_+2, ...
};

}  // namespace flashdb
