#include "shards/entry.h"

#include <new>

namespace flashdb {
namespace {

Entry* NewBlock(std::string_view key, ValueType type, int flags, size_t inline_size,
                UnixMillis expire_at) {
  bool long_key = key.size() > Entry::kMaxShortKey;
  flags |= (expire_at != 0 ? Entry::kHasExpiry : 0) | (long_key ? Entry::kLongKey : 0);
  Entry shape{.type = type,
              .flags = static_cast<uint8_t>(flags & 0xF),
              .access_seconds = 0,
              .short_key_size = static_cast<uint16_t>(long_key ? 0 : key.size()),
              .inline_size = static_cast<uint16_t>(inline_size)};
  size_t bytes = sizeof(Entry) + shape.fixed_size() + key.size() + inline_size;
  auto* entry = new (Arena::Allocate(bytes)) Entry(shape);
  if (expire_at != 0) std::memcpy(entry->body(), &expire_at, sizeof(expire_at));
  char* end = entry->body() + entry->fixed_size();
  uint64_t size = key.size();
  if (long_key) std::memcpy(end - sizeof(size), &size, sizeof(size));
  if (!key.empty()) std::memcpy(end, key.data(), key.size());
  return entry;
}

}  // namespace

Entry* NewInlineEntry(std::string_view key, std::string_view bytes, UnixMillis expire_at) {
  Entry* entry = NewBlock(key, ValueType::kString, Entry::kInline, bytes.size(), expire_at);
  if (!bytes.empty()) {
    std::memcpy(entry->body() + entry->fixed_size() + key.size(), bytes.data(), bytes.size());
  }
  return entry;
}

Entry* NewObjectEntry(std::string_view key, ValueType type, Value* value, UnixMillis expire_at) {
  Entry* entry = NewBlock(key, type, 0, 0, expire_at);
  std::memcpy(entry->body() + (expire_at != 0 ? 8 : 0), &value, sizeof(value));
  return entry;
}

bool OverwriteInline(Entry& entry, std::string_view bytes) {
  if (bytes.size() > kMaxInlineString) return false;
  size_t fixed = entry.block_size() - entry.inline_size;
  if (Arena::RoundUp(fixed + bytes.size()) != entry.allocated_size()) return false;
  if (!bytes.empty()) {
    std::memmove(entry.body() + entry.fixed_size() + entry.key_size(), bytes.data(), bytes.size());
  }
  entry.inline_size = static_cast<uint16_t>(bytes.size());
  return true;
}

void OverwriteExpiry(Entry& entry, UnixMillis at) { std::memcpy(entry.body(), &at, sizeof(at)); }

void FreeEntryBlock(Entry* entry) { Arena::Free(entry, entry->block_size()); }

size_t EntryMemoryBytes(const Entry& entry) {
  return entry.allocated_size() + (entry.has(Entry::kInline) ? 0 : entry.value()->MemoryBytes());
}

}  // namespace flashdb
