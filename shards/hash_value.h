// A hash: fields with values, each with an optional expiry.
//
// Small ones are packed into one block of bytes, searched from the front; beyond the limits they
// become a table with one allocation per field, and stay one. The limits and the names of the
// encodings are those of Redis (hash-max-listpack-*, OBJECT ENCODING).
//
// No function asks the clock: who wants expired fields hidden passes `now`.
#pragma once

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "base/types.h"
#include "shards/entry.h"
#include "shards/hash_field_table.h"

namespace flashdb {

struct EncodingLimits;

/// Views, valid until the hash changes.
struct HashField {
  std::string_view name;
  std::string_view value;
  UnixMillis expire_at = 0;  // 0 = never

  bool Expired(UnixMillis now) const { return expire_at != 0 && expire_at <= now; }
};

class HashValue final : public Value {
 public:
  using Visitor = absl::FunctionRef<void(const HashField&)>;

  HashValue() = default;
  /// Reads an image by EncodeTo. DataLoss if it is malformed, has no field or one of them twice.
  static StatusOr<std::unique_ptr<HashValue>> Decode(std::string_view image,
                                                     const EncodingLimits& limits);

  /// Fields, those included that have expired and that nobody has removed yet.
  size_t size() const { return table_ == nullptr ? packed_count_ : table_->size(); }
  /// Fields that have not expired. O(1) if none has.
  size_t CountLive(UnixMillis now) const;
  /// The field, expired or not.
  std::optional<HashField> Find(std::string_view name) const;
  /// The field, unless it has expired.
  std::optional<HashField> FindLive(std::string_view name, UnixMillis now) const;
  /// Visits the fields that have not expired; packed ones in the order of their creation.
  void ForEachLive(UnixMillis now, Visitor visit) const;
  /// Scans with the guarantees of Redis's SCAN, as HashTable::Scan does; all at once if packed.
  uint64_t Scan(uint64_t cursor, size_t count, UnixMillis now, Visitor visit) const;
  /// A random field that has not expired; nothing if there is none.
  std::optional<HashField> RandomLive(UnixMillis now, Random& random) const;
  /// No field expires earlier; INT64_MAX if none ever does.
  UnixMillis next_expiry() const;
  /// Appends the names of up to `max` fields that have expired.
  void CollectExpired(UnixMillis now, size_t max, std::vector<std::string>& names) const;
  /// "listpack", "listpackex" (packed, a field has or had an expiry) or "hashtable".
  std::string_view encoding() const;

  /// Sets the field and its expiry (0 = none). `name` and `value` are not views of this hash.
  void Set(std::string_view name, std::string_view value, UnixMillis expire_at,
           const EncodingLimits& limits);
  /// False if there is no such field.
  bool SetExpiry(std::string_view name, UnixMillis at);
  bool Erase(std::string_view name);

  size_t MemoryBytes() const override;
  /// varint n, then n x (name, value, signed expiry).
  void EncodeTo(std::string& out) const override;
  bool ReleaseSome(size_t budget) override;
  size_t ElementCount() const override { return size(); }

 private:
  struct PackedField;
  std::optional<PackedField> FindPacked(std::string_view name) const;
  template <typename F>
  void ForEachPacked(F visit) const;
  void AppendPacked(std::string_view name, std::string_view value, UnixMillis expire_at);
  void AddExpiriesToPacked();
  void UpdateNextExpiry();
  void ConvertToTable();

  // name length, name, value length, value (varint lengths), then expiry (8 B) if packed_expiries_
  std::string packed_;
  uint32_t packed_count_ = 0;
  bool packed_expiries_ = false;
  UnixMillis packed_next_expiry_ = INT64_MAX;
  std::unique_ptr<FieldTable> table_;  // set: the packed members are unused
};

/// The entry's hash; nullptr if it holds something else.
inline const HashValue* HashOf(const Entry& entry) {
  return entry.type == ValueType::kHash ? static_cast<const HashValue*>(entry.value()) : nullptr;
}

}  // namespace flashdb
