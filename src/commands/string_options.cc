#include "commands/string_options.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/numbers.h"

namespace flashdb::strings {
namespace {

struct ExpiryWord {
  std::string_view word;
  ExpiryForm form;
};

constexpr std::array<ExpiryWord, 4> kExpiryWords{{
    {"EX", ExpiryForm::kEx},
    {"PX", ExpiryForm::kPx},
    {"EXAT", ExpiryForm::kExAt},
    {"PXAT", ExpiryForm::kPxAt},
}};

ExpiryForm ExpiryFormOf(std::string_view word) {
  for (const ExpiryWord& known : kExpiryWords) {
    if (EqualsIgnoreCase(word, known.word)) return known.form;
  }
  return ExpiryForm::kNone;
}

bool TakeExpiry(ArgView args, size_t& at, StringOptions& options) {
  ExpiryForm form = ExpiryFormOf(args[at]);
  if (form == ExpiryForm::kNone || at + 1 == args.size()) return false;
  if (options.keep_ttl || options.persist) return false;
  if (options.form != ExpiryForm::kNone && options.form != form) return false;
  options.form = form;
  options.expiry = args[++at];
  return true;
}

bool TakeSetOption(std::string_view word, StringOptions& options) {
  if (EqualsIgnoreCase(word, "NX") && !options.if_present) return options.if_missing = true;
  if (EqualsIgnoreCase(word, "XX") && !options.if_missing) return options.if_present = true;
  if (EqualsIgnoreCase(word, "GET")) return options.get = true;
  if (options.form != ExpiryForm::kNone || !EqualsIgnoreCase(word, "KEEPTTL")) return false;
  return options.keep_ttl = true;
}

bool TakeGetExOption(std::string_view word, StringOptions& options) {
  if (options.form != ExpiryForm::kNone || !EqualsIgnoreCase(word, "PERSIST")) return false;
  return options.persist = true;
}

}  // namespace

bool ParseStringOptions(ArgView args, OptionsOf command, StringOptions& options) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (TakeExpiry(args, i, options)) continue;
    bool taken = command == OptionsOf::kSet ? TakeSetOption(args[i], options)
                                            : TakeGetExOption(args[i], options);
    if (!taken) return false;
  }
  return true;
}

bool ResolveExpiry(CommandContext& context, std::string_view argument, ExpiryForm form,
                   std::string_view command, UnixMillis& at) {
  std::optional<int64_t> value = ParseInt64(argument);
  if (!value) {
    context.reply.Error(kNotInteger);
    return false;
  }
  bool seconds = form == ExpiryForm::kEx || form == ExpiryForm::kExAt;
  bool relative = form == ExpiryForm::kEx || form == ExpiryForm::kPx;
  bool bad = *value <= 0 || __builtin_mul_overflow(*value, seconds ? 1000 : 1, &at) ||
             __builtin_add_overflow(at, relative ? context.now() : 0, &at);
  if (bad) context.reply.Error(fmt::format("ERR invalid expire time in '{}' command", command));
  return !bad;
}

}  // namespace flashdb::strings
