// Nanoseconds per operation of HashTable: 16384 tables of 61 entries (a million keys over the
// slots), and one table of ten million. Look-ups come in random order, one at a time, or in
// batches of 16 whose tables are prefetched first, as a pipelined batch of commands does it.
#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "base/hash.h"
#include "base/slots.h"
#include "shards/hash_table.h"

namespace flashdb {
namespace {

struct Item {
  uint64_t key;
};

uint64_t HashKey(uint64_t key) {
  return HashBytes({reinterpret_cast<const char*>(&key), sizeof(key)});
}

struct ItemTraits {
  using Entry = Item;
  static uint64_t Hash(const Item* item) { return HashKey(item->key); }
};

using Table = HashTable<ItemTraits>;

/// `tables` tables that share `keys` entries; key k is in table k % tables.
class Tables {
 public:
  Tables(uint64_t tables, uint64_t keys) : tables_(tables), items_(keys) {
    for (uint64_t key = 0; key < keys; ++key) items_[key].key = key;
  }

  void InsertAll() {
    for (Item& item : items_) Of(item.key).Insert(HashKey(item.key), &item);
  }
  Table& Of(uint64_t key) { return tables_[key % tables_.size()]; }
  Item* Find(uint64_t key) {
    return Of(key).Find(HashKey(key), [key](const Item* item) { return item->key == key; });
  }
  void Clear() {
    for (Table& table : tables_) table = Table();
    for (Table& table : tables_) Table freed = std::move(table);
  }
  double BytesPerEntry() const {
    size_t bytes = 0;
    for (const Table& table : tables_) bytes += table.MemoryBytes() + sizeof(table);
    return static_cast<double>(bytes) / static_cast<double>(items_.size());
  }

 private:
  std::vector<Table> tables_;
  std::vector<Item> items_;
};

Tables& Shared(const benchmark::State& state) {
  static std::unique_ptr<Tables> tables;
  static int64_t made_for = 0;
  if (made_for != state.range(1)) {
    tables = std::make_unique<Tables>(state.range(0), state.range(1));
    tables->InsertAll();
    made_for = state.range(1);
  }
  return *tables;
}

/// `first` is 0 for keys that are there, the number of keys for others.
void Find(benchmark::State& state, uint64_t first, uint64_t batch) {
  Tables& tables = Shared(state);
  Random random(1);
  std::vector<uint64_t> keys(batch);
  for (auto _ : state) {
    for (uint64_t& key : keys) key = first + random.Below(state.range(1));
    if (batch > 1) {
      for (uint64_t key : keys) tables.Of(key).PrefetchDirectory(HashKey(key));
      for (uint64_t key : keys) tables.Of(key).PrefetchTags(HashKey(key));
      for (uint64_t key : keys) tables.Of(key).PrefetchPlaces(HashKey(key));
      for (uint64_t key : keys) tables.Of(key).PrefetchEntry(HashKey(key), 16);
    }
    for (uint64_t key : keys) benchmark::DoNotOptimize(tables.Find(key));
  }
  state.counters["per_op"] =
      benchmark::Counter(static_cast<double>(state.iterations() * batch),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void FindHit(benchmark::State& state) { Find(state, 0, 1); }
void FindMiss(benchmark::State& state) { Find(state, state.range(1), 1); }
void FindHitPrefetched(benchmark::State& state) { Find(state, 0, 16); }
void FindMissPrefetched(benchmark::State& state) { Find(state, state.range(1), 16); }

void InsertAll(benchmark::State& state) {
  Tables tables(state.range(0), state.range(1));
  for (auto _ : state) {
    tables.InsertAll();
    state.PauseTiming();
    state.counters["bytes_per_entry"] = tables.BytesPerEntry();
    tables.Clear();
    state.ResumeTiming();
  }
  state.counters["per_op"] =
      benchmark::Counter(static_cast<double>(state.iterations() * state.range(1)),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({kSlotCount, kSlotCount * 61})->Args({1, 10'000'000});
}

BENCHMARK(InsertAll)->Apply(Sizes)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(FindHit)->Args({kSlotCount, kSlotCount * 61});
BENCHMARK(FindMiss)->Args({kSlotCount, kSlotCount * 61});
BENCHMARK(FindHitPrefetched)->Args({kSlotCount, kSlotCount * 61});
BENCHMARK(FindMissPrefetched)->Args({kSlotCount, kSlotCount * 61});
BENCHMARK(FindHit)->Args({1, 10'000'000});
BENCHMARK(FindMiss)->Args({1, 10'000'000});
BENCHMARK(FindHitPrefetched)->Args({1, 10'000'000});
BENCHMARK(FindMissPrefetched)->Args({1, 10'000'000});

}  // namespace
}  // namespace flashdb

BENCHMARK_MAIN();
