#include "shards/entry.h"

#include <new>

namespace flashdb {
namespace {

Entry* NewBlock(std::string_view key, ValueType type, uint8_t flags, size_t inline_size,
                UnixMillis expire_at) {
  Entry shape{};
  shape.type = type;
  shape.flags = static_cast<uint8_t>(flags | (expire_at != 0 ? Entry::kHasExpiry : 0));
  shape.key_size = static_cast<uint32_t>(key.size());
  shape.inline_size = static_cast<uint32_t>(inline_size);
  auto* entry = new (::operator new(shape.allocated_size())) Entry(shape);
  if (expire_at != 0) std::memcpy(entry->body(), &expire_at, sizeof(expire_at));
  if (!key.empty()) std::memcpy(entry->body() + entry->fixed_size(), key.data(), key.size());
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
  Entry shape = entry;
  shape.inline_size = static_cast<uint32_t>(bytes.size());
  if (shape.allocated_size() != entry.allocated_size()) return false;
  if (!bytes.empty()) {
    std::memmove(entry.body() + entry.fixed_size() + entry.key_size, bytes.data(), bytes.size());
  }
  entry.inline_size = shape.inline_size;
  return true;
}

void OverwriteExpiry(Entry& entry, UnixMillis at) { std::memcpy(entry.body(), &at, sizeof(at)); }

void FreeEntryBlock(Entry* entry) { ::operator delete(entry); }

size_t EntryMemoryBytes(const Entry& entry) {
  return entry.allocated_size() + (entry.has(Entry::kInline) ? 0 : entry.value()->MemoryBytes());
}

}  // namespace flashdb
