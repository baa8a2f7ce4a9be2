// The hash family: its rows, and the commands that get and set fields.
#include "commands/hashes.h"

#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>

#include <cmath>
#include <string>

#include "base/numbers.h"

namespace flashdb {

std::optional<const HashValue*> FindHash(CommandContext& context, Keyspace::Touch touch) {
  const Entry* entry = context.keys.Find(context.db, context.key, touch);
  if (entry == nullptr) return nullptr;
  const HashValue* hash = HashOf(*entry);
  if (hash == nullptr) {
    context.reply.Error(kWrongType);
    return std::nullopt;
  }
  return hash;
}

std::optional<ArgView> ParseFields(CommandContext& context, size_t at,
                                   std::string_view count_error) {
  const ArgView args = context.args;
  if (at >= args.size() || !EqualsIgnoreCase(args[at], "fields")) {
    context.reply.Error("ERR Mandatory argument FIELDS is missing or not at the right position");
    return std::nullopt;
  }
  const std::optional<int64_t> count =
      at + 1 < args.size() ? ParseInt64(args[at + 1]) : std::nullopt;
  if (!count || *count < 1) {
    context.reply.Error(count_error);
    return std::nullopt;
  }
  if (static_cast<uint64_t>(*count) != args.size() - at - 2) {
    context.reply.Error("ERR The `numfields` parameter must match the number of arguments");
    return std::nullopt;
  }
  return args.subspan(at + 2);
}

namespace {

using enum Keyspace::Touch;

std::optional<HashField> FieldOf(const CommandContext& context, const HashValue* hash,
                                 std::string_view name) {
  if (hash == nullptr) return std::nullopt;
  return hash->FindLive(name, context.now());
}

void ReplyValue(CommandContext& context, const std::optional<HashField>& field) {
  if (field) {
    context.reply.Bulk(field->value);
  } else {
    context.reply.Null();
  }
}

// ---- Setting ----------------------------------------------------------------------------------

/// Sets all pairs of the command; nothing if it is malformed (replied).
std::optional<size_t> SetPairs(CommandContext& context, std::string_view name) {
  const ArgView args = context.args;
  if (args.size() % 2 != 0) {
    context.reply.Error(fmt::format("ERR wrong number of arguments for '{}' command", name));
    return std::nullopt;
  }
  if (!FindHash(context, kQuiet)) return std::nullopt;
  absl::InlinedVector<Keyspace::FieldValue, 8> pairs;
  for (size_t i = 2; i < args.size(); i += 2) pairs.push_back({args[i], args[i + 1]});
  return context.keys.HashSet(context.db, context.key, pairs);
}

void RunHSet(CommandContext& context) {
  const std::optional<size_t> created = SetPairs(context, "hset");
  if (created) context.reply.Integer(static_cast<int64_t>(*created));
}

void RunHMSet(CommandContext& context) {
  if (SetPairs(context, "hmset")) context.reply.Ok();
}

void RunHSetNx(CommandContext& context) {
  const auto hash = FindHash(context, kQuiet);
  if (!hash) return;
  if (FieldOf(context, *hash, context.args[2])) {
    context.reply.Integer(0);
    return;
  }
  const Keyspace::FieldValue pair{context.args[2], context.args[3]};
  context.keys.HashSet(context.db, context.key, {&pair, 1});
  context.reply.Integer(1);
}

void RunHIncrBy(CommandContext& context) {
  const std::optional<int64_t> increment = ParseInt64(context.args[3]);
  if (!increment) return context.reply.Error(kNotInteger);
  const auto hash = FindHash(context, kQuiet);
  if (!hash) return;
  int64_t value = 0;
  if (const auto field = FieldOf(context, *hash, context.args[2])) {
    const std::optional<int64_t> old = ParseInt64(field->value);
    if (!old) return context.reply.Error("ERR hash value is not an integer");
    value = *old;
  }
  if (__builtin_add_overflow(value, *increment, &value)) {
    return context.reply.Error("ERR increment or decrement would overflow");
  }
  char digits[kMaxIntegerChars];
  context.keys.HashUpdate(context.db, context.key, context.args[2],
                          {digits, FormatInt64(value, digits)});
  context.reply.Integer(value);
}

void RunHIncrByFloat(CommandContext& context) {
  const std::optional<long double> increment = ParseLongDouble(context.args[3]);
  if (!increment) return context.reply.Error(kNotFloat);
  if (!std::isfinite(*increment)) return context.reply.Error("ERR value is NaN or Infinity");
  const auto hash = FindHash(context, kQuiet);
  if (!hash) return;
  long double value = *increment;
  if (const auto field = FieldOf(context, *hash, context.args[2])) {
    const std::optional<long double> old = ParseLongDouble(field->value);
    if (!old) return context.reply.Error("ERR hash value is not a float");
    value += *old;
  }
  if (!std::isfinite(value)) {
    return context.reply.Error("ERR increment would produce NaN or Infinity");
  }
  const std::string text = FormatLongDouble(value);
  context.keys.HashUpdate(context.db, context.key, context.args[2], text);
  context.reply.Bulk(text);
}

void RunHDel(CommandContext& context) {
  if (!FindHash(context, kQuiet)) return;
  const size_t deleted = context.keys.HashDelete(context.db, context.key, context.args.subspan(2));
  context.reply.Integer(static_cast<int64_t>(deleted));
}

void RunHGetDel(CommandContext& context) {
  const auto hash = FindHash(context, kQuiet);
  if (!hash) return;
  const auto fields = ParseFields(context, 2, "ERR Number of fields must be a positive integer");
  if (!fields) return;
  context.reply.Array(fields->size());
  absl::flat_hash_set<std::string_view> seen;
  for (std::string_view name : *fields) {
    // A field that is named twice is gone the second time.
    const bool first = seen.insert(name).second;
    ReplyValue(context, first ? FieldOf(context, *hash, name) : std::nullopt);
  }
  context.keys.HashDelete(context.db, context.key, *fields);
}

// ---- Getting ----------------------------------------------------------------------------------

void RunHGet(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (hash) ReplyValue(context, FieldOf(context, *hash, context.args[2]));
}

void RunHMGet(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  context.reply.Array(context.args.size() - 2);
  for (std::string_view name : context.args.subspan(2)) {
    ReplyValue(context, FieldOf(context, *hash, name));
  }
}

void RunHGetAll(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  const UnixMillis now = context.now();
  context.reply.Map(*hash == nullptr ? 0 : (*hash)->CountLive(now));
  if (*hash == nullptr) return;
  (*hash)->ForEachLive(now, [&](const HashField& field) {
    context.reply.Bulk(field.name);
    context.reply.Bulk(field.value);
  });
}

void ReplyColumn(CommandContext& context, std::string_view HashField::*column) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  const UnixMillis now = context.now();
  context.reply.Array(*hash == nullptr ? 0 : (*hash)->CountLive(now));
  if (*hash == nullptr) return;
  (*hash)->ForEachLive(now, [&](const HashField& field) { context.reply.Bulk(field.*column); });
}

void RunHKeys(CommandContext& context) { ReplyColumn(context, &HashField::name); }
void RunHVals(CommandContext& context) { ReplyColumn(context, &HashField::value); }

// Like Redis, counts fields that have expired as long as they have not been removed.
void RunHLen(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (hash) context.reply.Integer(*hash == nullptr ? 0 : static_cast<int64_t>((*hash)->size()));
}

void RunHStrLen(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  const auto field = FieldOf(context, *hash, context.args[2]);
  context.reply.Integer(field ? static_cast<int64_t>(field->value.size()) : 0);
}

void RunHExists(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (hash) context.reply.Integer(FieldOf(context, *hash, context.args[2]) ? 1 : 0);
}

// ---- Rows -------------------------------------------------------------------------------------

constexpr KeyRange kFirst = {1, 1, 1};
constexpr uint32_t kSets = kWrite | kDenyOom | kFast;
constexpr uint32_t kGets = kReadOnly | kFast;

constexpr CommandDoc Doc(std::string_view summary, std::string_view since,
                         std::string_view complexity) {
  return {summary, since, "hash", complexity};
}

constexpr std::string_view kOne = "O(1)";
constexpr std::string_view kPerField = "O(N) where N is the number of fields given.";
constexpr std::string_view kWhole = "O(N) where N is the size of the hash.";

constexpr Command kRows[] = {
    Local("hset", -4, kSets, kFirst, RunHSet,
          Doc("Sets fields of a hash and counts the new ones.", "2.0.0", kPerField)),
    Local("hmset", -4, kSets, kFirst, RunHMSet, Doc("Sets fields of a hash.", "2.0.0", kPerField)),
    Local("hsetnx", 4, kSets, kFirst, RunHSetNx,
          Doc("Sets a field of a hash only if it is not there yet.", "2.0.0", kOne)),
    Local("hget", 3, kGets, kFirst, RunHGet,
          Doc("Tells the value of a field of a hash.", "2.0.0", kOne)),
    Local("hmget", -3, kGets, kFirst, RunHMGet,
          Doc("Tells the values of several fields of a hash.", "2.0.0", kPerField)),
    Local("hgetall", 2, kReadOnly, kFirst, RunHGetAll,
          Doc("Tells all fields and values of a hash.", "2.0.0", kWhole)),
    Local("hkeys", 2, kReadOnly, kFirst, RunHKeys,
          Doc("Tells all fields of a hash.", "2.0.0", kWhole)),
    Local("hvals", 2, kReadOnly, kFirst, RunHVals,
          Doc("Tells all values of a hash.", "2.0.0", kWhole)),
    Local("hlen", 2, kGets, kFirst, RunHLen, Doc("Counts the fields of a hash.", "2.0.0", kOne)),
    Local("hstrlen", 3, kGets, kFirst, RunHStrLen,
          Doc("Tells the length of a field's value.", "3.2.0", kOne)),
    Local("hexists", 3, kGets, kFirst, RunHExists,
          Doc("Tells whether a hash has a field.", "2.0.0", kOne)),
    Local("hdel", -3, kWrite | kFast, kFirst, RunHDel,
          Doc("Deletes fields of a hash, and the hash with its last one.", "2.0.0", kPerField)),
    Local("hgetdel", -5, kWrite | kFast, kFirst, RunHGetDel,
          Doc("Tells the values of fields of a hash and deletes them.", "8.0.0", kPerField)),
    Local("hincrby", 4, kSets, kFirst, RunHIncrBy,
          Doc("Adds an integer to a field of a hash; a missing one counts as 0.", "2.0.0", kOne)),
    Local("hincrbyfloat", 4, kSets, kFirst, RunHIncrByFloat,
          Doc("Adds a floating point number to a field of a hash.", "2.6.0", kOne)),
    Local("hrandfield", -2, kReadOnly, kFirst, RunHRandField,
          Doc("Tells one or more random fields of a hash.", "6.2.0",
              "O(N) where N is the number of fields returned.")),
    Local("hscan", -3, kReadOnly, kFirst, RunHScan,
          Doc("Walks the fields of a hash piece by piece.", "2.8.0",
              "O(1) for every call, O(N) for a whole walk of a hash of N fields.")),
    Local("hexpire", -6, kSets, kFirst, RunHExpire,
          Doc("Lets fields expire after some seconds.", "7.4.0", kPerField)),
    Local("hpexpire", -6, kSets, kFirst, RunHPExpire,
          Doc("Lets fields expire after some milliseconds.", "7.4.0", kPerField)),
    Local("hexpireat", -6, kSets, kFirst, RunHExpireAt,
          Doc("Lets fields expire at a Unix time in seconds.", "7.4.0", kPerField)),
    Local("hpexpireat", -6, kSets, kFirst, RunHPExpireAt,
          Doc("Lets fields expire at a Unix time in milliseconds.", "7.4.0", kPerField)),
    Local("httl", -5, kGets, kFirst, RunHTtl,
          Doc("Tells the seconds that fields have left.", "7.4.0", kPerField)),
    Local("hpttl", -5, kGets, kFirst, RunHPTtl,
          Doc("Tells the milliseconds that fields have left.", "7.4.0", kPerField)),
    Local("hexpiretime", -5, kGets, kFirst, RunHExpireTime,
          Doc("Tells the Unix time in seconds at which fields expire.", "7.4.0", kPerField)),
    Local("hpexpiretime", -5, kGets, kFirst, RunHPExpireTime,
          Doc("Tells the Unix time in milliseconds at which fields expire.", "7.4.0", kPerField)),
    Local("hpersist", -5, kWrite | kFast, kFirst, RunHPersist,
          Doc("Takes the expiry off fields.", "7.4.0", kPerField)),
    Local("hgetex", -5, kWrite | kFast, kFirst, RunHGetEx,
          Doc("Tells the values of fields and changes when they expire.", "8.0.0", kPerField)),
    Local("hsetex", -6, kSets, kFirst, RunHSetEx,
          Doc("Sets fields and when they expire, all or none.", "8.0.0", kPerField)),
};

}  // namespace

std::span<const Command> HashCommands() { return kRows; }

}  // namespace flashdb
