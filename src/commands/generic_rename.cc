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
  uint32_t access_seconds;
  std::string image;
};

struct Place {
  uint32_t db;
  KeyRef key;
};

std::optional<Parcel> Pack(Keyspace& keys, const Place& from, Keyspace::Touch touch) {
  const Entry* entry = keys.Find(from.db, from.key, touch);
  if (entry == nullptr) return std::nullopt;
  Parcel parcel{entry->type, entry->expire_at(), entry->access_seconds, {}};
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

/// What became of a key that is to be renamed, as far as its own shard can tell.
struct Departure {
  std::optional<Parcel> parcel;  // nothing: there is no such key
  bool arrived = false;          // the new name is here too, and the key has it now
  bool refused = false;          // the new name is here too, and taken
};

// The value keeps the time of its last use; the renaming itself is a use, but not under NO-TOUCH.
Departure Depart(Keyspace& keys, const Place& from, const Place& to, Overwrite overwrite,
                 bool no_touch) {
  Departure departure;
  departure.parcel = Pack(keys, from, Keyspace::Touch::kQuiet);
  if (!departure.parcel) return departure;
  if (!no_touch) departure.parcel->access_seconds = static_cast<uint32_t>(keys.now() / 1000);
  if (!keys.Owns(to.key.slot)) return departure;
  departure.arrived = Unpack(keys, to, *departure.parcel, overwrite);
  departure.refused = !departure.arrived;
  if (departure.arrived) {
    keys.SetAccess(to.db, to.key, departure.parcel->access_seconds);
    keys.Delete(from.db, from.key);
  }
  return departure;
}

// The visits to the other shard and back; false if the new name is taken.
Task<bool> Arrive(TransactionContext& context, const Place& from, const Place& to,
                  const Parcel& parcel, Overwrite overwrite) {
  auto unpack = [&](Keyspace& keys) {
    if (!Unpack(keys, to, parcel, overwrite)) return false;
    keys.SetAccess(to.db, to.key, parcel.access_seconds);
    return true;
  };
  bool placed = co_await context.At(to.key.slot, unpack);
  if (!placed) co_return false;
  auto remove = [&from](Keyspace& keys) { return keys.Delete(from.db, from.key); };
  co_await context.At(from.key.slot, remove);
  co_return true;
}

void ReplyRenamed(ReplyWriter& reply, Overwrite overwrite, bool renamed) {
  if (overwrite == Overwrite::kYes) return reply.Ok();
  reply.Integer(renamed ? 1 : 0);
}

Task<void> RenameTo(TransactionContext& context, Overwrite overwrite) {
  Place from{context.db, MakeKey(context.args[1])};
  Place to{context.db, MakeKey(context.args[2])};
  if (from.key.bytes == to.key.bytes) {
    auto holds = [&from](Keyspace& keys) { return Holds(keys, from); };
    bool found = co_await context.At(from.key.slot, holds);
    if (!found) co_return context.reply.Error(kNoSuchKey);
    co_return ReplyRenamed(context.reply, overwrite, false);
  }
  auto depart = [&](Keyspace& keys) { return Depart(keys, from, to, overwrite, context.no_touch); };
  Departure departure = co_await context.At(from.key.slot, depart);
  if (!departure.parcel) co_return context.reply.Error(kNoSuchKey);
  bool renamed = departure.arrived;
  if (!departure.arrived && !departure.refused) {
    renamed = co_await Arrive(context, from, to, *departure.parcel, overwrite);
  }
  ReplyRenamed(context.reply, overwrite, renamed);
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
  auto pack = [&](Keyspace& keys) { return Pack(keys, from, context.touch()); };
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
