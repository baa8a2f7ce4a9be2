// The keys and values of one shard: for each database and slot a hash table of entries.
//
// Everything that changes a value goes through a mutator here, and the mutator itself appends the
// effect to the log's sink: this is the one door to the log. Replay calls the same mutators with no
// sink set. Only the owning shard's thread may call anything here.
//
// Visibility: each slot remembers the LSN of its last change. Every lookup notes the LSN of the
// slot it saw; the caller collects it with TakeGate() and lets no reply out before that LSN is
// settled. This covers keys that were found and keys that were missing alike.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/prefetch.h"
#include "base/random.h"
#include "base/slots.h"
#include "base/status.h"
#include "base/types.h"
#include "shards/effects.h"
#include "shards/entry.h"
#include "shards/hash_table.h"
#include "shards/tenant.h"

namespace flashdb {

class HashValue;

/// A key with its slot and its hash computed once.
struct KeyRef {
  std::string_view bytes;
  uint64_t hash;
  SlotId slot;
};

inline KeyRef MakeKey(std::string_view bytes) { return {bytes, HashBytes(bytes), SlotOf(bytes)}; }
/// `key = MakeKey(bytes)` without a copy.
inline void SetKey(KeyRef& key, std::string_view bytes) {
  key.hash = HashBytes(bytes);
  key.slot = SlotOf(bytes);
  key.bytes = bytes;
}

struct EntryTraits {
  using Entry = flashdb::Entry;
  static uint64_t Hash(const Entry* entry) { return HashBytes(entry->key()); }
};
using EntryTable = HashTable<EntryTraits>;

/// Watches one key for a client's WATCH; lives on the shard that owns the key.
struct KeyWatch {
  bool dirty = false;         // the key was changed
  UnixMillis expires_at = 0;  // when the key expires by itself; set by AddWatch, 0 = never

  /// True if the key is no longer what it was when the watch began.
  bool Tripped(UnixMillis now) const { return dirty || (expires_at != 0 && expires_at <= now); }
};

/// The part of a multi-shard transaction that happened on this shard: effects and slots, held back
/// until the transaction ends and gets its log record.
struct TransactionCapture {
  EffectSink sink;
  std::vector<SlotId> changed_slots;
  bool changed_all = false;
};

/// Sizes up to which small containers stay packed (CONFIG hash-max-listpack-*).
struct EncodingLimits {
  uint32_t hash_max_listpack_entries = 128;
  uint32_t hash_max_listpack_value = 64;
};

class Keyspace {
 public:
  enum class Touch : uint8_t {
    kYes,    // a client's read: counts as hit or miss, updates the access time
    kQuiet,  // does neither (TTL, TYPE, OBJECT, internal)
  };

  /// Holds the keys of slots [first_slot, end_slot).
  Keyspace(uint32_t first_slot, uint32_t end_slot);
  ~Keyspace();
  Keyspace(const Keyspace&) = delete;
  Keyspace& operator=(const Keyspace&) = delete;

  /// The time by which expiry is judged; set by the event loop once a turn.
  void SetNow(UnixMillis now) {
    now_ = now;
    now_seconds_ = static_cast<uint32_t>(now / 1000) & Entry::kAccessMask;
  }
  UnixMillis now() const { return now_; }
  /// While set, no change of a key's value touches the key (CLIENT NO-TOUCH).
  void set_no_touch(bool on) { no_touch_ = on; }
  EncodingLimits& limits() { return limits_; }
  bool Owns(SlotId slot) const { return slot >= first_slot_ && slot < end_slot_; }
  uint32_t first_slot() const { return first_slot_; }
  uint32_t end_slot() const { return end_slot_; }

  // ---- Reading ------------------------------------------------------------------------------

  /// The live entry of `key`, or nullptr if there is none or it has expired. Valid until the next
  /// mutator call. Notes the slot for TakeGate(), and what has expired for RemoveMet().
  const Entry* Find(uint32_t db, const KeyRef& key, Touch touch = Touch::kYes);
  /// Brings the memory that Find will need into the cache, for `count` keys at a time: their misses
  /// overlap. `key_at(i)` gives the i-th as a {db, const KeyRef&} pair.
  template <typename KeyAt>
  void Prefetch(size_t count, KeyAt key_at) const;
  /// The same for one key, a step at a time: each touches only what the one before has loaded.
  template <size_t kStep>
  void PrefetchStep(uint32_t db, SlotId slot, uint64_t hash) const;
  static constexpr size_t kPrefetchSteps = 5;
  /// Keys in the database, expired ones that nobody has removed yet included (as in Redis).
  size_t Size(uint32_t db);
  size_t SizeOfSlot(uint32_t db, SlotId slot);
  /// Keys of the database that have an expiry.
  size_t VolatileSize(uint32_t db) const { return databases_[db].volatile_keys; }
  /// A random live entry, or nullptr if there is none.
  const Entry* RandomEntry(uint32_t db, Random& random);
  /// Walks one slot with the Redis SCAN guarantees: reports about `count` live entries, returns the
  /// cursor to go on with (48 bits), 0 when the slot is done.
  uint64_t ScanSlot(uint32_t db, SlotId slot, uint64_t cursor, size_t count,
                    const std::function<void(const Entry&)>& visit);
  /// Visits every live entry of the database. `visit` must not change the keyspace.
  void ForEach(uint32_t db, const std::function<void(const Entry&)>& visit);

  // ---- Mutators of any type -----------------------------------------------------------------

  /// Removes the key; false if it was not there (or had expired).
  bool Delete(uint32_t db, const KeyRef& key);
  /// Sets (at > 0) or removes (at == 0) the expiry of an existing key; false if there is no such
  /// key or nothing changed. A time in the past removes the key.
  bool SetExpiry(uint32_t db, const KeyRef& key, UnixMillis at);
  /// Replaces `key` by a value from an image made by EncodeValue. Error if the image is malformed.
  Status Restore(uint32_t db, const KeyRef& key, ValueType type, std::string_view image,
                 UnixMillis expire_at);
  static void EncodeValue(const Entry& entry, std::string& out);
  /// Sets when an existing key was last used, in Unix seconds. Neither logged nor a change.
  void SetAccess(uint32_t db, const KeyRef& key, uint32_t seconds);
  /// Empties one database of this shard. Memory is given back piece by piece by ReleaseSome().
  void Flush(uint32_t db);
  void Swap(uint32_t a, uint32_t b);

  // ---- Mutators of strings ------------------------------------------------------------------

  /// Sets the key to a string, whatever it was. `expire_at` 0 = never.
  void SetString(uint32_t db, const KeyRef& key, std::string_view bytes, UnixMillis expire_at);
  /// Changes the bytes and keeps the expiry (INCR, SET KEEPTTL, GETSET does not).
  void UpdateString(uint32_t db, const KeyRef& key, std::string_view bytes);
  /// Appends to the string (created if missing) and returns its new length. The caller has checked
  /// the type and the size limit.
  size_t AppendString(uint32_t db, const KeyRef& key, std::string_view bytes);
  /// Overwrites at `offset`, padding with zero bytes; returns the new length. As above.
  size_t OverwriteString(uint32_t db, const KeyRef& key, size_t offset, std::string_view bytes);

  // ---- Mutators of hashes (keyspace_hash.cc) ------------------------------------------------

  struct FieldValue {
    std::string_view field;
    std::string_view value;
  };
  /// Sets fields (the hash is created if missing; a set field loses its expiry). Returns how many
  /// are new. The caller has checked the type.
  size_t HashSet(uint32_t db, const KeyRef& key, std::span<const FieldValue> pairs);
  /// As HashSet for one field, but a field that has an expiry keeps it (HINCRBY).
  void HashUpdate(uint32_t db, const KeyRef& key, std::string_view field, std::string_view value);
  /// Deletes fields, and the key when none is left. Returns how many there were, expired ones that
  /// nobody has removed yet included (as in Redis 7.4).
  size_t HashDelete(uint32_t db, const KeyRef& key, std::span<const std::string_view> fields);
  /// Sets (at > 0) or removes (at == 0) the expiry of existing fields. A time in the past deletes
  /// the field (and the key with its last one).
  void HashExpire(uint32_t db, const KeyRef& key, std::span<const std::string_view> fields,
                  UnixMillis at);

  // ---- The log's door -----------------------------------------------------------------------

  /// Effects of the running command; the executor turns them into a log record and clears them.
  EffectSink& sink() { return sink_; }
  /// The LSN that the next record will get: changed slots are stamped with it.
  void set_next_lsn(Lsn lsn) { next_lsn_ = lsn; }
  /// From now on effects go to `capture` and slots are not stamped; nullptr ends it.
  void set_capture(TransactionCapture* capture) { capture_ = capture; }
  /// Stamps what `capture` changed: its record has got `lsn`.
  void StampCapture(const TransactionCapture& capture, Lsn lsn);
  /// Replays the effects of one record, for keys whose slot is owned here; others are passed over.
  /// Nothing is logged; changed slots are stamped with `lsn`. Slots whose image (SetImageLsn) is as
  /// new as `lsn` stay as they are. DataLoss if the payload is malformed.
  Status Apply(std::string_view payload, Lsn lsn);
  /// Recovery: as Restore, but nothing is logged, stamped or counted as a change.
  Status Load(uint32_t db, const KeyRef& key, ValueType type, std::string_view image,
              UnixMillis expire_at);
  /// Recovery: the slot was loaded from an image that is true at `lsn`.
  void SetImageLsn(SlotId slot, Lsn lsn);

  // ---- What else lives in the slots (tenant.h) ------------------------------------------------

  /// `tenant` must outlive the keyspace's last call. To be set before replay.
  void set_tenant(Tenant* tenant) { tenant_ = tenant; }
  Tenant* tenant() const { return tenant_; }
  /// Marks the slot as changed and begins an effect of the tenant's, whose operands the caller
  /// appends to what is returned; nullptr (and nothing is to be logged) in replay.
  std::string* BeginTenantEffect(EffectOp op, SlotId slot);
  /// The same for a change that every reply may tell of.
  std::string* BeginTenantEffectOnAll(EffectOp op);
  /// Whether the running replay's record concerns the slot: owned here, and no newer image of it
  /// was loaded.
  bool ReplaysSlot(uint32_t slot) const;

  // ---- Visibility ---------------------------------------------------------------------------

  /// The highest LSN that anything seen or changed since the last call depends on; 0 if none.
  Lsn TakeGate() { return std::exchange(gate_, 0); }
  void NoteSlot(SlotId slot) { gate_ = std::max(gate_, LastChange(slot)); }
  /// As if every slot had been looked at.
  void NoteAll() { gate_ = std::max(gate_, last_change_); }
  Lsn LastChange(SlotId slot) const {
    return std::max(slot_changes_[slot - first_slot_], all_changed_);
  }

  // ---- WATCH --------------------------------------------------------------------------------

  void AddWatch(uint32_t db, std::string_view key, KeyWatch* watch);
  void RemoveWatch(uint32_t db, std::string_view key, KeyWatch* watch);

  // ---- Background work, bounded by the caller -----------------------------------------------

  // What these two remove had been invisible before, so their effects are logged, but no slot is
  // stamped: no reply waits for them. Slots for which `locked` says true are left alone.

  /// Removes expired keys and hash fields; looks at no more than about `budget` entries. Returns
  /// how many keys it removed.
  size_t ExpireSome(size_t budget, const std::function<bool(SlotId)>& locked);
  /// Removes what lookups have met expired since the last call (the first kMaxMet of them), of a
  /// hash about `budget` fields. Returns how many keys it removed.
  size_t RemoveMet(size_t budget, const std::function<bool(SlotId)>& locked);
  bool has_met() const { return !met_.empty(); }
  /// No key or field expires earlier; INT64_MAX if none ever does.
  UnixMillis next_expiry() const { return next_expiry_; }
  /// Frees memory of flushed databases and deleted large values; true when nothing is left to free.
  bool ReleaseSome(size_t budget);

  // ---- Statistics ---------------------------------------------------------------------------

  struct Stats {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t expired_keys = 0;
    uint64_t expired_fields = 0;
  };
  Stats& stats() { return stats_; }
  /// Heap bytes of entries, values and tables.
  size_t MemoryBytes() const { return memory_; }
  /// With what else lives in the slots: what maxmemory is about.
  size_t DataBytes() const { return memory_ + (tenant_ == nullptr ? 0 : tenant_->MemoryBytes()); }
  /// Changes since start (Redis's rdb_changes_since_last_save counts alike).
  uint64_t changes() const { return changes_; }

  // ---- For the families' mutator files only -------------------------------------------------

  struct DatabaseSlot {
    EntryTable table;
    UnixMillis next_expiry = INT64_MAX;  // no key or field expires earlier than this
  };
  struct Database {
    std::vector<DatabaseSlot> slots;  // empty until first used
    size_t keys = 0;
    size_t volatile_keys = 0;
  };

 private:
  size_t slot_count() const { return end_slot_ - first_slot_; }
  Database& DatabaseForWrite(uint32_t db);
  DatabaseSlot& SlotForWrite(uint32_t db, SlotId slot);
  const DatabaseSlot* SlotForRead(uint32_t db, SlotId slot) const {
    const Database& database = databases_[db];
    return database.slots.empty() ? nullptr : &database.slots[slot - first_slot_];
  }
  bool Expired(const Entry& entry) const {
    return entry.has(Entry::kHasExpiry) && entry.expire_at() <= now_;
  }
  /// The table's pointer to the entry, expired or not; nullptr if there is none.
  Entry** FindRef(uint32_t db, const KeyRef& key);
  /// Finds the key for a change: an expired one is removed (and logged) first. In replay, where
  /// only the log's word counts, it is not.
  Entry** FindForChange(uint32_t db, const KeyRef& key);

  // keyspace_entries.cc: the table's entries and the counts kept of them.
  void InsertEntry(uint32_t db, const KeyRef& key, Entry* entry);
  /// Puts `fresh` where `*ref` is, with the old entry's access time; frees the old block and,
  /// unless it moved over, its value.
  void ReplaceEntry(uint32_t db, Entry** ref, Entry* fresh, bool keep_value);
  /// Inserts or replaces, whatever was there.
  void PutEntry(uint32_t db, const KeyRef& key, Entry* fresh);
  void ChangeExpiry(uint32_t db, const KeyRef& key, Entry** ref, UnixMillis at);
  /// Takes the entry out of its table and disposes of it.
  void RemoveEntry(uint32_t db, const KeyRef& key);
  void DisposeEntry(Entry* entry);
  void AccountVolatile(uint32_t db, const Entry& entry, int delta);
  void NoteExpiry(uint32_t db, SlotId slot, UnixMillis at);

  EffectSink* ActiveSink();
  void Stamp(SlotId slot, Lsn lsn);
  /// Stamps or captures the slot, without telling watches.
  void ChangedQuietly(SlotId slot);
  void Changed(uint32_t db, const KeyRef& key);
  void ChangedAll();
  void LogDelete(uint32_t db, std::string_view key);
  void RemoveAndLog(uint32_t db, const KeyRef& key);
  void PurgeExpired(uint32_t db, const KeyRef& key);

  void NotifyWatches(uint32_t db, std::string_view key);
  void NotifyWatchesOfExpired(uint32_t db, std::string_view key);
  void NotifyWatchesOfExisting(uint32_t db);

  /// Empties (exchanges) the slots among [first, end) that are owned here and older than the
  /// running replay's record.
  void FlushSlots(uint32_t db, uint32_t first, uint32_t end);
  void SwapSlots(uint32_t a, uint32_t b, uint32_t first, uint32_t end);
  size_t DrainFlushed(size_t budget);
  size_t ReleaseValue(size_t budget);

  const Entry* RandomBySlot(Database& database, Random& random) const;
  const Entry* RandomByRank(Database& database, Random& random) const;
  const Entry* AnyLive(Database& database, Random& random) const;

  void SetStringAt(uint32_t db, const KeyRef& key, Entry** ref, std::string_view bytes,
                   UnixMillis expire_at);
  /// As SetStringAt, without log and stamp. `ref` is what FindRef found.
  void PutStringAt(uint32_t db, const KeyRef& key, Entry** ref, std::string_view bytes,
                   UnixMillis expire_at);
  /// The entry's string as a StringValue; an inline one is moved into its own allocation.
  StringValue& MakeStringValue(uint32_t db, Entry** ref);

  HashValue& HashForWrite(uint32_t db, const KeyRef& key);
  HashValue* FindHash(uint32_t db, const KeyRef& key);

  struct DueWork;
  /// The entry, or a field of its hash, has expired: RemoveMet() shall have a look.
  void NoteMet(uint32_t db, std::string_view key);
  size_t ExpireSlotPart(size_t budget, size_t* removed);
  void CollectDue(const Entry& entry, DueWork& work);
  size_t ExpireFields(uint32_t db, const KeyRef& key, size_t budget);
  /// Goes on to the next slot that has a table; returns how many slots were passed.
  size_t NextExpirySlot();
  void RestartExpiryRound();
  /// Ends the slot (or what is left of a database that has none) in the running round, and the
  /// round with the last one; returns how many slots were passed.
  size_t PassExpirySlots();

  Status ApplyOne(EffectOp op, uint32_t db, Decoder& in);
  Status ApplyToAll(EffectOp op, uint32_t db, Decoder& in);
  Status ApplyToAny(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in);
  Status ApplyString(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in);
  Status ApplyHash(EffectOp op, uint32_t db, const KeyRef& key, bool mine, Decoder& in);

  const uint32_t first_slot_;
  const uint32_t end_slot_;
  UnixMillis now_ = 0;
  uint32_t now_seconds_ = 0;
  EncodingLimits limits_;
  std::array<Database, kDatabaseCount> databases_;
  std::vector<Lsn> slot_changes_;
  Lsn all_changed_ = 0;
  Lsn last_change_ = 0;
  Lsn next_lsn_ = 1;
  Lsn gate_ = 0;
  EffectSink sink_;
  TransactionCapture* capture_ = nullptr;
  Tenant* tenant_ = nullptr;
  bool replaying_ = false;
  Lsn replay_lsn_ = 0;
  std::vector<Lsn> image_lsns_;  // empty unless images were loaded
  size_t memory_ = 0;
  uint64_t changes_ = 0;
  Stats stats_;
  uint32_t expire_db_ = 0;
  uint32_t expire_slot_ = 0;                // counted from first_slot_
  uint64_t expire_cursor_ = 0;              // where the scan of that slot goes on; 0: not begun
  UnixMillis expire_earliest_ = INT64_MAX;  // what that scan found to expire later
  // next_expiry_ is a lower bound; a round over all slots of all databases sets it anew.
  UnixMillis next_expiry_ = INT64_MAX;
  UnixMillis round_earliest_ = INT64_MAX;  // the bound of the slots that the round has passed
  size_t round_passed_ = 0;
  bool removing_expired_ = false;  // changes stamp nothing and touch nothing
  bool no_touch_ = false;
  struct Met {
    uint32_t db;
    std::string key;
  };
  static constexpr size_t kMaxMet = 64;
  std::vector<Met> met_;
  std::deque<Database> flushed_;
  std::deque<std::unique_ptr<Value>> released_;
  absl::flat_hash_map<std::string, std::vector<KeyWatch*>, StringHash, StringEq> watches_;
};

template <typename KeyAt>
void Keyspace::Prefetch(size_t count, KeyAt key_at) const {
  auto take = [&]<size_t kStep>(std::integral_constant<size_t, kStep>) {
    for (size_t i = 0; i < count; ++i) {
      const auto& [db, key] = key_at(i);
      PrefetchStep<kStep>(db, key.slot, key.hash);
    }
  };
  [&]<size_t... kStep>(std::index_sequence<kStep...>) {
    (take(std::integral_constant<size_t, kStep>()), ...);
  }
  (std::make_index_sequence<kPrefetchSteps>());
}

template <size_t kStep>
void Keyspace::PrefetchStep(uint32_t db, SlotId slot, uint64_t hash) const {
  static_assert(kStep < kPrefetchSteps);
  constexpr size_t kEntryBytes = 64;  // the rest of a longer one is read in sequence
  const DatabaseSlot* place = SlotForRead(db, slot);
  if (place == nullptr) return;
  if constexpr (kStep == 0) {
    PrefetchLine(place);
    PrefetchLine(&slot_changes_[slot - first_slot_]);
  } else if constexpr (kStep == 1) {
    place->table.PrefetchDirectory(hash);
  } else if constexpr (kStep == 2) {
    place->table.PrefetchTags(hash);
  } else if constexpr (kStep == 3) {
    place->table.PrefetchPlaces(hash);
  } else {
    place->table.PrefetchEntry(hash, kEntryBytes);
  }
}

}  // namespace flashdb
