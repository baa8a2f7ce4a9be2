// Removing what has expired, a bounded piece at a time.
//
// Each slot keeps a lower bound of the next expiry in it, so slots with nothing due cost one
// comparison. A slot with something due is scanned as a whole, over several calls if it is large;
// the bound is set anew when the scan is through. The whole keyspace has such a bound too, so that
// nothing at all is looked at (and no sleeping loop wakes) before something is due.
#include "base/check.h"
#include "shards/hash_value.h"
#include "shards/keyspace.h"

namespace flashdb {
namespace {

/// Slots whose bound is looked at for the price of one entry.
constexpr size_t kSlotsPerUnit = 64;
/// Entries asked for in one step of a scan.
constexpr size_t kScanStep = 64;

}  // namespace

/// What one piece of a scan found. Names are copies: removing changes the table.
struct Keyspace::DueWork {
  size_t visited = 0;
  UnixMillis earliest = INT64_MAX;
  std::vector<std::string> keys;
  std::vector<std::string> hashes;
};

size_t Keyspace::ExpireSome(size_t budget, const std::function<bool(SlotId)>& locked) {
  FLASHDB_CHECK(capture_ == nullptr && !replaying_);
  if (next_expiry_ > now_) return 0;
  removing_expired_ = true;
  size_t removed = 0;
  size_t spent = 0;
  size_t compared = 0;
  size_t passed = 0;
  while (spent + compared / kSlotsPerUnit < budget && passed < kDatabaseCount * slot_count() &&
         next_expiry_ <= now_) {
    Database& database = databases_[expire_db_];
    const bool due = !database.slots.empty() && database.slots[expire_slot_].next_expiry <= now_;
    if (due && !locked(static_cast<SlotId>(first_slot_ + expire_slot_))) {
      spent += ExpireSlotPart(budget - spent, &removed);
      if (expire_cursor_ != 0) continue;
    }
    passed += PassExpirySlots();
    ++compared;
  }
  removing_expired_ = false;
  return removed;
}

size_t Keyspace::RemoveMet(size_t budget, const std::function<bool(SlotId)>& locked) {
  if (met_.empty()) [[likely]] {
    return 0;
  }
  FLASHDB_CHECK(capture_ == nullptr && !replaying_);
  removing_expired_ = true;
  size_t removed = 0;
  std::vector<Met> left;
  for (Met& met : std::exchange(met_, {})) {
    const KeyRef key = MakeKey(met.key);
    Entry** ref = FindRef(met.db, key);
    if (ref == nullptr) continue;
    if (locked(key.slot)) {
      left.push_back(std::move(met));
    } else if (Expired(**ref)) {
      PurgeExpired(met.db, key);
      ++removed;
    } else if (HashOf(**ref) != nullptr) {
      ExpireFields(met.db, key, budget);
    }
  }
  met_ = std::move(left);
  removing_expired_ = false;
  return removed;
}

void Keyspace::NoteMet(uint32_t db, std::string_view key) {
  if (met_.size() >= kMaxMet || replaying_) return;
  const bool known = std::any_of(met_.begin(), met_.end(),
                                 [&](const Met& met) { return met.db == db && met.key == key; });
  if (!known) met_.push_back({db, std::string(key)});
}

void Keyspace::RestartExpiryRound() {
  round_passed_ = 0;
  round_earliest_ = INT64_MAX;
}

size_t Keyspace::PassExpirySlots() {
  const Database& database = databases_[expire_db_];
  if (!database.slots.empty()) {
    round_earliest_ = std::min(round_earliest_, database.slots[expire_slot_].next_expiry);
  }
  const size_t passed = NextExpirySlot();
  round_passed_ += passed;
  if (round_passed_ >= kDatabaseCount * slot_count()) {
    next_expiry_ = round_earliest_;
    RestartExpiryRound();
  }
  return passed;
}

size_t Keyspace::NextExpirySlot() {
  expire_cursor_ = 0;
  const bool none_here = databases_[expire_db_].slots.empty();
  const size_t step = none_here ? slot_count() - expire_slot_ : 1;
  expire_slot_ += static_cast<uint32_t>(step);
  if (expire_slot_ >= slot_count()) {
    expire_slot_ = 0;
    expire_db_ = (expire_db_ + 1) % kDatabaseCount;
  }
  return step;
}

size_t Keyspace::ExpireSlotPart(size_t budget, size_t* removed) {
  const uint32_t db = expire_db_;
  DatabaseSlot& slot = databases_[db].slots[expire_slot_];
  if (expire_cursor_ == 0) expire_earliest_ = INT64_MAX;
  DueWork work;
  expire_cursor_ = slot.table.Scan(expire_cursor_, std::min(budget, kScanStep),
                                   [&](const Entry* entry) { CollectDue(*entry, work); });
  expire_earliest_ = std::min(expire_earliest_, work.earliest);
  for (const std::string& name : work.keys) {
    const KeyRef key = MakeKey(name);
    if (FindRef(db, key) == nullptr) continue;  // a scan may report a key twice
    PurgeExpired(db, key);
    ++*removed;
  }
  size_t fields = 0;
  for (const std::string& name : work.hashes) {
    fields += ExpireFields(db, MakeKey(name), budget > fields ? budget - fields : 1);
  }
  if (expire_cursor_ == 0) slot.next_expiry = expire_earliest_;
  return work.visited + fields + 1;
}

void Keyspace::CollectDue(const Entry& entry, DueWork& work) {
  ++work.visited;
  if (Expired(entry)) {
    work.keys.emplace_back(entry.key());
    return;
  }
  if (entry.has(Entry::kHasExpiry)) work.earliest = std::min(work.earliest, entry.expire_at());
  const HashValue* hash = HashOf(entry);
  if (hash == nullptr) return;
  if (hash->next_expiry() <= now_) {
    work.hashes.emplace_back(entry.key());
  } else {
    work.earliest = std::min(work.earliest, hash->next_expiry());
  }
}

size_t Keyspace::ExpireFields(uint32_t db, const KeyRef& key, size_t budget) {
  Entry** ref = FindRef(db, key);
  if (ref == nullptr) return 0;
  const HashValue* hash = HashOf(**ref);
  std::vector<std::string> names;
  hash->CollectExpired(now_, budget, names);
  const std::vector<std::string_view> fields(names.begin(), names.end());
  stats_.expired_fields += fields.size();
  HashDelete(db, key, fields);
  // What is left in the hash makes the slot due again, at once if the budget was too small.
  ref = FindRef(db, key);
  if (ref != nullptr) {
    expire_earliest_ = std::min(expire_earliest_, HashOf(**ref)->next_expiry());
  }
  return fields.size();
}

}  // namespace flashdb
