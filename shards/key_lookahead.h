// Loads what a row of lookups will touch, each a little before its turn: while one key is looked
// up, the entry of the key kDistance behind it is on its way, the place in the table of the one
// another kDistance behind, and so on. Loading all that many keys need at once would not fit into
// the first-level cache, and each step of a few would wait for the one before.
//
// Used by its shard's thread only. Keys that are not looked up after all, or in another order, cost
// a useless load and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "shards/keyspace.h"

namespace flashdb {

class KeyLookahead {
 public:
  static constexpr size_t kMaxKeys = 1024;

  /// A new row; what is left of the one before is forgotten.
  void Clear() { count_ = passed_ = 0; }
  bool full() const { return count_ == kMaxKeys; }
  /// Adds to the end of the row, which must not be full.
  void Add(uint32_t db, const KeyRef& key) { keys_[count_++] = {key.hash, db, key.slot}; }
  /// All keys are there: starts loading for the first ones. A single key is not worth it.
  void Begin(const Keyspace& keyspace) {
    if (count_ > 1) BeginSteps(keyspace, kSteps);
  }
  /// The next key of the row is about to be looked up.
  void Pass(const Keyspace& keyspace) {
    if (passed_ == count_) return;
    PassSteps(keyspace, kSteps);
    ++passed_;
  }

 private:
  static constexpr size_t kDistance = 2;
  static constexpr auto kSteps = std::make_index_sequence<Keyspace::kPrefetchSteps>();

  struct Key {
    uint64_t hash;
    uint32_t db;
    SlotId slot;
  };

  /// How far ahead of a key's turn the step is taken.
  static constexpr size_t Ahead(size_t step) {
    return (Keyspace::kPrefetchSteps - step) * kDistance;
  }
  template <size_t kStep>
  void Step(const Keyspace& keyspace, size_t index) const {
    if (index >= count_) return;
    const Key& key = keys_[index];
    keyspace.PrefetchStep<kStep>(key.db, key.slot, key.hash);
  }
  template <size_t kStep>
  void BeginStep(const Keyspace& keyspace) const {
    for (size_t i = 0; i < Ahead(kStep); ++i) Step<kStep>(keyspace, i);
  }
  template <size_t... kStep>
  void BeginSteps(const Keyspace& keyspace, std::index_sequence<kStep...>) const {
    (BeginStep<kStep>(keyspace), ...);
  }
  template <size_t... kStep>
  void PassSteps(const Keyspace& keyspace, std::index_sequence<kStep...>) const {
    (Step<kStep>(keyspace, passed_ + Ahead(kStep)), ...);
  }

  std::array<Key, kMaxKeys> keys_;
  size_t count_ = 0;
  size_t passed_ = 0;
};

}  // namespace flashdb
