// Reading many keys: sizes, random keys, scans.
#include "base/check.h"
#include "shards/keyspace.h"

namespace flashdb {
namespace {

/// Tries before RandomEntry gives up chance and searches.
constexpr int kRandomTries = 32;
/// Entries that the search for any live one looks at.
constexpr size_t kSearchLimit = 20000;

}  // namespace

size_t Keyspace::Size(uint32_t db) {
  NoteAll();
  return databases_[db].keys;
}

size_t Keyspace::SizeOfSlot(uint32_t db, SlotId slot) {
  NoteSlot(slot);
  const DatabaseSlot* found = SlotForRead(db, slot);
  return found == nullptr ? 0 : found->table.size();
}

const Entry* Keyspace::RandomEntry(uint32_t db, Random& random) {
  NoteAll();
  Database& database = databases_[db];
  if (database.keys == 0) return nullptr;
  for (int i = 0; i < kRandomTries; ++i) {
    const Entry* entry = RandomBySlot(database, random);
    if (entry != nullptr && !Expired(*entry)) return entry;
  }
  const Entry* entry = RandomByRank(database, random);
  return Expired(*entry) ? AnyLive(database, random) : entry;
}

// A random slot is taken with a chance in proportion to its size, up to a few times the average.
const Entry* Keyspace::RandomBySlot(Database& database, Random& random) const {
  const EntryTable& table = database.slots[random.Below(slot_count())].table;
  const size_t cap = 4 * (database.keys / slot_count() + 1);
  return random.Below(cap) < table.size() ? table.RandomEntry(random) : nullptr;
}

const Entry* Keyspace::RandomByRank(Database& database, Random& random) const {
  size_t rank = random.Below(database.keys);
  for (DatabaseSlot& slot : database.slots) {
    if (rank < slot.table.size()) return slot.table.RandomEntry(random);
    rank -= slot.table.size();
  }
  FLASHDB_CHECK(false, "the database counts more keys than its slots hold");
}

const Entry* Keyspace::AnyLive(Database& database, Random& random) const {
  const Entry* live = nullptr;
  size_t seen = 0;
  const size_t start = random.Below(slot_count());
  for (size_t i = 0; i < slot_count() && seen < kSearchLimit; ++i) {
    const EntryTable& table = database.slots[(start + i) % slot_count()].table;
    uint64_t cursor = 0;
    do {
      cursor = table.Scan(cursor, 64, [&](const Entry* entry) {
        ++seen;
        if (!Expired(*entry)) live = entry;
      });
      if (live != nullptr) return live;
    } while (cursor != 0 && seen < kSearchLimit);
  }
  return nullptr;
}

uint64_t Keyspace::ScanSlot(uint32_t db, SlotId slot, uint64_t cursor, size_t count,
                            const std::function<void(const Entry&)>& visit) {
  NoteSlot(slot);
  const DatabaseSlot* found = SlotForRead(db, slot);
  if (found == nullptr) return 0;
  return found->table.Scan(cursor, count, [&](const Entry* entry) {
    if (!Expired(*entry)) visit(*entry);
  });
}

void Keyspace::ForEach(uint32_t db, const std::function<void(const Entry&)>& visit) {
  NoteAll();
  for (const DatabaseSlot& slot : databases_[db].slots) {
    slot.table.ForEach([&](const Entry* entry) {
      if (!Expired(*entry)) visit(*entry);
    });
  }
}

}  // namespace flashdb
