// Strings as counters: INCR and its relatives.
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/numbers.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {
namespace {

// Puts the new value in place; an existing key keeps its expiry. UpdateString would look that up
// once more.
void StoreNumber(CommandContext& context, const Entry* old, std::string_view digits) {
  context.keys.SetString(context.db, context.key, digits, old != nullptr ? old->expire_at() : 0);
}

void Add(CommandContext& context, int64_t increment) {
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  std::optional<int64_t> value = entry != nullptr ? ParseInt64(entry->string()) : 0;
  if (!value) return context.reply.Error(kNotInteger);
  int64_t sum;
  if (__builtin_add_overflow(*value, increment, &sum)) {
    return context.reply.Error("ERR increment or decrement would overflow");
  }
  char digits[kMaxIntegerChars];
  StoreNumber(context, entry, {digits, FormatInt64(sum, digits)});
  context.reply.Integer(sum);
}

}  // namespace

void Incr(CommandContext& context) { Add(context, 1); }

void Decr(CommandContext& context) { Add(context, -1); }

void IncrBy(CommandContext& context) {
  int64_t increment;
  if (IntegerArgument(context, 2, increment)) Add(context, increment);
}

void DecrBy(CommandContext& context) {
  int64_t decrement;
  if (!IntegerArgument(context, 2, decrement)) return;
  if (decrement == std::numeric_limits<int64_t>::min()) {
    return context.reply.Error("ERR decrement would overflow");
  }
  Add(context, -decrement);
}

void IncrByFloat(CommandContext& context) {
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  std::optional<long double> value = entry != nullptr ? ParseLongDouble(entry->string()) : 0.0L;
  std::optional<long double> increment = ParseLongDouble(context.args[2]);
  if (!value || !increment) return context.reply.Error(kNotFloat);
  long double sum = *value + *increment;
  if (!std::isfinite(sum)) {
    return context.reply.Error("ERR increment would produce NaN or Infinity");
  }
  std::string digits = FormatLongDouble(sum);
  StoreNumber(context, entry, digits);
  context.reply.Bulk(digits);
}

}  // namespace flashdb::strings
