// The hash table of the keyspace (one per slot and database) and of large values: a set of
// pointers to entries, keyed by their 64-bit hash.
//
// It never pauses: extendible hashing (Fagin, Nievergelt, Pippenger, Strong 1979) over segments of
// some 500 entries. A segment grows in steps of 1.25 or less and splits when full, so one call
// moves the entries of one segment at most, and doubling the directory copies one word per segment.
// Only hashes that share their top 24 bits, which a seeded hash makes impossible to choose, can
// make a segment larger. Memory is 10 to 11 bytes per entry at any size above a few dozen.
//
// Single-threaded. The table does not own entries. Calls invalidate Entry** and are forbidden
// inside callbacks unless const.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/random.h"
#include "shards/hash_table_core.h"

namespace flashdb {

/// Traits: `using Entry = ...;` and `static uint64_t Hash(const Entry*)`, the same value that is
/// given as `hash` below; all 64 bits must be well spread. `eq(const Entry*)` tells whether an
/// entry is the one looked for. sizeof(HashTable) is 8 and an empty table has no heap memory.
template <class Traits>
class HashTable {
 public:
  using Entry = typename Traits::Entry;

  HashTable() = default;
  HashTable(HashTable&&) noexcept = default;
  /// `other` gets what this table held.
  HashTable& operator=(HashTable&& other) noexcept = default;
  /// Frees the table, not the entries. A large one should be drained first.
  ~HashTable() = default;

  friend void swap(HashTable& a, HashTable& b) noexcept { std::swap(a.core_, b.core_); }

  size_t size() const { return core_.size(); }
  bool empty() const { return size() == 0; }

  /// Bytes of heap memory, as the allocator rounds them, entries excluded. O(1).
  size_t MemoryBytes() const { return core_.MemoryBytes(); }

  /// The entry, or nullptr.
  template <class Eq>
  Entry* Find(uint64_t hash, Eq eq) const {
    void** slot = FindSlot(hash, eq);
    return slot == nullptr ? nullptr : static_cast<Entry*>(*slot);
  }

  /// The table's pointer to the entry, to be replaced when the entry was reallocated (its hash must
  /// stay), or nullptr. Valid until the next Insert, Erase, Drain or move.
  template <class Eq>
  Entry** FindRef(uint64_t hash, Eq eq) {
    return reinterpret_cast<Entry**>(FindSlot(hash, eq));
  }

  /// Adds `entry`, which must not be in the table.
  void Insert(uint64_t hash, Entry* entry) { core_.Insert(hash, entry, &HashOf); }

  /// Removes and returns the entry; nullptr if there is none. Gives memory back as the table
  /// shrinks; an empty table has none.
  template <class Eq>
  Entry* Erase(uint64_t hash, Eq eq) {
    void** slot = FindSlot(hash, eq);
    if (slot == nullptr) return nullptr;
    auto* entry = static_cast<Entry*>(*slot);
    core_.Erase(hash, slot, &HashOf);
    return entry;
  }

  /// Four steps that start loading what Find(hash) will touch; each touches only what the one
  /// before has loaded (the first: this object). Meant to be taken for a batch of hashes at a time.
  void PrefetchDirectory(uint64_t hash) const { core_.PrefetchDirectory(hash); }
  void PrefetchTags(uint64_t hash) const { core_.SegmentOf(hash).PrefetchTags(hash); }
  void PrefetchPlaces(uint64_t hash) const { core_.SegmentOf(hash).PrefetchPlaces(hash); }
  void PrefetchEntry(uint64_t hash, size_t bytes) const {
    core_.SegmentOf(hash).PrefetchCandidates(hash, bytes);
  }

  /// Calls `f(Entry*)` for about `count` entries (by chance fewer, none, or some more) and returns
  /// the cursor to go on with, below 2^48; 0 begins, and 0 is returned at the end. An entry that is
  /// present from the first call to the last is reported at least once, whatever is inserted and
  /// erased between calls; it may be reported twice. Any number is a safe cursor.
  template <class F>
  uint64_t Scan(uint64_t cursor, size_t count, F f) const {
    return core_.Scan(cursor, count, &HashOf, [&](void* entry) { f(static_cast<Entry*>(entry)); });
  }

  /// A random entry, all with the same chance (nearly so if hashes share prefixes); nullptr if the
  /// table is empty. A few cache misses.
  Entry* RandomEntry(Random& random) const {
    return static_cast<Entry*>(core_.RandomEntry(random));
  }

  /// Calls `f(Entry*)` for every entry, in no order.
  template <class F>
  void ForEach(F f) const {
    core_.ForEachSegment([&](table::Ref ref) {
      table::Segment(ref).ForEach([&](void* entry) { f(static_cast<Entry*>(entry)); });
    });
  }

  /// Removes up to `max_entries` entries, calling `dispose(Entry*)` for each, and frees memory as
  /// it goes; true when the table is empty. For destroying a huge table little by little.
  template <class F>
  bool Drain(size_t max_entries, F dispose) {
    return core_.Drain(max_entries, [&](void* entry) { dispose(static_cast<Entry*>(entry)); });
  }

 private:
  static uint64_t HashOf(const void* entry) {
    return Traits::Hash(static_cast<const Entry*>(entry));
  }

  template <class Eq>
  void** FindSlot(uint64_t hash, Eq& eq) const {
    return core_.SegmentOf(hash).Find(
        hash, [&](void* entry) { return eq(static_cast<const Entry*>(entry)); });
  }

  table::Core core_;
};

}  // namespace flashdb
