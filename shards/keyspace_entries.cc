// The entries of the tables and what is counted of them: memory, keys, expiries.
#include "shards/keyspace.h"

namespace flashdb {
namespace {

/// Values of more elements than this are freed later, in pieces.
constexpr size_t kFreeAtOnce = 64;

}  // namespace

void Keyspace::InsertEntry(uint32_t db, const KeyRef& key, Entry* entry) {
  EntryTable& table = SlotForWrite(db, key.slot).table;
  const size_t table_bytes = table.MemoryBytes();
  table.Insert(key.hash, entry);
  memory_ += table.MemoryBytes() - table_bytes + EntryMemoryBytes(*entry);
  entry->access_seconds = now_seconds_;
  ++databases_[db].keys;
  AccountVolatile(db, *entry, 1);
  NoteExpiry(db, key.slot, entry->expire_at());
}

void Keyspace::ReplaceEntry(uint32_t db, Entry** ref, Entry* fresh, bool keep_value) {
  Entry* old = std::exchange(*ref, fresh);
  fresh->access_seconds = old->access_seconds;
  AccountVolatile(db, *old, -1);
  AccountVolatile(db, *fresh, 1);
  if (keep_value) {
    memory_ += fresh->allocated_size() - old->allocated_size();
    FreeEntryBlock(old);
  } else {
    memory_ += EntryMemoryBytes(*fresh);
    DisposeEntry(old);
  }
}

void Keyspace::PutEntry(uint32_t db, const KeyRef& key, Entry* fresh) {
  Entry** ref = FindRef(db, key);
  if (ref == nullptr) {
    InsertEntry(db, key, fresh);
    return;
  }
  ReplaceEntry(db, ref, fresh, false);
  fresh->access_seconds = now_seconds_;
  NoteExpiry(db, key.slot, fresh->expire_at());
}

void Keyspace::ChangeExpiry(uint32_t db, const KeyRef& key, Entry** ref, UnixMillis at) {
  Entry& entry = **ref;
  if (at != 0 && entry.has(Entry::kHasExpiry)) {
    OverwriteExpiry(entry, at);
  } else if (entry.has(Entry::kInline)) {
    ReplaceEntry(db, ref, NewInlineEntry(entry.key(), entry.string(), at), false);
  } else {
    ReplaceEntry(db, ref, NewObjectEntry(entry.key(), entry.type, entry.value(), at), true);
  }
  NoteExpiry(db, key.slot, at);
}

void Keyspace::RemoveEntry(uint32_t db, const KeyRef& key) {
  EntryTable& table = SlotForWrite(db, key.slot).table;
  const size_t table_bytes = table.MemoryBytes();
  Entry* entry =
      table.Erase(key.hash, [&](const Entry* other) { return other->key() == key.bytes; });
  memory_ -= table_bytes - table.MemoryBytes();
  --databases_[db].keys;
  AccountVolatile(db, *entry, -1);
  DisposeEntry(entry);
}

void Keyspace::DisposeEntry(Entry* entry) {
  memory_ -= entry->allocated_size();
  if (!entry->has(Entry::kInline)) {
    std::unique_ptr<Value> value(entry->value());
    if (value->ElementCount() > kFreeAtOnce) {
      released_.push_back(std::move(value));
    } else {
      memory_ -= value->MemoryBytes();
    }
  }
  FreeEntryBlock(entry);
}

void Keyspace::AccountVolatile(uint32_t db, const Entry& entry, int delta) {
  if (entry.has(Entry::kHasExpiry)) databases_[db].volatile_keys += static_cast<size_t>(delta);
}

void Keyspace::NoteExpiry(uint32_t db, SlotId slot, UnixMillis at) {
  if (at == 0) return;
  UnixMillis& next = databases_[db].slots[slot - first_slot_].next_expiry;
  next = std::min(next, at);
  next_expiry_ = std::min(next_expiry_, at);
  round_earliest_ = std::min(round_earliest_, at);
  if (db == expire_db_ && slot == first_slot_ + expire_slot_) {
    expire_earliest_ = std::min(expire_earliest_, at);
  }
}

}  // namespace flashdb
