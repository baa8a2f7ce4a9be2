// FLUSHDB and SWAPDB, and giving memory back in pieces.
#include "base/check.h"
#include "shards/keyspace.h"

namespace flashdb {

void Keyspace::Flush(uint32_t db) {
  NoteAll();
  if (databases_[db].keys == 0) return;
  NotifyWatchesOfExisting(db);
  FlushSlots(db, first_slot_, end_slot_);
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->BeginWithoutKey(EffectOp::kFlush, db);
    PutVarint(out, first_slot_);
    PutVarint(out, end_slot_);
  }
  ChangedAll();
}

void Keyspace::Swap(uint32_t a, uint32_t b) {
  NoteAll();
  if (a == b || (databases_[a].keys == 0 && databases_[b].keys == 0)) return;
  for (int pass = 0; pass < 2; ++pass) {
    // A watched key counts as changed if it exists before or after.
    NotifyWatchesOfExisting(a);
    NotifyWatchesOfExisting(b);
    if (pass == 0) SwapSlots(a, b, first_slot_, end_slot_);
  }
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->BeginWithoutKey(EffectOp::kSwap, a);
    PutByte(out, static_cast<uint8_t>(b));
    PutVarint(out, first_slot_);
    PutVarint(out, end_slot_);
  }
  ChangedAll();
}

void Keyspace::FlushSlots(uint32_t db, uint32_t first, uint32_t end) {
  expire_cursor_ = 0;
  Database& database = databases_[db];
  if (database.slots.empty()) return;
  if (!replaying_) {
    flushed_.push_back(std::exchange(database, Database{}));
    return;
  }
  Database removed;
  for (uint32_t slot = std::max(first, first_slot_); slot < std::min(end, end_slot_); ++slot) {
    if (!ReplaysSlot(slot)) continue;
    Stamp(static_cast<SlotId>(slot), replay_lsn_);
    DatabaseSlot& doomed = database.slots[slot - first_slot_];
    if (doomed.table.empty()) continue;
    database.keys -= doomed.table.size();
    doomed.table.ForEach([&](const Entry* entry) { AccountVolatile(db, *entry, -1); });
    removed.slots.push_back(std::exchange(doomed, DatabaseSlot{}));
    memory_ += sizeof(DatabaseSlot);
  }
  flushed_.push_back(std::move(removed));
}

void Keyspace::SwapSlots(uint32_t a, uint32_t b, uint32_t first, uint32_t end) {
  expire_cursor_ = 0;
  RestartExpiryRound();
  if (!replaying_) {
    std::swap(databases_[a], databases_[b]);
    return;
  }
  Database& left = DatabaseForWrite(a);
  Database& right = DatabaseForWrite(b);
  auto volatile_in = [](const DatabaseSlot& slot) {
    size_t count = 0;
    slot.table.ForEach([&](const Entry* entry) { count += entry->has(Entry::kHasExpiry); });
    return count;
  };
  for (uint32_t slot = std::max(first, first_slot_); slot < std::min(end, end_slot_); ++slot) {
    if (!ReplaysSlot(slot)) continue;
    Stamp(static_cast<SlotId>(slot), replay_lsn_);
    DatabaseSlot& from = left.slots[slot - first_slot_];
    DatabaseSlot& to = right.slots[slot - first_slot_];
    const size_t keys = to.table.size() - from.table.size();
    const size_t volatiles = volatile_in(to) - volatile_in(from);
    left.keys += keys;
    right.keys -= keys;
    left.volatile_keys += volatiles;
    right.volatile_keys -= volatiles;
    std::swap(from, to);
  }
}

bool Keyspace::ReleaseSome(size_t budget) {
  size_t spent = 0;
  while (spent < budget && !flushed_.empty()) spent += DrainFlushed(budget - spent);
  while (spent < budget && !released_.empty()) spent += ReleaseValue(budget - spent);
  return flushed_.empty() && released_.empty();
}

size_t Keyspace::DrainFlushed(size_t budget) {
  std::vector<DatabaseSlot>& slots = flushed_.front().slots;
  if (slots.empty()) {
    flushed_.pop_front();
    return 1;
  }
  EntryTable& table = slots.back().table;
  const size_t entries = table.size();
  const size_t table_bytes = table.MemoryBytes();
  const bool empty = table.Drain(budget, [&](Entry* entry) { DisposeEntry(entry); });
  memory_ -= table_bytes - table.MemoryBytes();
  const size_t spent = entries - table.size() + 1;
  if (empty) {
    slots.pop_back();
    memory_ -= sizeof(DatabaseSlot);
  }
  return spent;
}

size_t Keyspace::ReleaseValue(size_t budget) {
  Value& value = *released_.front();
  const size_t elements = value.ElementCount();
  const size_t bytes = value.MemoryBytes();
  const bool done = value.ReleaseSome(budget);
  memory_ -= bytes - value.MemoryBytes();
  const size_t spent = elements - value.ElementCount() + 1;
  if (done) {
    memory_ -= value.MemoryBytes();
    released_.pop_front();
  }
  return spent;
}

}  // namespace flashdb
