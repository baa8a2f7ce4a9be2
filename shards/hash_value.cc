#include "shards/hash_value.h"

#include "base/check.h"
#include "base/coding.h"
#include "shards/keyspace.h"

namespace flashdb {

/// A field with the place of its bytes in `packed_`.
struct HashValue::PackedField : HashField {
  size_t begin;
  size_t end;
};

namespace {

HashField FieldOf(const FieldEntry& entry) {
  return {entry.name(), entry.value(), entry.expire_at()};
}

size_t RoundToAllocator(size_t bytes) { return (bytes + 15) / 16 * 16; }

}  // namespace

StatusOr<std::unique_ptr<HashValue>> HashValue::Decode(std::string_view image,
                                                       const EncodingLimits& limits) {
  auto hash = std::make_unique<HashValue>();
  Decoder in(image);
  const uint64_t count = in.Varint();
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string_view name = in.Bytes();
    std::string_view value = in.Bytes();
    UnixMillis expire_at = in.Signed();
    if (in.ok()) hash->Set(name, value, expire_at, limits);
  }
  if (!in.ok() || !in.empty() || count == 0 || hash->size() != count) {
    return absl::DataLossError(
        fmt::format("the image of a hash ({} bytes) is malformed", image.size()));
  }
  return hash;
}

// ---- Reading ----------------------------------------------------------------------------------

template <typename F>
void HashValue::ForEachPacked(F visit) const {
  Decoder in(packed_);
  while (!in.empty()) {
    PackedField field;
    field.begin = packed_.size() - in.rest().size();
    field.name = in.Bytes();
    field.value = in.Bytes();
    field.expire_at = packed_expiries_ ? in.Fixed<UnixMillis>() : 0;
    field.end = packed_.size() - in.rest().size();
    FLASHDB_CHECK(in.ok(), "a packed hash is damaged");
    if (!visit(field)) return;
  }
}

std::optional<HashValue::PackedField> HashValue::FindPacked(std::string_view name) const {
  std::optional<PackedField> found;
  ForEachPacked([&](const PackedField& field) {
    if (field.name == name) found = field;
    return !found.has_value();
  });
  return found;
}

size_t HashValue::CountLive(UnixMillis now) const {
  if (next_expiry() > now) return size();
  if (table_ != nullptr) return table_->size() - table_->CountExpired(now);
  size_t count = 0;
  ForEachPacked([&](const PackedField& field) {
    count += !field.Expired(now);
    return true;
  });
  return count;
}

std::optional<HashField> HashValue::Find(std::string_view name) const {
  if (table_ == nullptr) return FindPacked(name);
  const FieldEntry* entry = table_->Find(name);
  if (entry == nullptr) return std::nullopt;
  return FieldOf(*entry);
}

std::optional<HashField> HashValue::FindLive(std::string_view name, UnixMillis now) const {
  std::optional<HashField> field = Find(name);
  return field && field->Expired(now) ? std::nullopt : field;
}

void HashValue::ForEachLive(UnixMillis now, Visitor visit) const {
  if (table_ != nullptr) {
    table_->fields().ForEach([&](const FieldEntry* entry) {
      HashField field = FieldOf(*entry);
      if (!field.Expired(now)) visit(field);
    });
    return;
  }
  ForEachPacked([&](const PackedField& field) {
    if (!field.Expired(now)) visit(field);
    return true;
  });
}

uint64_t HashValue::Scan(uint64_t cursor, size_t count, UnixMillis now, Visitor visit) const {
  if (table_ == nullptr) {
    ForEachLive(now, visit);
    return 0;
  }
  return table_->fields().Scan(cursor, count, [&](const FieldEntry* entry) {
    HashField field = FieldOf(*entry);
    if (!field.Expired(now)) visit(field);
  });
}

std::optional<HashField> HashValue::RandomLive(UnixMillis now, Random& random) const {
  const size_t live = CountLive(now);
  if (live == 0) return std::nullopt;
  // Drawing until a live one comes is cheap unless most have expired.
  while (table_ != nullptr && live * 8 >= table_->size()) {
    HashField field = FieldOf(*table_->fields().RandomEntry(random));
    if (!field.Expired(now)) return field;
  }
  std::optional<HashField> chosen;
  size_t skip = random.Below(live);
  ForEachLive(now, [&](const HashField& field) {
    if (skip-- == 0) chosen = field;
  });
  return chosen;
}

UnixMillis HashValue::next_expiry() const {
  return table_ == nullptr ? packed_next_expiry_ : table_->next_expiry();
}

void HashValue::CollectExpired(UnixMillis now, size_t max, std::vector<std::string>& names) const {
  if (next_expiry() > now) return;
  const size_t limit = names.size() + max;
  if (table_ == nullptr) {
    ForEachPacked([&](const PackedField& field) {
      if (field.Expired(now)) names.emplace_back(field.name);
      return names.size() < limit;
    });
    return;
  }
  for (auto& [at, field] : table_->by_time()) {
    if (at > now || names.size() >= limit) return;
    names.emplace_back(field->name());
  }
}

std::string_view HashValue::encoding() const {
  if (table_ != nullptr) return "hashtable";
  return packed_expiries_ ? "listpackex" : "listpack";
}

// ---- Changes ----------------------------------------------------------------------------------

void HashValue::Set(std::string_view name, std::string_view value, UnixMillis expire_at,
                    const EncodingLimits& limits) {
  if (table_ == nullptr && (name.size() > limits.hash_max_listpack_value ||
                            value.size() > limits.hash_max_listpack_value)) {
    ConvertToTable();
  }
  if (table_ != nullptr) {
    table_->Set(name, value, expire_at);
    return;
  }
  if (expire_at != 0) AddExpiriesToPacked();
  std::optional<PackedField> old = FindPacked(name);
  if (!old && packed_count_ >= limits.hash_max_listpack_entries) {
    ConvertToTable();
    table_->Set(name, value, expire_at);
    return;
  }
  if (!old) {
    AppendPacked(name, value, expire_at);
    ++packed_count_;
  } else if (old->value.size() == value.size() && old->expire_at == expire_at) {
    if (!value.empty()) {
      std::memcpy(packed_.data() + (old->value.data() - packed_.data()), value.data(),
                  value.size());
    }
    return;
  } else {
    std::string tail = packed_.substr(old->end);
    packed_.resize(old->begin);
    AppendPacked(name, value, expire_at);
    packed_.append(tail);
  }
  UpdateNextExpiry();
}

bool HashValue::SetExpiry(std::string_view name, UnixMillis at) {
  if (table_ != nullptr) return table_->SetExpiry(name, at);
  if (at != 0) AddExpiriesToPacked();
  std::optional<PackedField> field = FindPacked(name);
  if (!field) return false;
  if (field->expire_at == at) return true;
  StoreLittle(packed_.data() + field->end - sizeof(at), at);
  UpdateNextExpiry();
  return true;
}

bool HashValue::Erase(std::string_view name) {
  if (table_ != nullptr) return table_->Erase(name);
  std::optional<PackedField> field = FindPacked(name);
  if (!field) return false;
  packed_.erase(field->begin, field->end - field->begin);
  --packed_count_;
  UpdateNextExpiry();
  return true;
}

void HashValue::AppendPacked(std::string_view name, std::string_view value, UnixMillis expire_at) {
  PutBytes(packed_, name);
  PutBytes(packed_, value);
  if (packed_expiries_) PutFixed(packed_, expire_at);
}

void HashValue::AddExpiriesToPacked() {
  if (packed_expiries_) return;
  std::string old;
  old.swap(packed_);
  packed_.reserve(old.size() + packed_count_ * sizeof(UnixMillis));
  packed_expiries_ = true;
  Decoder in(old);
  while (!in.empty()) {
    std::string_view name = in.Bytes();
    AppendPacked(name, in.Bytes(), 0);
  }
}

void HashValue::UpdateNextExpiry() {
  if (!packed_expiries_) return;
  packed_next_expiry_ = INT64_MAX;
  ForEachPacked([&](const PackedField& field) {
    if (field.expire_at != 0) packed_next_expiry_ = std::min(packed_next_expiry_, field.expire_at);
    return true;
  });
}

void HashValue::ConvertToTable() {
  auto table = std::make_unique<FieldTable>();
  ForEachPacked([&](const PackedField& field) {
    table->Set(field.name, field.value, field.expire_at);
    return true;
  });
  table_ = std::move(table);
  std::string().swap(packed_);
}

// ---- Memory and images ------------------------------------------------------------------------

size_t HashValue::MemoryBytes() const {
  const bool own_block = packed_.capacity() > std::string().capacity();
  return RoundToAllocator(sizeof(*this)) +
         (own_block ? RoundToAllocator(packed_.capacity() + 1) : 0) +
         (table_ == nullptr ? 0 : table_->MemoryBytes());
}

void HashValue::EncodeTo(std::string& out) const {
  PutVarint(out, size());
  ForEachLive(INT64_MIN, [&](const HashField& field) {
    PutBytes(out, field.name);
    PutBytes(out, field.value);
    PutSigned(out, field.expire_at);
  });
}

bool HashValue::ReleaseSome(size_t budget) {
  return table_ == nullptr || table_->ReleaseSome(budget);
}

}  // namespace flashdb
