#include "shards/sequencer.h"

#include <algorithm>

#include "base/check.h"

namespace flashdb {
namespace {

template <typename C>
bool Contains(const C& shards, ShardId shard) {
  return std::find(shards.begin(), shards.end(), shard) != shards.end();
}

}  // namespace

Sequencer::Missing& Sequencer::At(TxnId txn) {
  FLASHDB_CHECK(txn > settled_ && txn - settled_ <= pending_.size(),
                "transaction {} is not pending (settled {}, pending {})", txn, settled_,
                pending_.size());
  return pending_[txn - settled_ - 1];
}

TxnId Sequencer::Assign(std::span<const uint32_t> participants) {
  FLASHDB_CHECK(!participants.empty(), "a transaction without participants has no place");
  Missing& missing = pending_.emplace_back();
  bool whole = true;
  for (uint32_t shard : participants) {
    missing.push_back(static_cast<ShardId>(shard));
    whole = whole && !Contains(failed_, missing.back());
  }
  TxnId txn = settled_ + pending_.size();
  if (!whole && lost_ == 0) lost_ = txn;
  return txn;
}

void Sequencer::Durable(TxnId txn, ShardId shard) {
  Missing& missing = At(txn);
  auto found = std::find(missing.begin(), missing.end(), shard);
  FLASHDB_CHECK(found != missing.end(), "shard {} has no part in transaction {} to report", shard,
                txn);
  missing.erase(found);
  Advance();
}

void Sequencer::SetFailed(ShardId shard) {
  if (Contains(failed_, shard)) return;
  failed_.push_back(shard);
  auto lost = std::find_if(pending_.begin(), pending_.end(),
                           [shard](const Missing& missing) { return Contains(missing, shard); });
  if (lost == pending_.end()) return;
  TxnId txn = settled_ + 1 + static_cast<TxnId>(lost - pending_.begin());
  lost_ = lost_ == 0 ? txn : std::min(lost_, txn);
}

void Sequencer::Advance() {
  while (!pending_.empty() && pending_.front().empty()) {
    pending_.pop_front();
    ++settled_;
  }
}

}  // namespace flashdb
