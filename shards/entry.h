// One key and its value in memory: a single block of header, optional expiry, key bytes and either
// the value's bytes (short strings) or a pointer to a Value object.
//
//   Entry (8 B) | expire_at (8 B, if kHasExpiry) | Value* (8 B, unless kInline)
//               | key size (8 B, if kLongKey) | key | bytes
//
// Owned by the Keyspace of one shard; only that shard's thread touches it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/types.h"
#include "shards/arena.h"

namespace flashdb {

/// The types that TYPE names. The numbers are stored in the log and in images: never change one.
enum class ValueType : uint8_t { kString = 0, kHash = 1 };

/// A value too large or too structured to sit inside its Entry. Subclasses are one per family.
class Value {
 public:
  virtual ~Value() = default;
  /// Heap bytes owned, own object included. O(1).
  virtual size_t MemoryBytes() const = 0;
  /// Appends an image that the family's decoder turns back into an equal value.
  virtual void EncodeTo(std::string& out) const = 0;
  /// Frees up to `budget` elements; true when nothing is left but the object itself. Lets huge
  /// values be freed in pieces so that no delete stalls the event loop.
  virtual bool ReleaseSome(size_t budget) = 0;
  /// Elements whose release costs something (1 for a plain string).
  virtual size_t ElementCount() const = 0;
};

/// A string of its own allocation: long ones, and those that APPEND and SETRANGE grow in place.
class StringValue final : public Value {
 public:
  explicit StringValue(std::string_view from) : bytes(from) {}
  size_t MemoryBytes() const override { return sizeof(*this) + bytes.capacity(); }
  void EncodeTo(std::string& out) const override { out.append(bytes); }
  bool ReleaseSome(size_t) override { return true; }
  size_t ElementCount() const override { return 1; }

  std::string bytes;
};

struct Entry {
  enum Flag : uint8_t {
    kHasExpiry = 1,
    kInline = 2,
    kLongKey = 4,
  };
  static constexpr size_t kMaxShortKey = 0xFFFF;
  static constexpr uint32_t kAccessMask = 0xFFFFFF;

  ValueType type : 4;
  uint8_t flags : 4;
  uint32_t access_seconds : 24;  // Unix time of the last access modulo 2^24, as Redis keeps it
  uint16_t short_key_size;       // unless kLongKey
  uint16_t inline_size;          // bytes of an inline string

  bool has(Flag flag) const { return (flags & flag) != 0; }

  std::string_view key() const { return {body() + fixed_size(), key_size()}; }
  size_t key_size() const {
    uint64_t size = short_key_size;
    if (has(kLongKey)) [[unlikely]]
      std::memcpy(&size, body() + fixed_size() - sizeof(size), sizeof(size));
    return size;
  }
  /// Seconds since the last access; `now_seconds` is Unix time.
  uint32_t IdleSeconds(uint64_t now_seconds) const {
    return (static_cast<uint32_t>(now_seconds) - access_seconds) & kAccessMask;
  }

  /// Unix milliseconds, or 0 if the key never expires.
  UnixMillis expire_at() const {
    UnixMillis at = 0;
    if (has(kHasExpiry)) std::memcpy(&at, body(), sizeof(at));
    return at;
  }

  /// The value object; only where kInline is not set.
  Value* value() const {
    Value* value;
    std::memcpy(&value, body() + (has(kHasExpiry) ? 8 : 0), sizeof(value));
    return value;
  }

  /// The bytes of a string value, inline or not. Valid until the next change of the key.
  std::string_view string() const {
    if (has(kInline)) return {body() + fixed_size() + key_size(), inline_size};
    return static_cast<const StringValue*>(value())->bytes;
  }

  size_t fixed_size() const {
    return (has(kHasExpiry) ? 8u : 0u) + (has(kInline) ? 0u : 8u) + (has(kLongKey) ? 8u : 0u);
  }
  size_t block_size() const { return sizeof(Entry) + fixed_size() + key_size() + inline_size; }
  /// What the arena takes for it: an inline string may grow up to it in place.
  size_t allocated_size() const { return Arena::RoundUp(block_size()); }
  char* body() { return reinterpret_cast<char*>(this + 1); }
  const char* body() const { return reinterpret_cast<const char*>(this + 1); }
};
static_assert(sizeof(Entry) == 8);

/// Strings up to this many bytes live inside their Entry.
inline constexpr size_t kMaxInlineString = 4096;
static_assert(kMaxInlineString <= UINT16_MAX);

/// Allocates an entry with an inline string.
Entry* NewInlineEntry(std::string_view key, std::string_view bytes, UnixMillis expire_at);
/// Allocates an entry that takes over `value`.
Entry* NewObjectEntry(std::string_view key, ValueType type, Value* value, UnixMillis expire_at);
/// Overwrites an inline string (`bytes` may be a part of it) if it fits the block as it was
/// allocated; false, and nothing changed, if not.
bool OverwriteInline(Entry& entry, std::string_view bytes);
/// Changes the expiry of an entry that has one; `at` is not 0.
void OverwriteExpiry(Entry& entry, UnixMillis at);
/// Frees the block only; a value object must have been taken or deleted.
void FreeEntryBlock(Entry* entry);
/// Heap bytes of the entry with its value.
size_t EntryMemoryBytes(const Entry& entry);

}  // namespace flashdb
