// A transaction over the keys of one or several shards: order first, then lock, then run.
//
// Lives in a coroutine of the client's shard. With several shards the Sequencer hands it to all of
// them in one global order; each grants its slots in that order. While they are granted, At() runs
// functions on the owners; what these change is held back per shard until Finish(), which gives
// each shard one log record (all marked with the transaction's id and participants, so that
// recovery keeps all or none), stamps the slots and unlocks. In between nobody else can see or
// change the slots: all or nothing to every observer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shards/keyspace.h"
#include "shards/lock_table.h"
#include "shards/remote.h"
#include "shards/shard.h"

namespace flashdb {

class Transaction {
 public:
  /// `write`: locks exclusively and may change something; else locks are shared.
  explicit Transaction(bool write) : home_(CurrentShardId()), write_(write) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// Before Lock(): what it will touch.
  void AddSlot(SlotId slot);
  void AddAllSlots();

  /// Returns when every slot is locked everywhere. If a shard refuses writes (`bytes` is what may
  /// be logged there), the error line is returned; call Finish() all the same.
  Task<std::optional<std::string>> Lock(uint64_t bytes);

  /// Runs `function(Keyspace&)` on the shard, which must be one of the participants unless the
  /// transaction locks nothing (a walk).
  template <typename F>
  Task<std::invoke_result_t<F&, Keyspace&>> AtShard(ShardId shard, F function);
  /// The same on the shard that owns `slot`.
  template <typename F>
  auto At(SlotId slot, F function) {
    return AtShard(OwnerOf(slot, ShardCount()), std::move(function));
  }
  /// Runs `function(Keyspace&)` on every shard at the same time.
  template <typename F>
  auto AtAll(F function) {
    auto there = [function](ShardId, Keyspace& keys) mutable { return function(keys); };
    return AtEach(AllShards(), there);
  }
  /// Runs `function(ShardId, Keyspace&)` on each of `shards` at the same time; the results, which
  /// must be default-constructible, in the same order.
  template <typename F>
  Task<std::vector<std::invoke_result_t<F&, ShardId, Keyspace&>>> AtEach(
      std::vector<ShardId> shards, F function);

  /// Logs and stamps everywhere; the locks stay, but nothing may be changed any more. After it,
  /// gates() names everything that the transaction depends on. For what must be seen in the
  /// transactions' order and needs the gates.
  Task<void> Commit();
  /// Logs and stamps, if Commit() has not, and unlocks everywhere. Must be called once after
  /// Lock(). After it, gates() names everything that the transaction's reply depends on.
  Task<void> Finish();

  const std::vector<Gate>& gates() const { return gates_; }
  void AddGate(ShardId shard, Lsn lsn) {
    if (lsn != 0) gates_.push_back({shard, lsn});
  }
  std::vector<ShardId> Participants() const;
  bool locked() const { return locked_; }

 private:
  // One shard's part. After Lock() has sent it, it belongs to that shard until mail brings it back.
  struct Part : LockRequest {
    Transaction* transaction = nullptr;
    ShardId shard = 0;
    uint64_t bytes = 0;
    std::optional<std::string> refusal;
    TransactionCapture capture;
    bool write_record = false;
    Lsn lsn = 0;
  };

  Part* Find(ShardId shard);
  /// A walk's stop at one shard: as a small transaction that locks that shard alone, so that it
  /// sees no half of another one.
  template <typename F>
  Task<std::invoke_result_t<F&, Keyspace&>> Visit(ShardId shard, F& function);
  void AddWholeShard(ShardId shard);
  /// Where changes on `shard` go; nullptr if they are not allowed there.
  TransactionCapture* CaptureAt(ShardId shard);
  using Deliver = void (*)(Shard& here, const Envelope& mail);
  /// Mails each part to its shard.
  void SendToParts(Deliver deliver);
  static void Sequence(Shard& here, const Envelope& mail);
  static void LockThere(Shard& here, const Envelope& mail);
  static void GrantedThere(LockRequest& lock);
  static void GrantedHome(Shard& here, const Envelope& mail);
  static void CommitInOrder(Shard& here, const Envelope& mail);
  static void LogThere(Shard& here, const Envelope& mail);
  static void LoggedHome(Shard& here, const Envelope& mail);
  static void UnlockThere(Shard& here, const Envelope& mail);
  static void UnlockedHome(Shard& here, const Envelope& mail);
  /// Makes every part log what it has changed; logged_ follows.
  void SendRecords();
  void AppendRecord(Shard& here, Part& part);

  const ShardId home_;
  const bool write_;
  bool locked_ = false;
  bool committed_ = false;  // by Commit(): logging does not unlock
  TxnId id_ = 0;            // assigned by the sequencer if it writes on several shards
  std::vector<std::unique_ptr<Part>> parts_;  // by shard id, ascending
  std::vector<uint32_t> participant_ids_;
  size_t outstanding_ = 0;
  OneShotEvent granted_;
  OneShotEvent logged_;
  OneShotEvent unlocked_;
  std::vector<Gate> gates_;
};

// ---- Implementation of the template ------------------------------------------------------------

namespace internal {

template <typename R>
struct WithGate {
  R result{};
  Lsn gate = 0;
};
template <>
struct WithGate<void> {
  Lsn gate = 0;
};

template <typename F>
WithGate<std::invoke_result_t<F&, Keyspace&>> RunCaptured(F& function, TransactionCapture* capture,
                                                          ShardId home) {
  using R = std::invoke_result_t<F&, Keyspace&>;
  Shard& here = Shard::Current();
  here.keys().set_capture(capture);
  WithGate<R> out;
  if constexpr (std::is_void_v<R>) {
    function(here.keys());
  } else {
    out.result = function(here.keys());
  }
  here.keys().set_capture(nullptr);
  FLASHDB_CHECK(here.keys().sink().empty(), "a transaction changed keys it had not locked");
  out.gate = here.TakeGateFor(home);
  return out;
}

}  // namespace internal

template <typename F>
Task<std::invoke_result_t<F&, Keyspace&>> Transaction::AtShard(ShardId shard, F function) {
  using R = std::invoke_result_t<F&, Keyspace&>;
  if (!locked_) {
    if constexpr (std::is_void_v<R>) {
      FLASHDB_CHECK(false, "a walk only reads");
    } else {
      co_return co_await Visit(shard, function);
    }
  }
  TransactionCapture* capture = CaptureAt(shard);
  ShardId home = home_;
  auto there = [&function, capture, home] {
    return internal::RunCaptured(function, capture, home);
  };
  internal::WithGate<R> done = co_await On(shard, there);
  AddGate(shard, done.gate);
  if constexpr (!std::is_void_v<R>) co_return std::move(done.result);
}

template <typename F>
Task<std::invoke_result_t<F&, Keyspace&>> Transaction::Visit(ShardId shard, F& function) {
  Transaction stop(false);
  stop.AddWholeShard(shard);
  co_await stop.Lock(0);
  auto result = co_await stop.AtShard(shard, function);
  co_await stop.Finish();
  gates_.insert(gates_.end(), stop.gates_.begin(), stop.gates_.end());
  co_return result;
}

template <typename F>
Task<std::vector<std::invoke_result_t<F&, ShardId, Keyspace&>>> Transaction::AtEach(
    std::vector<ShardId> shards, F function) {
  using R = std::invoke_result_t<F&, ShardId, Keyspace&>;
  if (!locked_) {
    std::vector<R> visited;
    for (ShardId shard : shards) {
      auto bound = [&function, shard](Keyspace& keys) { return function(shard, keys); };
      visited.push_back(co_await Visit(shard, bound));
    }
    co_return visited;
  }
  ShardId home = home_;
  auto there = [this, &function, home](ShardId shard) {
    auto bound = [&function, shard](Keyspace& keys) { return function(shard, keys); };
    return internal::RunCaptured(bound, CaptureAt(shard), home);
  };
  std::vector<internal::WithGate<R>> done = co_await OnEach(shards, there);
  std::vector<R> results;
  results.reserve(done.size());
  for (size_t i = 0; i < done.size(); ++i) {
    AddGate(shards[i], done[i].gate);
    results.push_back(std::move(done[i].result));
  }
  co_return results;
}

}  // namespace flashdb
