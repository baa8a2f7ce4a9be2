// A transaction over keyspaces of this thread: what the coroutines of command families need to run
// in a unit test. It stands in for shards/transaction.h through the order of include paths.
//
// As with real shards, a visit runs after the coroutine has been suspended, and the coroutine goes
// on later still: RunPending() does both.
#pragma once

#include <coroutine>
#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.h"
#include "shards/keyspace.h"

namespace flashdb {

/// The shards, in order. Each owns its share of the slots.
class Transaction {
 public:
  explicit Transaction(std::vector<Keyspace*> shards) : shards_(std::move(shards)) {}

  const std::vector<Keyspace*>& shards() const { return shards_; }
  Keyspace& OwnerOf(SlotId slot) const {
    for (Keyspace* shard : shards_) {
      if (shard->Owns(slot)) return *shard;
    }
    CheckFailed(__FILE__, __LINE__, "slot has an owner", {});
  }

  template <typename F>
  auto At(SlotId slot, F function);
  template <typename F>
  auto AtAll(F function);
  template <typename F>
  auto AtEach(std::vector<ShardId> shards, F function);

  void Post(std::function<void()> mail) { mail_.push_back(std::move(mail)); }
  /// Delivers until nothing is left.
  void RunPending() {
    while (!mail_.empty()) {
      std::function<void()> next = std::move(mail_.front());
      mail_.pop_front();
      next();
    }
  }

 private:
  std::vector<Keyspace*> shards_;
  std::deque<std::function<void()>> mail_;
};

/// Awaits the result of `visit()`.
template <typename V>
class PostedVisit {
 public:
  using Result = std::invoke_result_t<V&>;

  PostedVisit(Transaction& transaction, V visit)
      : transaction_(transaction), visit_(std::move(visit)) {}

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> caller) {
    transaction_.Post([this, caller] {
      result_.emplace(visit_());
      transaction_.Post([caller] { caller.resume(); });
    });
  }
  Result await_resume() { return std::move(*result_); }

 private:
  Transaction& transaction_;
  V visit_;
  std::optional<Result> result_;
};

template <typename F>
auto Transaction::At(SlotId slot, F function) {
  Keyspace& keys = OwnerOf(slot);
  return PostedVisit(*this, [&keys, function]() mutable { return function(keys); });
}

template <typename F>
auto Transaction::AtAll(F function) {
  return PostedVisit(*this, [this, function]() mutable {
    using R = decltype(function(*shards_.front()));
    std::vector<R> results;
    for (Keyspace* shard : shards_) results.push_back(function(*shard));
    return results;
  });
}

template <typename F>
auto Transaction::AtEach(std::vector<ShardId> shards, F function) {
  return PostedVisit(*this, [this, shards, function]() mutable {
    std::vector<std::invoke_result_t<F&, ShardId, Keyspace&>> results;
    for (ShardId shard : shards) results.push_back(function(shard, *shards_[shard]));
    return results;
  });
}

}  // namespace flashdb
