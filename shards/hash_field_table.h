// The fields of a large hash: one allocation per field in a HashTable, and the fields that expire
// in the order of their time.
#pragma once

#include <absl/container/btree_set.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.h"
#include "base/types.h"
#include "shards/arena.h"
#include "shards/hash_table.h"

namespace flashdb {

/// FieldEntry (8 B) | expire_at (8 B, if it expires) | name | value
struct FieldEntry {
  uint32_t expires : 1;
  uint32_t name_size : 31;
  uint32_t value_size;

  std::string_view name() const { return {body() + fixed_size(), name_size}; }
  std::string_view value() const { return {body() + fixed_size() + name_size, value_size}; }
  UnixMillis expire_at() const {
    UnixMillis at = 0;
    if (expires) std::memcpy(&at, body(), sizeof(at));
    return at;
  }
  size_t fixed_size() const { return expires ? 8 : 0; }
  size_t block_size() const { return sizeof(FieldEntry) + fixed_size() + name_size + value_size; }
  size_t allocated_size() const { return Arena::RoundUp(block_size()); }
  char* body() { return reinterpret_cast<char*>(this + 1); }
  const char* body() const { return reinterpret_cast<const char*>(this + 1); }
};
static_assert(sizeof(FieldEntry) == 8);

class FieldTable {
 public:
  FieldTable() = default;
  ~FieldTable();
  FieldTable(const FieldTable&) = delete;
  FieldTable& operator=(const FieldTable&) = delete;

  size_t size() const { return fields_.size(); }
  const FieldEntry* Find(std::string_view name) const;
  void Set(std::string_view name, std::string_view value, UnixMillis expire_at);
  bool SetExpiry(std::string_view name, UnixMillis at);
  bool Erase(std::string_view name);
  /// INT64_MAX if no field expires.
  UnixMillis next_expiry() const { return by_time_.empty() ? INT64_MAX : by_time_.begin()->first; }
  size_t CountExpired(UnixMillis now) const;
  /// Frees up to `budget` fields; true when none is left.
  bool ReleaseSome(size_t budget);
  size_t MemoryBytes() const;

  struct Traits {
    using Entry = FieldEntry;
    static uint64_t Hash(const FieldEntry* field) { return HashBytes(field->name()); }
  };
  const HashTable<Traits>& fields() const { return fields_; }
  /// The fields that expire, earliest first.
  using ByTime = absl::btree_set<std::pair<UnixMillis, FieldEntry*>>;
  const ByTime& by_time() const { return by_time_; }

 private:
  FieldEntry** FindRef(std::string_view name);
  void Replace(FieldEntry** ref, FieldEntry* fresh);
  void Track(FieldEntry* field);
  void Free(FieldEntry* field);

  HashTable<Traits> fields_;
  ByTime by_time_;
  size_t field_bytes_ = 0;
};

}  // namespace flashdb
