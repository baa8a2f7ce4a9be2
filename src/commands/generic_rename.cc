// RENAME, RENAMENX, COPY. Source and destination may live on different shards: the value travels as
// an image, while both slots are locked.
#include <string>

#include "base/check.h"
#include "base/numbers.h"
#include "commands/generic.h"
#include "shards/transaction.h"

namespace flashdb::generic {
namespace {

struct Parcel {
  ValueType type;
  UnixMillis expire_at;
  std::string image;
};

struct Place {
  uint32_t db;
  KeyRef key;
};

std::optional<Parcel> Pack(Keyspace& keys, const Place& from, Keyspace::Touch touch) {
  const Entry* entry = keys.Find(from.db, from.key, touch);
  if (entry == nullptr) return std::nullopt;
  Parcel parcel{entry->type, entry->expire_at(), {}};
  Keyspace::EncodeValue(*entry, parcel.image);
  return parcel;
}

bool Holds(Keyspace& keys, const Place& place) {
  return keys.Find(place.db, place.key, Keyspace::Touch::kQuiet) != nullptr;
}

enum class Overwrite : bool { kNo, kYes };

// False if there is a key at `to` that must stay.
bool Unpack(Keyspace& keys, const Place& to, const Parcel& parcel, Overwrite overwrite) {
  if (overwrite == Overwrite::kNo && Holds(keys, to)) return false;
  Status restored = keys.Restore(to.db, to.key, parcel.type, parcel.image, parcel.expire_at);
  FLASHDB_CHECK(restored.ok(), "a value's own image is refused: {}", MessageOf(restored));
  return true;
}

Task<void> RenameTo(TransactionContext& context, Overwrite overwrite) {
  Place from{context.db, MakeKey(context.args[1])};
  Place to{context.db, MakeKey(context.args[2])};
  bool same = from.key.bytes == to.key.bytes;

  if (same) {
    auto holds = [&from](Keyspace& keys) { return Holds(keys, from); };
    bool found = co_await context.At(from.key.slot, holds);
    if (!found) {
      context.reply.Error(kNoSuchKey);
    } else if (overwrite == Overwrite::kYes) {
      context.reply.Ok();
    } else {
      context.reply.Integer(0);
    }
    co_return;
  }

  auto pack = [&from](Keyspace& keys) { return Pack(keys, from, Keyspace::Touch::kQuiet); };
  std::optional<Parcel> parcel = co_await context.At(from.key.slot, pack);
  if (!parcel) {
    context.reply.Error(kNoSuchKey);
    co_return;
  }
  auto unpack = [&](Keyspace& keys) { return Unpack(keys, to, *parcel, overwrite); };
  bool placed = co_await context.At(to.key.slot, unpack);
  if (placed) {
    auto remove = [&from](Keyspace& keys) { return keys.Delete(from.db, from.key); };
    co_await context.At(from.key.slot, remove);
  }
  if (overwrite == Overwrite::kYes) {
    context.reply.Ok();
  } else {
    context.reply.Integer(placed ? 1 : 0);
  }
}

struct CopyOptions {
  uint32_t db;
  Overwrite overwrite = Overwrite::kNo;
};

std::optional<CopyOptions> ParseCopyOptions(const TransactionContext& context) {
  CopyOptions options{.db = context.db};
  ArgView args = context.args;
  for (size_t i = 3; i < args.size(); ++i) {
    if (EqualsIgnoreCase(args[i], "REPLACE")) {
      options.overwrite = Overwrite::kYes;
    } else if (EqualsIgnoreCase(args[i], "DB") && i + 1 < args.size()) {
      std::optional<uint32_t> db = ParseDatabase(args[++i], context.reply);
      if (!db) return std::nullopt;
      options.db = *db;
    } else {
      context.reply.Error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

Task<void> Rename(TransactionContext& context) { return RenameTo(context, Overwrite::kYes); }

Task<void> RenameNx(TransactionContext& context) { return RenameTo(context, Overwrite::kNo); }

Task<void> Copy(TransactionContext& context) {
  std::optional<CopyOptions> options = ParseCopyOptions(context);
  if (!options) co_return;
  Place from{context.db, MakeKey(context.args[1])};
  Place to{options->db, MakeKey(context.args[2])};
  if (from.db == to.db && from.key.bytes == to.key.bytes) {
    context.reply.Error(kSameObject);
    co_return;
  }
  auto pack = [&from](Keyspace& keys) { return Pack(keys, from, Keyspace::Touch::kYes); };
  std::optional<Parcel> parcel = co_await context.At(from.key.slot, pack);
  if (!parcel) {
    context.reply.Integer(0);
    co_return;
  }
  auto unpack = [&](Keyspace& keys) { return Unpack(keys, to, *parcel, options->overwrite); };
  bool placed = co_await context.At(to.key.slot, unpack);
  context.reply.Integer(placed ? 1 : 0);
}

}  // namespace flashdb::generic
