// Mutators of strings.
#include "base/check.h"
#include "shards/keyspace.h"

namespace flashdb {
namespace {

/// A long string is overwritten in place unless that would keep more than twice the memory.
bool KeepsAllocation(const StringValue& value, std::string_view bytes) {
  return bytes.size() > kMaxInlineString && bytes.size() <= value.bytes.capacity() &&
         bytes.size() >= value.bytes.capacity() / 2;
}

Entry* NewStringEntry(std::string_view key, std::string_view bytes, UnixMillis expire_at) {
  if (bytes.size() <= kMaxInlineString) return NewInlineEntry(key, bytes, expire_at);
  return NewObjectEntry(key, ValueType::kString, new StringValue(bytes), expire_at);
}

/// False, and nothing changed, if the value needs an entry of another shape or size.
bool OverwriteInPlace(Entry& entry, std::string_view bytes, UnixMillis expire_at) {
  if (entry.type != ValueType::kString || entry.has(Entry::kHasExpiry) != (expire_at != 0)) {
    return false;
  }
  if (entry.has(Entry::kInline)) {
    if (!OverwriteInline(entry, bytes)) return false;
  } else {
    auto& value = static_cast<StringValue&>(*entry.value());
    if (!KeepsAllocation(value, bytes)) return false;
    value.bytes.assign(bytes);
  }
  if (expire_at != 0) OverwriteExpiry(entry, expire_at);
  return true;
}

}  // namespace

void Keyspace::SetString(uint32_t db, const KeyRef& key, std::string_view bytes,
                         UnixMillis expire_at) {
  SetStringAt(db, key, FindRef(db, key), bytes, expire_at);
}

void Keyspace::UpdateString(uint32_t db, const KeyRef& key, std::string_view bytes) {
  Entry** ref = FindForChange(db, key);
  SetStringAt(db, key, ref, bytes, ref == nullptr ? 0 : (*ref)->expire_at());
}

void Keyspace::SetStringAt(uint32_t db, const KeyRef& key, Entry** ref, std::string_view bytes,
                           UnixMillis expire_at) {
  // Logged first: `bytes` may be a view of the very value that is about to be overwritten.
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->Begin(EffectOp::kSetString, db, key.bytes);
    PutSigned(out, expire_at);
    PutBytes(out, bytes);
  }
  PutStringAt(db, key, ref, bytes, expire_at);
  Changed(db, key);
}

void Keyspace::PutStringAt(uint32_t db, const KeyRef& key, Entry** ref, std::string_view bytes,
                           UnixMillis expire_at) {
  if (ref == nullptr) {
    InsertEntry(db, key, NewStringEntry(key.bytes, bytes, expire_at));
    return;
  }
  if (Expired(**ref) && !replaying_) ++stats_.expired_keys;
  if (!OverwriteInPlace(**ref, bytes, expire_at)) {
    ReplaceEntry(db, ref, NewStringEntry(key.bytes, bytes, expire_at), false);
  }
  (*ref)->access_seconds = now_seconds_;
  NoteExpiry(db, key.slot, expire_at);
}

size_t Keyspace::AppendString(uint32_t db, const KeyRef& key, std::string_view bytes) {
  Entry** ref = FindForChange(db, key);
  if (ref != nullptr && bytes.empty()) return (*ref)->string().size();
  if (EffectSink* log = ActiveSink()) {
    PutBytes(log->Begin(EffectOp::kAppend, db, key.bytes), bytes);
  }
  size_t size = bytes.size();
  if (ref == nullptr) {
    PutStringAt(db, key, nullptr, bytes, 0);
  } else {
    StringValue& value = MakeStringValue(db, ref);
    const size_t before = value.MemoryBytes();
    value.bytes.append(bytes);
    memory_ += value.MemoryBytes() - before;
    size = value.bytes.size();
  }
  Changed(db, key);
  return size;
}

size_t Keyspace::OverwriteString(uint32_t db, const KeyRef& key, size_t offset,
                                 std::string_view bytes) {
  Entry** ref = FindForChange(db, key);
  if (bytes.empty()) return ref == nullptr ? 0 : (*ref)->string().size();
  if (EffectSink* log = ActiveSink()) {
    std::string& out = log->Begin(EffectOp::kSetRange, db, key.bytes);
    PutVarint(out, offset);
    PutBytes(out, bytes);
  }
  if (ref == nullptr) {
    PutStringAt(db, key, nullptr, {}, 0);
    ref = FindRef(db, key);
  }
  StringValue& value = MakeStringValue(db, ref);
  const size_t before = value.MemoryBytes();
  if (value.bytes.size() < offset + bytes.size()) value.bytes.resize(offset + bytes.size());
  value.bytes.replace(offset, bytes.size(), bytes);
  memory_ += value.MemoryBytes() - before;
  Changed(db, key);
  return value.bytes.size();
}

StringValue& Keyspace::MakeStringValue(uint32_t db, Entry** ref) {
  Entry& entry = **ref;
  FLASHDB_CHECK(entry.type == ValueType::kString);
  if (entry.has(Entry::kInline)) {
    auto* value = new StringValue(entry.string());
    Entry* fresh = NewObjectEntry(entry.key(), ValueType::kString, value, entry.expire_at());
    ReplaceEntry(db, ref, fresh, false);
  }
  return static_cast<StringValue&>(*(*ref)->value());
}

}  // namespace flashdb
