// Which records of which shard are settled, and who waits for that.
//
// A record is settled when it is on disk, all records before it are settled and, if it belongs to a
// multi-shard transaction, that transaction and all earlier ones are on disk on all of their shards
// (the commit index, kept by the Sequencer). No reply leaves before what it depends on is settled;
// this is the one place that knows, and the one place that releases.
//
// Each shard has one; it holds the shard's own state and a view of the others', which they update
// by mail. Used by its shard's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"

namespace flashdb {

/// What a reply depends on: `lsn` of `shard` must be settled first.
struct Gate {
  ShardId shard;
  Lsn lsn;
};

/// Something that waits for a shard to settle further (a connection with replies held back).
/// Stays in place while registered.
struct SettleWaiter {
  /// Called when `source` settled further or failed; the waiter is no longer registered then. May
  /// register again, must not change what is settled.
  void (*on_progress)(SettleWaiter& self) = nullptr;
  ShardId waits_for = 0;
  bool registered = false;
};

class CommitQueue {
 public:
  CommitQueue(ShardId self, uint32_t shards);

  /// State after recovery: everything up to `lsn` and every transaction up to `txn` is settled.
  void Start(Lsn lsn, TxnId txn);

  // ---- Own records --------------------------------------------------------------------------

  Lsn settled() const { return settled_[self_]; }
  TxnId settled_txn() const { return settled_txn_; }
  /// The record `lsn` belongs to transaction `txn`.
  void NoteGroup(Lsn lsn, TxnId txn) { groups_.push_back({lsn, txn}); }
  /// A record behind `lsn` belongs to a transaction and is not settled.
  bool HasGroupBehind(Lsn lsn) const { return !groups_.empty() && groups_.back().lsn > lsn; }
  /// The log is on disk up to `lsn`. Calls report_durable(txn) for each transaction record that has
  /// become durable.
  template <typename F>
  void SetDurable(Lsn lsn, F report_durable) {
    durable_ = lsn;
    while (reported_ < groups_.size() && groups_[reported_].lsn <= lsn) {
      report_durable(groups_[reported_++].txn);
    }
    Advance();
  }
  /// All transactions up to `txn` are whole on disk.
  void SetSettledTxn(TxnId txn);
  /// Neither `txn` nor any transaction after it will ever be whole on disk.
  void SetLostTxn(TxnId txn) { lost_txn_ = txn; }
  /// One of the own records belongs to such a transaction: it and all records behind it will never
  /// be settled.
  bool HoldsLostTxn() const {
    return lost_txn_ != 0 && !groups_.empty() && groups_.back().txn >= lost_txn_;
  }

  /// Shard `peer` holds a reply back until `lsn` of this shard is settled.
  void Want(ShardId peer, Lsn lsn);
  /// Calls tell(peer) for each peer to whom progress is news; afterwards it isn't.
  template <typename F>
  void TellPeers(F tell) {
    for (ShardId peer = 0; peer < wanted_.size(); ++peer) {
      if (wanted_[peer] > told_[peer] && settled() > told_[peer]) {
        told_[peer] = settled();
        tell(peer);
      }
    }
  }

  // ---- Any shard's records, as seen from here -------------------------------------------------

#ifdef FLASHDB_BREAK_EARLY_RELEASE  // a broken build, to prove that the checks notice
  bool IsSettled(ShardId, Lsn) const { return true; }
#else
  bool IsSettled(ShardId shard, Lsn lsn) const { return settled_[shard] >= lsn; }
#endif
  bool HasFailed(ShardId shard) const { return !failure_[shard].empty(); }
  /// Why, for people; empty while all is well.
  const std::string& FailureOf(ShardId shard) const { return failure_[shard]; }
  /// The failed shard that this one heard of first; nullopt if there is none.
  std::optional<ShardId> FirstFailed() const { return first_failed_; }
  /// News from another shard.
  void SetSettled(ShardId shard, Lsn lsn);
  /// A shard (perhaps the own one) has failed: what is not settled there may never be, and nobody
  /// waits for it any more. The first reason given for a shard stays.
  void SetFailed(ShardId shard, std::string why);

  void AddWaiter(ShardId shard, SettleWaiter& waiter);
  void RemoveWaiter(SettleWaiter& waiter);

 private:
  struct Group {
    Lsn lsn;
    TxnId txn;
  };

  void Advance();
  void Wake(ShardId shard);

  const ShardId self_;
  Lsn durable_ = 0;
  TxnId settled_txn_ = 0;
  std::deque<Group> groups_;  // own transaction records not settled yet, by LSN
  size_t reported_ = 0;       // how many of them the sequencer has been told of
  std::vector<Lsn> settled_;  // by shard
  std::vector<Lsn> wanted_;   // by peer
  std::vector<Lsn> told_;
  TxnId lost_txn_ = 0;                // 0: none
  std::vector<std::string> failure_;  // by shard
  std::optional<ShardId> first_failed_;
  std::vector<std::vector<SettleWaiter*>> waiters_;  // by shard
  std::vector<SettleWaiter*> waking_;
};

}  // namespace flashdb
