// A transaction over keyspaces of this thread: what the coroutines of command families need to run
// in a unit test. It stands in for src/commands/transaction.h through the order of include paths.
#pragma once

#include <coroutine>
#include <utility>
#include <vector>

#include "base/check.h"
#include "commands/command.h"

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

 private:
  std::vector<Keyspace*> shards_;
};

/// Suspends and resumes at once, as a visit to another shard would later.
template <typename R>
struct FinishedVisit {
  R result;
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<>) const { return false; }
  R await_resume() { return std::move(result); }
};

template <typename F>
auto TransactionContext::At(SlotId slot, F function) {
  using R = decltype(function(transaction.OwnerOf(slot)));
  return FinishedVisit<R>{function(transaction.OwnerOf(slot))};
}

template <typename F>
auto TransactionContext::AtAll(F function) {
  using R = decltype(function(*transaction.shards().front()));
  std::vector<R> results;
  for (Keyspace* shard : transaction.shards()) results.push_back(function(*shard));
  return FinishedVisit<std::vector<R>>{std::move(results)};
}

}  // namespace flashdb
