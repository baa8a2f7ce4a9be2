// Expiry of single fields: HEXPIRE, HTTL, HPERSIST and their relatives.
#include "base/numbers.h"
#include "commands/hashes.h"

namespace flashdb {

std::optional<UnixMillis> ParseFieldTime(CommandContext& context, std::string_view text,
                                         TimeBase base, TimeUnit unit, std::string_view command) {
  // The latest time that Redis takes for a field.
  constexpr UnixMillis kLatest = (int64_t{1} << 46) - 1;
  const std::optional<int64_t> number = ParseInt64(text);
  if (!number || *number < 0) {
    context.reply.Error(number ? "ERR invalid expire time, must be >= 0" : kNotInteger);
    return std::nullopt;
  }
  const int64_t scale = unit == TimeUnit::kSeconds ? 1000 : 1;
  const UnixMillis start = base == TimeBase::kNow ? context.now() : 0;
  if (*number > kLatest / scale || *number * scale > kLatest - start) {
    context.reply.Error(fmt::format("ERR invalid expire time in '{}' command", command));
    return std::nullopt;
  }
  return start + *number * scale;
}

namespace {

enum class Condition : uint8_t { kNone, kNx, kXx, kGt, kLt };

/// What the replies say of one field.
enum Result : int64_t {
  kNoField = -2,
  kNoExpiry = -1,
  kNotMet = 0,
  kDone = 1,
  kDeleted = 2,
};

Condition ParseCondition(std::string_view word) {
  if (EqualsIgnoreCase(word, "nx")) return Condition::kNx;
  if (EqualsIgnoreCase(word, "xx")) return Condition::kXx;
  if (EqualsIgnoreCase(word, "gt")) return Condition::kGt;
  if (EqualsIgnoreCase(word, "lt")) return Condition::kLt;
  return Condition::kNone;
}

/// `old` 0 means never, which is later than any time.
bool Met(Condition condition, UnixMillis old, UnixMillis at) {
  switch (condition) {
    case Condition::kNone:
      return true;
    case Condition::kNx:
      return old == 0;
    case Condition::kXx:
      return old != 0;
    case Condition::kGt:
      return old != 0 && at > old;
    case Condition::kLt:
      return old == 0 || at < old;
  }
  return true;
}

std::optional<HashField> LiveField(CommandContext& context, std::string_view name) {
  const Entry* entry = context.keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
  if (entry == nullptr) return std::nullopt;
  return HashOf(*entry)->FindLive(name, context.now());
}

/// One field after the other, each seeing what the one before did: a field may be named twice, and
/// the hash may vanish on the way.
Result ExpireField(CommandContext& context, std::string_view name, Condition condition,
                   UnixMillis at) {
  const std::optional<HashField> field = LiveField(context, name);
  if (!field) return kNoField;
  if (!Met(condition, field->expire_at, at)) return kNotMet;
  if (at <= context.now()) {
    context.keys.HashDelete(context.db, context.key, {&name, 1});
    return kDeleted;
  }
  context.keys.HashExpire(context.db, context.key, {&name, 1}, at);
  return kDone;
}

void Expire(CommandContext& context, TimeBase base, TimeUnit unit, std::string_view name) {
  if (!FindHash(context, Keyspace::Touch::kQuiet)) return;
  const std::optional<UnixMillis> at = ParseFieldTime(context, context.args[2], base, unit, name);
  if (!at) return;
  const Condition condition = ParseCondition(context.args[3]);
  const auto fields = ParseFields(context, condition == Condition::kNone ? 3 : 4,
                                  "ERR Parameter `numFields` should be greater than 0");
  if (!fields) return;
  context.reply.Array(fields->size());
  for (std::string_view field : *fields) {
    context.reply.Integer(ExpireField(context, field, condition, *at));
  }
}

int64_t TimeLeft(const std::optional<HashField>& field, UnixMillis start, TimeUnit unit) {
  if (!field) return kNoField;
  if (field->expire_at == 0) return kNoExpiry;
  const int64_t millis = field->expire_at - start;
  return unit == TimeUnit::kSeconds ? (millis + 999) / 1000 : millis;
}

void TellTime(CommandContext& context, TimeBase base, TimeUnit unit) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  const auto fields = ParseFields(context, 2, "ERR Number of fields must be a positive integer");
  if (!fields) return;
  const UnixMillis start = base == TimeBase::kNow ? context.now() : 0;
  context.reply.Array(fields->size());
  for (std::string_view name : *fields) {
    std::optional<HashField> field;
    if (*hash != nullptr) field = (*hash)->FindLive(name, context.now());
    context.reply.Integer(TimeLeft(field, start, unit));
  }
}

Result PersistField(CommandContext& context, std::string_view name) {
  const std::optional<HashField> field = LiveField(context, name);
  if (!field) return kNoField;
  if (field->expire_at == 0) return kNoExpiry;
  context.keys.HashExpire(context.db, context.key, {&name, 1}, 0);
  return kDone;
}

}  // namespace

void RunHExpire(CommandContext& context) {
  Expire(context, TimeBase::kNow, TimeUnit::kSeconds, "hexpire");
}
void RunHPExpire(CommandContext& context) {
  Expire(context, TimeBase::kNow, TimeUnit::kMillis, "hpexpire");
}
void RunHExpireAt(CommandContext& context) {
  Expire(context, TimeBase::kEpoch, TimeUnit::kSeconds, "hexpireat");
}
void RunHPExpireAt(CommandContext& context) {
  Expire(context, TimeBase::kEpoch, TimeUnit::kMillis, "hpexpireat");
}

void RunHTtl(CommandContext& context) { TellTime(context, TimeBase::kNow, TimeUnit::kSeconds); }
void RunHPTtl(CommandContext& context) { TellTime(context, TimeBase::kNow, TimeUnit::kMillis); }
void RunHExpireTime(CommandContext& context) {
  TellTime(context, TimeBase::kEpoch, TimeUnit::kSeconds);
}
void RunHPExpireTime(CommandContext& context) {
  TellTime(context, TimeBase::kEpoch, TimeUnit::kMillis);
}

void RunHPersist(CommandContext& context) {
  if (!FindHash(context, Keyspace::Touch::kQuiet)) return;
  const auto fields = ParseFields(context, 2, "ERR Number of fields must be a positive integer");
  if (!fields) return;
  context.reply.Array(fields->size());
  for (std::string_view field : *fields) context.reply.Integer(PersistField(context, field));
}

}  // namespace flashdb
