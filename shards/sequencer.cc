#include "shards/sequencer.h"

#include "base/check.h"

namespace flashdb {

Sequencer::Pending& Sequencer::At(TxnId txn) {
  FLASHDB_CHECK(txn > settled_ && txn - settled_ <= pending_.size(),
                "transaction {} is not pending (settled {}, pending {})", txn, settled_,
                pending_.size());
  return pending_[txn - settled_ - 1];
}

void Sequencer::End(TxnId txn, uint32_t records) {
  Pending& pending = At(txn);
  pending.ended = true;
  pending.records = records;
  Advance();
}

void Sequencer::Durable(TxnId txn) {
  ++At(txn).durable;
  Advance();
}

void Sequencer::Advance() {
  while (!pending_.empty() && pending_.front().ended &&
         pending_.front().durable == pending_.front().records) {
    pending_.pop_front();
    ++settled_;
  }
}

}  // namespace flashdb
