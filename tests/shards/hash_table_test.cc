#include "shards/hash_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace flashdb {
namespace {

uint64_t Mix(uint64_t key) { return Random(key).Next(); }

struct Item {
  uint64_t key;
  uint64_t hash;
};

uint64_t hash_calls = 0;  // by the table: one for each entry it moves

struct ItemTraits {
  using Entry = Item;
  static uint64_t Hash(const Item* item) {
    ++hash_calls;
    return item->hash;
  }
};

using Table = HashTable<ItemTraits>;
static_assert(sizeof(Table) == 8);

auto Is(uint64_t key) {
  return [key](const Item* item) { return item->key == key; };
}

/// A table and the entries 0 .. n-1 in it, hashed by `hash`.
class Filled {
 public:
  explicit Filled(uint64_t n, uint64_t (*hash)(uint64_t) = Mix) : hash_(hash) {
    while (items_.size() < n) Add();
  }

  void Add() {
    uint64_t key = items_.size();
    items_.push_back({key, hash_(key)});
    table.Insert(items_.back().hash, &items_.back());
  }
  Item* Find(uint64_t key) const { return table.Find(hash_(key), Is(key)); }
  Item* Erase(uint64_t key) { return table.Erase(hash_(key), Is(key)); }
  double BytesPerEntry() const {
    return static_cast<double>(table.MemoryBytes() + sizeof(table)) /
           static_cast<double>(table.size());
  }

  Table table;

 private:
  uint64_t (*hash_)(uint64_t);
  std::deque<Item> items_;
};

/// Walks through random inserts, erases, replacements and look-ups beside a std::unordered_map.
class Model {
 public:
  Model(uint64_t seed, uint64_t keys, uint64_t (*hash)(uint64_t))
      : random_(seed), keys_(keys), hash_(hash) {}

  /// `insert_percent` of the steps that change something insert.
  void Run(int steps, uint64_t insert_percent) {
    for (int i = 0; i < steps; ++i) Step(random_.Below(100) < insert_percent);
    CheckAll();
  }

  void EraseAll() {
    std::vector<uint64_t> present;
    for (auto& [key, item] : model_) present.push_back(key);
    for (uint64_t key : present) Erase(key);
    EXPECT_EQ(table_.MemoryBytes(), 0u);
    CheckAll();
  }

 private:
  void Step(bool insert) {
    uint64_t key = random_.Below(keys_);
    bool present = model_.contains(key);
    Item* found = table_.Find(hash_(key), Is(key));
    ASSERT_EQ(found, present ? model_[key].get() : nullptr);
    if (insert && present) return Replace(key);
    if (insert) return Insert(key);
    Erase(key);
  }

  void Insert(uint64_t key) {
    auto& item = model_[key] = std::make_unique<Item>(Item{key, hash_(key)});
    table_.Insert(item->hash, item.get());
  }

  void Replace(uint64_t key) {
    Item** ref = table_.FindRef(hash_(key), Is(key));
    ASSERT_NE(ref, nullptr);
    auto fresh = std::make_unique<Item>(Item{key, hash_(key)});
    *ref = fresh.get();
    model_[key] = std::move(fresh);
  }

  void Erase(uint64_t key) {
    Item* erased = table_.Erase(hash_(key), Is(key));
    auto found = model_.find(key);
    ASSERT_EQ(erased, found == model_.end() ? nullptr : found->second.get());
    if (erased != nullptr) model_.erase(found);
  }

  void CheckAll() const {
    ASSERT_EQ(table_.size(), model_.size());
    std::unordered_set<const Item*> seen;
    table_.ForEach([&](Item* item) { EXPECT_TRUE(seen.insert(item).second); });
    EXPECT_EQ(seen.size(), model_.size());
    for (auto& [key, item] : model_) {
      EXPECT_EQ(table_.Find(item->hash, Is(key)), item.get());
    }
  }

  Random random_;
  uint64_t keys_;
  uint64_t (*hash_)(uint64_t);
  Table table_;
  std::unordered_map<uint64_t, std::unique_ptr<Item>> model_;
};

// Hashes that a good hash function never gives.
uint64_t AllEqual(uint64_t) { return 0x123456789abcdef0; }
uint64_t SameTop40(uint64_t key) { return 0xffffffffff000000 | Mix(key) >> 40; }
uint64_t SameTop12(uint64_t key) { return Mix(key) >> 12; }
uint64_t SameLow40(uint64_t key) { return Mix(key) << 40; }
uint64_t FewValues(uint64_t key) { return Mix(key % 50); }
uint64_t OneDeepPrefix(uint64_t key) { return key % 4 == 0 ? Mix(key) : SameTop40(key); }

TEST(HashTableTest, AnEmptyTableHasNoHeapMemoryAndFindsNothing) {
  Table table;
  Random random(1);
  EXPECT_EQ(table.MemoryBytes(), 0u);
  EXPECT_TRUE(table.empty());
  table.PrefetchDirectory(Mix(1));
  table.PrefetchTags(Mix(1));
  table.PrefetchPlaces(Mix(1));
  table.PrefetchEntry(Mix(1), 64);
  EXPECT_EQ(table.Find(Mix(1), Is(1)), nullptr);
  EXPECT_EQ(table.FindRef(Mix(1), Is(1)), nullptr);
  EXPECT_EQ(table.Erase(Mix(1), Is(1)), nullptr);
  EXPECT_EQ(table.RandomEntry(random), nullptr);
  EXPECT_EQ(table.Scan(0, 10, [](Item*) { FAIL(); }), 0u);
  EXPECT_TRUE(table.Drain(10, [](Item*) { FAIL(); }));
}

TEST(HashTableTest, AgreesWithAMapWhileItGrowsAndShrinks) {
  for (uint64_t keys : {3u, 20u, 100u, 1000u, 20000u}) {
    Model model(keys, keys, Mix);
    for (uint64_t insert_percent : {90, 50, 10, 70, 30}) model.Run(30000, insert_percent);
    model.EraseAll();
  }
}

TEST(HashTableTest, AgreesWithAMapUnderHostileHashes) {
  for (auto hash : {SameTop40, SameTop12, SameLow40, FewValues, OneDeepPrefix}) {
    Model model(7, 4000, hash);
    for (uint64_t insert_percent : {90, 50, 10}) model.Run(10000, insert_percent);
    model.EraseAll();
  }
  Model model(7, 800, AllEqual);
  for (uint64_t insert_percent : {90, 50, 10}) model.Run(2000, insert_percent);
  model.EraseAll();
}

TEST(HashTableTest, CommonPrefixesDoNotBlowUpTheDirectory) {
  for (auto hash : {SameTop40, SameTop12, OneDeepPrefix}) {
    Filled filled(30000, hash);
    EXPECT_LT(filled.BytesPerEntry(), 12.5);
    for (uint64_t key = 0; key < 30000; key += 7) EXPECT_NE(filled.Find(key), nullptr);
    EXPECT_EQ(filled.Find(30000), nullptr);
  }
}

TEST(HashTableTest, MemoryStaysNearElevenBytesPerEntry) {
  double sum = 0;
  Filled small(0);
  while (small.table.size() < 80) {
    small.Add();
    if (small.table.size() >= 48) sum += small.BytesPerEntry();
    if (small.table.size() >= 32) {
      EXPECT_LE(small.BytesPerEntry(), 13) << small.table.size();
    }
    if (small.table.size() <= 16) {
      EXPECT_LE(small.table.MemoryBytes(), 32 + 10 * small.table.size()) << small.table.size();
    }
  }
  EXPECT_LE(sum / 33, 11.0);
}

TEST(HashTableTest, MemoryStaysBelowItsBoundAtEverySizeBeyondAThousand) {
  double worst = 0;
  uint64_t worst_size = 0;
  Filled filled(1000);
  while (filled.table.size() < 1000000) {
    filled.Add();
    if (filled.BytesPerEntry() > worst) worst_size = filled.table.size();
    worst = std::max(worst, filled.BytesPerEntry());
  }
  RecordProperty("worst", std::to_string(worst));
  EXPECT_LE(worst, 11.5) << "at " << worst_size;
}

TEST(HashTableTest, NoOperationMovesMoreThanOneSegment) {
  constexpr uint64_t kKeys = 300000;
  constexpr uint64_t kMost = 600;
  Filled filled(0);
  uint64_t most = 0;
  auto measured = [&](auto operation) {
    hash_calls = 0;
    operation();
    most = std::max(most, hash_calls);
  };
  for (uint64_t key = 0; key < kKeys; ++key) measured([&] { filled.Add(); });
  EXPECT_GT(most, 400u);
  for (uint64_t key = 0; key < kKeys; ++key) measured([&] { filled.Erase(key); });
  EXPECT_LE(most, kMost);
}

TEST(HashTableTest, GivesMemoryBackWhileItIsErased) {
  Filled filled(200000);
  for (uint64_t key = 0; key < 200000; ++key) {
    ASSERT_NE(filled.Erase(key), nullptr);
    if (filled.table.size() >= 100) {
      ASSERT_LE(filled.BytesPerEntry(), 24) << filled.table.size();
    }
  }
  EXPECT_EQ(filled.table.MemoryBytes(), 0u);
}

TEST(HashTableTest, TombstonesDoNotMakeItGrow) {
  Filled filled(400);
  size_t before = filled.table.MemoryBytes();
  for (uint64_t key = 0; key < 50000; ++key) {
    filled.Erase(key);
    filled.Add();
  }
  EXPECT_LE(filled.table.MemoryBytes(), before * 13 / 10);
}

/// Scans to the end, calling `between` between calls; returns how often each key was reported.
std::unordered_map<uint64_t, int> ScanAll(const Table& table, size_t count,
                                          const std::function<void()>& between) {
  std::unordered_map<uint64_t, int> seen;
  uint64_t cursor = 0;
  do {
    cursor = table.Scan(cursor, count, [&](Item* item) { ++seen[item->key]; });
    EXPECT_LT(cursor, uint64_t{1} << 48);
    between();
  } while (cursor != 0);
  return seen;
}

TEST(HashTableScanTest, ReportsEachEntryOnceIfNothingChanges) {
  for (auto hash : {Mix, SameTop40, SameTop12, SameLow40, FewValues, AllEqual}) {
    for (uint64_t n : {1u, 10u, 61u, 1000u, 5000u}) {
      Filled filled(n, hash);
      for (size_t count : {1u, 10u, 1000u}) {
        auto seen = ScanAll(filled.table, count, [] {});
        EXPECT_EQ(seen.size(), n);
        for (auto& [key, times] : seen) EXPECT_EQ(times, 1);
      }
    }
  }
}

TEST(HashTableScanTest, ReportsAboutCountEntriesPerCall) {
  for (uint64_t n : {61u, 600u, 100000u}) {
    Filled filled(n);
    uint64_t cursor = 0;
    uint64_t calls = 0;
    do {
      uint64_t reported = 0;
      cursor = filled.table.Scan(cursor, 10, [&](Item*) { ++reported; });
      EXPECT_LE(reported, 60u);
      ++calls;
    } while (cursor != 0);
    EXPECT_GE(calls, n / 20);
    EXPECT_LE(calls, n / 5);
  }
}

/// Scans `initial` entries while others come and go: `change(filled, next, turn)` mutates.
void CheckScanUnder(uint64_t initial, size_t count,
                    const std::function<void(Filled&, uint64_t turn)>& change,
                    const std::function<bool(uint64_t key)>& stays) {
  Filled filled(initial);
  uint64_t turn = 0;
  auto seen = ScanAll(filled.table, count, [&] { change(filled, turn++); });
  for (uint64_t key = 0; key < initial; ++key) {
    if (stays(key)) {
      EXPECT_TRUE(seen.contains(key)) << key;
    }
  }
}

TEST(HashTableScanTest, MissesNothingWhileTheTableGrowsAHundredfold) {
  for (uint64_t initial : {40u, 500u, 2000u}) {
    uint64_t limit = initial * 100;
    auto grow = [&](Filled& filled, uint64_t) {
      for (uint64_t i = 0; i < initial && filled.table.size() < limit; ++i) filled.Add();
    };
    CheckScanUnder(initial, 10, grow, [](uint64_t) { return true; });
  }
}

TEST(HashTableScanTest, MissesNothingWhileTheTableShrinksToATenth) {
  for (uint64_t initial : {40u, 2000u, 40000u}) {
    uint64_t next = 0;
    auto shrink = [&](Filled& filled, uint64_t) {
      for (int i = 0; i < 100 && next < initial; ++i, ++next) {
        if (next % 10 != 0) filled.Erase(next);
      }
    };
    CheckScanUnder(initial, 10, shrink, [](uint64_t key) { return key % 10 == 0; });
  }
}

TEST(HashTableScanTest, MissesNothingWhileSegmentsSplitAndMergeBackAndForth) {
  constexpr uint64_t kInitial = 3000;
  uint64_t added = kInitial;
  uint64_t erased = kInitial;
  auto swing = [&](Filled& filled, uint64_t turn) {
    for (uint64_t i = 0; i < 2000 && turn % 20 < 10; ++i, ++added) filled.Add();
    for (uint64_t i = 0; i < 2000 && turn % 20 >= 10 && erased < added; ++i) filled.Erase(erased++);
  };
  CheckScanUnder(kInitial, 20, swing, [](uint64_t) { return true; });
}

TEST(HashTableScanTest, AnyNumberIsASafeCursor) {
  Filled filled(5000);
  Random random(3);
  for (int i = 0; i < 2000; ++i) {
    uint64_t reported = 0;
    filled.table.Scan(random.Next(), 5, [&](Item*) { ++reported; });
    EXPECT_LE(reported, 100u);
  }
  uint64_t all = 0;
  filled.table.Scan(0, std::numeric_limits<size_t>::max(), [&](Item*) { ++all; });
  EXPECT_EQ(all, 5000u);
}

TEST(HashTableRandomTest, EveryEntryIsDrawnAboutEquallyOften) {
  for (uint64_t n : {1u, 7u, 61u, 2000u, 5000u}) {
    Filled filled(n);
    for (uint64_t i = 0; i < n; ++i) filled.Add();
    for (uint64_t key = n; key < 2 * n; ++key) filled.Erase(key);
    Random random(n);
    std::vector<int> drawn(n);
    for (uint64_t i = 0; i < 200 * n; ++i) ++drawn[filled.table.RandomEntry(random)->key];
    double chi_square = 0;
    for (int times : drawn) chi_square += (times - 200.0) * (times - 200.0) / 200;
    // Mean n - 1, variance 2 (n - 1).
    double degrees = static_cast<double>(n) - 1;
    EXPECT_LE(chi_square, degrees + 6 * std::sqrt(2 * degrees)) << n;
    EXPECT_EQ(std::count(drawn.begin(), drawn.end(), 0), 0) << n;
  }
}

TEST(HashTableRandomTest, WorksUnderHostileHashes) {
  for (auto hash : {SameTop40, SameTop12, OneDeepPrefix, AllEqual}) {
    Filled filled(2000, hash);
    Random random(5);
    std::unordered_set<uint64_t> drawn;
    for (int i = 0; i < 40000; ++i) drawn.insert(filled.table.RandomEntry(random)->key);
    EXPECT_GT(drawn.size(), 200u);
  }
}

TEST(HashTableDrainTest, HandsOverEveryEntryOnceAndFreesMemoryOnTheWay) {
  for (auto hash : {Mix, SameTop12, AllEqual}) {
    Filled filled(20000, hash);
    size_t full = filled.table.MemoryBytes();
    std::unordered_set<uint64_t> drained;
    size_t before = 0;
    bool empty = false;
    while (!empty) {
      empty = filled.table.Drain(100, [&](Item* item) { drained.insert(item->key); });
      ASSERT_EQ(drained.size(), before + 100);
      before = drained.size();
      ASSERT_EQ(filled.table.size(), 20000 - before);
      if (before == 10000 && hash == Mix) {
        EXPECT_LE(filled.table.MemoryBytes(), full * 6 / 10);
      }
    }
    EXPECT_EQ(drained.size(), 20000u);
    EXPECT_EQ(filled.table.MemoryBytes(), 0u);
  }
}

TEST(HashTableDrainTest, AHalfDrainedTableStillWorks) {
  Filled filled(20000);
  std::unordered_set<uint64_t> drained;
  filled.table.Drain(10000, [&](Item* item) { drained.insert(item->key); });
  for (uint64_t key = 0; key < 20000; ++key) {
    EXPECT_EQ(filled.Find(key) == nullptr, drained.contains(key));
  }
  for (int i = 0; i < 20000; ++i) filled.Add();
  EXPECT_EQ(ScanAll(filled.table, 100, [] {}).size(), 30000u);
  for (uint64_t key = 0; key < 40000; ++key) filled.Erase(key);
  EXPECT_EQ(filled.table.MemoryBytes(), 0u);
}

TEST(HashTableTest, MovesAndSwaps) {
  Filled filled(2000);
  Table moved = std::move(filled.table);
  EXPECT_EQ(moved.size(), 2000u);
  EXPECT_EQ(filled.table.size(), 0u);
  swap(filled.table, moved);
  EXPECT_TRUE(moved.empty());
  EXPECT_NE(filled.Find(1999), nullptr);
  moved = std::move(filled.table);
  EXPECT_EQ(moved.size(), 2000u);
}

}  // namespace
}  // namespace flashdb
