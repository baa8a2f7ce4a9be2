// The global order of multi-shard transactions, and the commit index. One shard (shard 0) does this
// duty; the others reach it by mail, so its members run on that shard's thread only.
#pragma once

#include <cstdint>
#include <deque>

#include "base/types.h"

namespace flashdb {

class Sequencer {
 public:
  /// After recovery: transactions up to `last` are whole on disk (or were cut).
  void Start(TxnId last) { settled_ = last; }

  /// The next place in the order, for a transaction that may write.
  TxnId Assign() {
    pending_.push_back({});
    return settled_ + pending_.size();
  }
  /// The transaction has ended and left a record on `records` shards (0: it changed nothing).
  void End(TxnId txn, uint32_t records);
  /// One shard has the transaction's record on disk.
  void Durable(TxnId txn);

  /// The commit index: every transaction up to here is whole on disk.
  TxnId settled() const { return settled_; }

 private:
  struct Pending {
    bool ended = false;
    uint32_t records = 0;
    uint32_t durable = 0;
  };

  Pending& At(TxnId txn);
  void Advance();

  TxnId settled_ = 0;
  std::deque<Pending> pending_;  // transactions settled_+1, settled_+2, ...
};

}  // namespace flashdb
