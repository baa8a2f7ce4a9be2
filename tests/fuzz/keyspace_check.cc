#include "tests/fuzz/keyspace_check.h"

#include "base/check.h"
#include "base/coding.h"

namespace flashdb::fuzz {
namespace {

// Fields of a hash have no order that replay keeps, and an encoding says nothing of the value.
std::string SortedFields(std::string_view image) {
  std::map<std::string, std::pair<std::string, UnixMillis>> fields;
  Decoder in(image);
  for (uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    std::string name(in.Bytes());
    std::string value(in.Bytes());
    fields[name] = {std::move(value), in.Signed()};
  }
  FLASHDB_CHECK(in.ok() && in.empty() && !fields.empty(), "the image of a hash is malformed");
  std::string out;
  for (const auto& [name, field] : fields) {
    PutBytes(out, name);
    PutBytes(out, field.first);
    PutSigned(out, field.second);
  }
  return out;
}

std::string Describe(const Contents::value_type& entry) {
  const auto& [type, expire_at, value] = entry.second;
  return fmt::format("database {} key '{}' type {} expiry {} value of {} bytes '{:.80}'",
                     entry.first.first, entry.first.second, type, expire_at, value.size(), value);
}

}  // namespace

void AddContents(Keyspace& keys, Contents& contents) {
  keys.SetNow(INT64_MIN);  // nothing has expired by then, so that walks show everything
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    size_t count = 0;
    size_t expiring = 0;
    keys.ForEach(db, [&](const Entry& entry) {
      std::string image;
      Keyspace::EncodeValue(entry, image);
      if (entry.type == ValueType::kHash) image = SortedFields(image);
      ++count;
      expiring += entry.expire_at() != 0;
      contents[{db, std::string(entry.key())}] = {static_cast<int>(entry.type), entry.expire_at(),
                                                  std::move(image)};
      const Entry* found = keys.Find(db, MakeKey(entry.key()), Keyspace::Touch::kQuiet);
      FLASHDB_CHECK(found == &entry, "a key that a walk shows is not found");
    });
    FLASHDB_CHECK(count == keys.Size(db), "database {} counts {} keys and has {}", db,
                  keys.Size(db), count);
    FLASHDB_CHECK(expiring == keys.VolatileSize(db), "database {} counts {} expiries and has {}",
                  db, keys.VolatileSize(db), expiring);
  }
  (void)keys.TakeGate();
}

void CheckMemoryComesBack(Keyspace& keys) {
  for (uint32_t db = 0; db < kDatabaseCount; ++db) keys.Flush(db);
  while (!keys.ReleaseSome(1000)) {
  }
  // A database that was used keeps its slots.
  const size_t slots = sizeof(Keyspace::DatabaseSlot) * (keys.end_slot() - keys.first_slot());
  const size_t left = keys.MemoryBytes();
  FLASHDB_CHECK(left % slots == 0 && left / slots <= kDatabaseCount,
                "an empty keyspace accounts for {} bytes", static_cast<int64_t>(left));
  keys.sink().Clear();
}

void CheckEqual(const Contents& expected, const Contents& actual, std::string_view what) {
  for (const auto& entry : expected) {
    auto found = actual.find(entry.first);
    FLASHDB_CHECK(found != actual.end(), "{}: missing is {}", what, Describe(entry));
    FLASHDB_CHECK(found->second == entry.second, "{}: expected {}, found {}", what, Describe(entry),
                  Describe(*found));
  }
  for (const auto& entry : actual) {
    FLASHDB_CHECK(expected.contains(entry.first), "{}: too much is {}", what, Describe(entry));
  }
}

}  // namespace flashdb::fuzz
