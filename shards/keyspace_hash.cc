// Mutators of hashes.
#include "base/check.h"
#include "shards/hash_value.h"
#include "shards/keyspace.h"

namespace flashdb {
namespace {

/// Carries a value's growth over one change into the keyspace's count.
class MemoryMeter {
 public:
  MemoryMeter(size_t& total, const Value& value)
      : total_(total), value_(value), before_(value.MemoryBytes()) {}
  ~MemoryMeter() { total_ += value_.MemoryBytes() - before_; }
  MemoryMeter(const MemoryMeter&) = delete;
  MemoryMeter& operator=(const MemoryMeter&) = delete;

 private:
  size_t& total_;
  const Value& value_;
  const size_t before_;
};

void PutFields(std::string& out, std::span<const std::string_view> fields) {
  PutVarint(out, fields.size());
  for (std::string_view field : fields) PutBytes(out, field);
}

}  // namespace

HashValue* Keyspace::FindHash(uint32_t db, const KeyRef& key) {
  Entry** ref = FindForChange(db, key);
  if (ref == nullptr) return nullptr;
  FLASHDB_CHECK((*ref)->type == ValueType::kHash, "'{}' is not a hash", key.bytes);
  return static_cast<HashValue*>((*ref)->value());
}

HashValue& Keyspace::HashForWrite(uint32_t db, const KeyRef& key) {
  if (HashValue* found = FindHash(db, key)) return *found;
  auto* hash = new HashValue;
  InsertEntry(db, key, NewObjectEntry(key.bytes, ValueType::kHash, hash, 0));
  return *hash;
}

size_t Keyspace::HashSet(uint32_t db, const KeyRef& key, std::span<const FieldValue> pairs) {
  HashValue& hash = HashForWrite(db, key);
  size_t created = 0;
  {
    MemoryMeter meter(memory_, hash);
    for (const FieldValue& pair : pairs) {
      created += !hash.FindLive(pair.field, now_).has_value();
      hash.Set(pair.field, pair.value, 0, limits_);
    }
  }
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->Begin(EffectOp::kHashSet, db, key.bytes);
    PutVarint(out, pairs.size());
    for (const FieldValue& pair : pairs) {
      PutBytes(out, pair.field);
      PutBytes(out, pair.value);
    }
  }
  Changed(db, key);
  return created;
}

void Keyspace::HashUpdate(uint32_t db, const KeyRef& key, std::string_view field,
                          std::string_view value) {
  HashValue* hash = FindHash(db, key);
  std::optional<HashField> old;
  if (hash != nullptr) old = hash->FindLive(field, now_);
  const UnixMillis expire_at = old ? old->expire_at : 0;
  const FieldValue pair{field, value};
  HashSet(db, key, {&pair, 1});
  if (expire_at != 0) HashExpire(db, key, {&field, 1}, expire_at);
}

size_t Keyspace::HashDelete(uint32_t db, const KeyRef& key,
                            std::span<const std::string_view> fields) {
  HashValue* hash = FindHash(db, key);
  if (hash == nullptr) return 0;
  std::vector<std::string_view> erased;
  {
    MemoryMeter meter(memory_, *hash);
    for (std::string_view name : fields) {
      if (hash->Erase(name)) erased.push_back(name);
    }
  }
  if (erased.empty()) return 0;
  if (EffectSink* log = ActiveSink()) {
    PutFields(log->Begin(EffectOp::kHashDelete, db, key.bytes), erased);
  }
  Changed(db, key);
  // Replay does the same: the log needs no word of it.
  if (hash->size() == 0) RemoveEntry(db, key);
  return erased.size();
}

void Keyspace::HashExpire(uint32_t db, const KeyRef& key, std::span<const std::string_view> fields,
                          UnixMillis at) {
  if (at != 0 && at <= now_ && !replaying_) {
    HashDelete(db, key, fields);
    return;
  }
  HashValue* hash = FindHash(db, key);
  if (hash == nullptr) return;
  std::vector<std::string_view> changed;
  {
    MemoryMeter meter(memory_, *hash);
    for (std::string_view name : fields) {
      std::optional<HashField> field = hash->Find(name);
      if (!field || field->expire_at == at || (!replaying_ && field->Expired(now_))) continue;
      hash->SetExpiry(name, at);
      changed.push_back(name);
    }
  }
  if (changed.empty()) return;
  NoteExpiry(db, key.slot, at);
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->Begin(EffectOp::kHashExpire, db, key.bytes);
    PutSigned(out, at);
    PutFields(out, changed);
  }
  Changed(db, key);
}

}  // namespace flashdb
