#include "shards/hash_field_table.h"

#include <new>

#include "base/check.h"

namespace flashdb {
namespace {

/// What a node of the order by time costs per field, nodes being about three quarters full.
constexpr size_t kOrderBytesPerField = 22;

FieldEntry* NewField(std::string_view name, std::string_view value, UnixMillis expire_at) {
  FLASHDB_CHECK(name.size() < (size_t{1} << 31) && value.size() <= UINT32_MAX);
  FieldEntry shape{};
  shape.expires = expire_at != 0;
  shape.name_size = static_cast<uint32_t>(name.size()) & 0x7fffffffu;
  shape.value_size = static_cast<uint32_t>(value.size());
  auto* field = new (Arena::Allocate(shape.block_size())) FieldEntry(shape);
  char* to = field->body();
  if (expire_at != 0) std::memcpy(to, &expire_at, sizeof(expire_at));
  to += field->fixed_size();
  if (!name.empty()) std::memcpy(to, name.data(), name.size());
  if (!value.empty()) std::memcpy(to + name.size(), value.data(), value.size());
  return field;
}

}  // namespace

FieldTable::~FieldTable() { ReleaseSome(SIZE_MAX); }

const FieldEntry* FieldTable::Find(std::string_view name) const {
  return fields_.Find(HashBytes(name),
                      [&](const FieldEntry* field) { return field->name() == name; });
}

FieldEntry** FieldTable::FindRef(std::string_view name) {
  return fields_.FindRef(HashBytes(name),
                         [&](const FieldEntry* field) { return field->name() == name; });
}

void FieldTable::Set(std::string_view name, std::string_view value, UnixMillis expire_at) {
  FieldEntry** ref = FindRef(name);
  if (ref == nullptr) {
    FieldEntry* field = NewField(name, value, expire_at);
    fields_.Insert(HashBytes(name), field);
    Track(field);
    return;
  }
  FieldEntry& field = **ref;
  if (field.expire_at() == expire_at && field.value_size == value.size()) {
    if (!value.empty()) {
      std::memmove(field.body() + field.fixed_size() + field.name_size, value.data(), value.size());
    }
    return;
  }
  Replace(ref, NewField(name, value, expire_at));
}

bool FieldTable::SetExpiry(std::string_view name, UnixMillis at) {
  FieldEntry** ref = FindRef(name);
  if (ref == nullptr) return false;
  if ((*ref)->expire_at() != at) Replace(ref, NewField(name, (*ref)->value(), at));
  return true;
}

bool FieldTable::Erase(std::string_view name) {
  FieldEntry* field = fields_.Erase(HashBytes(name),
                                    [&](const FieldEntry* other) { return other->name() == name; });
  if (field == nullptr) return false;
  Free(field);
  return true;
}

size_t FieldTable::CountExpired(UnixMillis now) const {
  size_t count = 0;
  for (auto it = by_time_.begin(); it != by_time_.end() && it->first <= now; ++it) ++count;
  return count;
}

bool FieldTable::ReleaseSome(size_t budget) {
  return fields_.Drain(budget, [&](FieldEntry* field) { Free(field); });
}

size_t FieldTable::MemoryBytes() const {
  return sizeof(*this) + fields_.MemoryBytes() + field_bytes_ +
         by_time_.size() * kOrderBytesPerField;
}

void FieldTable::Replace(FieldEntry** ref, FieldEntry* fresh) {
  FieldEntry* old = *ref;
  *ref = fresh;
  Track(fresh);
  Free(old);
}

void FieldTable::Track(FieldEntry* field) {
  field_bytes_ += field->allocated_size();
  if (field->expires) by_time_.insert({field->expire_at(), field});
}

void FieldTable::Free(FieldEntry* field) {
  field_bytes_ -= field->allocated_size();
  if (field->expires) by_time_.erase({field->expire_at(), field});
  Arena::Free(field, field->block_size());
}

}  // namespace flashdb
