#include "shards/keyspace.h"

#include "base/check.h"
#include "shards/hash_value.h"

namespace flashdb {
namespace {

/// How watches are found: the database and the key.
std::string WatchName(uint32_t db, std::string_view key) {
  std::string name;
  name.reserve(key.size() + 1);
  PutByte(name, static_cast<uint8_t>(db));
  name.append(key);
  return name;
}

UnixMillis NextFieldExpiry(const Entry& entry) {
  const HashValue* hash = HashOf(entry);
  return hash == nullptr ? INT64_MAX : hash->next_expiry();
}

}  // namespace

Keyspace::Keyspace(uint32_t first_slot, uint32_t end_slot)
    : first_slot_(first_slot), end_slot_(end_slot), slot_changes_(end_slot - first_slot, 0) {
  FLASHDB_CHECK(first_slot <= end_slot && end_slot <= kSlotCount);
}

Keyspace::~Keyspace() {
  for (Database& database : databases_) flushed_.push_back(std::move(database));
  while (!ReleaseSome(1 << 20)) {
  }
}

// ---- Reading ----------------------------------------------------------------------------------

const Entry* Keyspace::Find(uint32_t db, const KeyRef& key, Touch touch) {
  NoteSlot(key.slot);
  Entry** ref = FindRef(db, key);
  Entry* entry = ref == nullptr ? nullptr : *ref;
  if (entry != nullptr && (entry->has(Entry::kHasExpiry) || entry->type == ValueType::kHash)) {
    if (Expired(*entry)) {
      NoteMet(db, key.bytes);
      entry = nullptr;
    } else if (NextFieldExpiry(*entry) <= now_) {
      NoteMet(db, key.bytes);
    }
  }
  if (touch == Touch::kYes) {
    ++(entry == nullptr ? stats_.misses : stats_.hits);
    if (entry != nullptr && entry->access_seconds != now_seconds_) {
      entry->access_seconds = now_seconds_;
    }
  }
  return entry;
}

Keyspace::Database& Keyspace::DatabaseForWrite(uint32_t db) {
  Database& database = databases_[db];
  if (database.slots.empty()) {
    database.slots.resize(slot_count());
    memory_ += slot_count() * sizeof(DatabaseSlot);
  }
  return database;
}

Keyspace::DatabaseSlot& Keyspace::SlotForWrite(uint32_t db, SlotId slot) {
  FLASHDB_CHECK(Owns(slot), "slot {} is not among {}..{}", slot, first_slot_, end_slot_);
  return DatabaseForWrite(db).slots[slot - first_slot_];
}

Entry** Keyspace::FindRef(uint32_t db, const KeyRef& key) {
  FLASHDB_CHECK(Owns(key.slot), "slot {} is not among {}..{}", key.slot, first_slot_, end_slot_);
  Database& database = databases_[db];
  if (database.slots.empty()) return nullptr;
  return database.slots[key.slot - first_slot_].table.FindRef(
      key.hash, [&](const Entry* entry) { return entry->key() == key.bytes; });
}

Entry** Keyspace::FindForChange(uint32_t db, const KeyRef& key) {
  NoteSlot(key.slot);
  Entry** ref = FindRef(db, key);
  if (ref == nullptr) return nullptr;
  if (!replaying_ && Expired(**ref)) {
    PurgeExpired(db, key);
    return nullptr;
  }
  if (!no_touch_ && !removing_expired_) (*ref)->access_seconds = now_seconds_;
  return ref;
}

// ---- Mutators of any type ---------------------------------------------------------------------

bool Keyspace::Delete(uint32_t db, const KeyRef& key) {
  if (FindForChange(db, key) == nullptr) return false;
  RemoveAndLog(db, key);
  return true;
}

bool Keyspace::SetExpiry(uint32_t db, const KeyRef& key, UnixMillis at) {
  Entry** ref = FindForChange(db, key);
  if (ref == nullptr || (*ref)->expire_at() == at) return false;
  if (at != 0 && at <= now_ && !replaying_) {
    RemoveAndLog(db, key);
    return true;
  }
  ChangeExpiry(db, key, ref, at);
  if (EffectSink* log = ActiveSink()) {
    PutSigned(log->Begin(EffectOp::kExpireAt, db, key.bytes), at);
  }
  Changed(db, key);
  return true;
}

Status Keyspace::Restore(uint32_t db, const KeyRef& key, ValueType type, std::string_view image,
                         UnixMillis expire_at) {
  if (type == ValueType::kString) {
    PutStringAt(db, key, FindRef(db, key), image, expire_at);
  } else if (type == ValueType::kHash) {
    FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<HashValue> hash, HashValue::Decode(image, limits_));
    const UnixMillis next_expiry = hash->next_expiry();
    PutEntry(db, key, NewObjectEntry(key.bytes, type, hash.release(), expire_at));
    NoteExpiry(db, key.slot, next_expiry);
  } else {
    return absl::DataLossError(
        fmt::format("value type {} of key '{}' is unknown", static_cast<int>(type), key.bytes));
  }
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->Begin(EffectOp::kRestore, db, key.bytes);
    PutByte(out, static_cast<uint8_t>(type));
    PutSigned(out, expire_at);
    PutBytes(out, image);
  }
  Changed(db, key);
  return OkStatus();
}

void Keyspace::SetAccess(uint32_t db, const KeyRef& key, uint32_t seconds) {
  if (Entry** ref = FindRef(db, key)) (*ref)->access_seconds = seconds & Entry::kAccessMask;
}

void Keyspace::EncodeValue(const Entry& entry, std::string& out) {
  if (entry.has(Entry::kInline)) {
    out.append(entry.string());
  } else {
    entry.value()->EncodeTo(out);
  }
}

void Keyspace::LogDelete(uint32_t db, std::string_view key) {
  if (EffectSink* log = ActiveSink()) log->Begin(EffectOp::kDelete, db, key);
}

void Keyspace::RemoveAndLog(uint32_t db, const KeyRef& key) {
  LogDelete(db, key.bytes);
  Changed(db, key);
  RemoveEntry(db, key);
}

void Keyspace::PurgeExpired(uint32_t db, const KeyRef& key) {
  ++stats_.expired_keys;
  LogDelete(db, key.bytes);
  ChangedQuietly(key.slot);
  NotifyWatchesOfExpired(db, key.bytes);
  RemoveEntry(db, key);
}

// ---- The log's door and visibility ------------------------------------------------------------

EffectSink* Keyspace::ActiveSink() {
  if (replaying_) return nullptr;
  return capture_ != nullptr ? &capture_->sink : &sink_;
}

void Keyspace::Stamp(SlotId slot, Lsn lsn) {
  Lsn& last = slot_changes_[slot - first_slot_];
  last = std::max(last, lsn);
  last_change_ = std::max(last_change_, lsn);
}

void Keyspace::ChangedQuietly(SlotId slot) {
  if (replaying_) {
    Stamp(slot, replay_lsn_);
    return;
  }
  ++changes_;
  if (removing_expired_) return;
  if (capture_ == nullptr) {
    Stamp(slot, next_lsn_);
    gate_ = std::max(gate_, next_lsn_);
  } else if (capture_->changed_slots.empty() || capture_->changed_slots.back() != slot) {
    capture_->changed_slots.push_back(slot);
  }
}

void Keyspace::Changed(uint32_t db, const KeyRef& key) {
  ChangedQuietly(key.slot);
  NotifyWatches(db, key.bytes);
}

void Keyspace::ChangedAll() {
  ++changes_;
  if (capture_ != nullptr) {
    capture_->changed_all = true;
    return;
  }
  all_changed_ = last_change_ = next_lsn_;
  gate_ = std::max(gate_, next_lsn_);
}

std::string* Keyspace::BeginTenantEffect(EffectOp op, SlotId slot) {
  FLASHDB_CHECK(Owns(slot), "slot {} is not among {}..{}", slot, first_slot_, end_slot_);
  ChangedQuietly(slot);
  EffectSink* log = ActiveSink();
  return log == nullptr ? nullptr : &log->BeginWithoutKey(op, 0);
}

std::string* Keyspace::BeginTenantEffectOnAll(EffectOp op) {
  EffectSink* log = ActiveSink();
  if (log == nullptr) return nullptr;
  ChangedAll();
  return &log->BeginWithoutKey(op, 0);
}

void Keyspace::StampCapture(const TransactionCapture& capture, Lsn lsn) {
  for (SlotId slot : capture.changed_slots) Stamp(slot, lsn);
  if (capture.changed_all) all_changed_ = lsn;
  last_change_ = std::max(last_change_, lsn);
}

// ---- WATCH ------------------------------------------------------------------------------------

void Keyspace::AddWatch(uint32_t db, std::string_view key, KeyWatch* watch) {
  const Entry* entry = Find(db, MakeKey(key), Touch::kQuiet);
  watch->expires_at = entry == nullptr ? 0 : entry->expire_at();
  watches_[WatchName(db, key)].push_back(watch);
}

void Keyspace::RemoveWatch(uint32_t db, std::string_view key, KeyWatch* watch) {
  auto found = watches_.find(WatchName(db, key));
  if (found == watches_.end()) return;
  auto& list = found->second;
  auto place = std::find(list.begin(), list.end(), watch);
  if (place != list.end()) list.erase(place);
  if (list.empty()) watches_.erase(found);
}

void Keyspace::NotifyWatches(uint32_t db, std::string_view key) {
  if (watches_.empty() || replaying_) return;
  auto found = watches_.find(WatchName(db, key));
  if (found == watches_.end()) return;
  for (KeyWatch* watch : found->second) watch->dirty = true;
}

// A key that had expired before it was watched stays what the client saw: missing.
void Keyspace::NotifyWatchesOfExpired(uint32_t db, std::string_view key) {
  if (watches_.empty()) return;
  auto found = watches_.find(WatchName(db, key));
  if (found == watches_.end()) return;
  for (KeyWatch* watch : found->second) watch->dirty |= watch->expires_at != 0;
}

void Keyspace::NotifyWatchesOfExisting(uint32_t db) {
  for (auto& [name, list] : watches_) {
    if (static_cast<uint8_t>(name[0]) != db) continue;
    Entry** ref = FindRef(db, MakeKey(std::string_view(name).substr(1)));
    if (ref == nullptr || Expired(**ref)) continue;
    for (KeyWatch* watch : list) watch->dirty = true;
  }
}

}  // namespace flashdb
