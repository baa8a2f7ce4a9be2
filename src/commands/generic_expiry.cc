// EXPIRE and its kin: set, read and remove a key's expiry.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "base/numbers.h"
#include "commands/generic.h"

namespace flashdb::generic {
namespace {

struct Conditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;

  bool SetByName(std::string_view option) {
    if (EqualsIgnoreCase(option, "NX")) return nx = true;
    if (EqualsIgnoreCase(option, "XX")) return xx = true;
    if (EqualsIgnoreCase(option, "GT")) return gt = true;
    if (EqualsIgnoreCase(option, "LT")) return lt = true;
    return false;
  }

  /// `current` is 0 for a key without expiry, which counts as an endless one.
  bool Allow(UnixMillis current, UnixMillis wanted) const {
    if (nx && current != 0) return false;
    if (xx && current == 0) return false;
    if (gt && (current == 0 || wanted <= current)) return false;
    if (lt && current != 0 && wanted >= current) return false;
    return true;
  }
};

std::optional<Conditions> ParseConditions(ArgView options, ReplyWriter& reply) {
  Conditions conditions;
  for (std::string_view option : options) {
    if (!conditions.SetByName(option)) {
      reply.Error(fmt::format("ERR Unsupported option {}", option));
      return std::nullopt;
    }
  }
  if (conditions.nx && (conditions.xx || conditions.gt || conditions.lt)) {
    reply.Error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return std::nullopt;
  }
  if (conditions.gt && conditions.lt) {
    reply.Error("ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return conditions;
}

enum class Unit : int64_t { kSeconds = 1000, kMillis = 1 };

// `amount` units after `base`, or nothing if that does not fit.
std::optional<UnixMillis> TimeAfter(UnixMillis base, int64_t amount, Unit unit) {
  UnixMillis at;
  if (__builtin_mul_overflow(amount, static_cast<int64_t>(unit), &at)) return std::nullopt;
  if (__builtin_add_overflow(at, base, &at)) return std::nullopt;
  return at;
}

void SetExpiry(CommandContext& context, UnixMillis base, Unit unit) {
  std::optional<Conditions> conditions = ParseConditions(context.args.subspan(3), context.reply);
  if (!conditions) return;
  std::optional<int64_t> amount = ParseInteger(context.args[2], context.reply);
  if (!amount) return;
  std::optional<UnixMillis> at = TimeAfter(base, *amount, unit);
  if (!at) {
    return context.reply.Error(
        fmt::format("ERR invalid expire time in '{}' command", ToLower(context.args[0])));
  }

  Keyspace& keys = context.keys;
  const Entry* entry = keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
  if (entry == nullptr || !conditions->Allow(entry->expire_at(), *at)) {
    return context.reply.Integer(0);
  }
  // Not left to Keyspace::SetExpiry: there a time of 0 means "never".
  if (*at <= context.now()) {
    keys.Delete(context.db, context.key);
  } else {
    keys.SetExpiry(context.db, context.key, *at);
  }
  context.reply.Integer(1);
}

enum class Form : uint8_t { kRemaining, kAbsolute };

void ReplyExpiry(CommandContext& context, Form form, Unit unit) {
  constexpr int64_t kNoExpiry = -1;
  constexpr int64_t kNoKey = -2;
  const Entry* entry = Peek(context, context.key);
  if (entry == nullptr) return context.reply.Integer(kNoKey);
  UnixMillis at = entry->expire_at();
  if (at == 0) return context.reply.Integer(kNoExpiry);
  int64_t millis = form == Form::kAbsolute ? at : std::max<int64_t>(at - context.now(), 0);
  context.reply.Integer(unit == Unit::kMillis ? millis : millis / 1000 + (millis % 1000 >= 500));
}

}  // namespace

void Expire(CommandContext& context) { SetExpiry(context, context.now(), Unit::kSeconds); }
void PExpire(CommandContext& context) { SetExpiry(context, context.now(), Unit::kMillis); }
void ExpireAt(CommandContext& context) { SetExpiry(context, 0, Unit::kSeconds); }
void PExpireAt(CommandContext& context) { SetExpiry(context, 0, Unit::kMillis); }

void Ttl(CommandContext& context) { ReplyExpiry(context, Form::kRemaining, Unit::kSeconds); }
void PTtl(CommandContext& context) { ReplyExpiry(context, Form::kRemaining, Unit::kMillis); }
void ExpireTime(CommandContext& context) { ReplyExpiry(context, Form::kAbsolute, Unit::kSeconds); }
void PExpireTime(CommandContext& context) { ReplyExpiry(context, Form::kAbsolute, Unit::kMillis); }

void Persist(CommandContext& context) {
  const Entry* entry = context.keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
  bool removed = entry != nullptr && entry->expire_at() != 0 &&
                 context.keys.SetExpiry(context.db, context.key, 0);
  context.reply.Integer(removed ? 1 : 0);
}

}  // namespace flashdb::generic
