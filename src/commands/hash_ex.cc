// HGETEX and HSETEX: fields and their expiry in one go.
#include <vector>

#include "base/numbers.h"
#include "commands/hashes.h"

namespace flashdb {
namespace {

enum class Expiry : uint8_t { kNone, kAt, kKeep, kPersist };
enum class Condition : uint8_t { kNone, kAllNew, kAllThere };

struct Options {
  Expiry expiry = Expiry::kNone;
  UnixMillis at = 0;
  Condition condition = Condition::kNone;
  ArgView fields;  // of HSETEX: field, value, field, value ...
};

/// Reads the words behind the key; they may come in any order. After a failure the error has been
/// replied.
class Parser {
 public:
  Parser(CommandContext& context, bool sets)
      : context_(context), sets_(sets), name_(sets ? "hsetex" : "hgetex") {}

  std::optional<Options> Parse() {
    while (at_ < context_.args.size()) {
      if (!ParseWord(context_.args[at_++])) return std::nullopt;
    }
    if (options_.fields.empty()) {
      context_.reply.Error("ERR missing FIELDS argument");
      return std::nullopt;
    }
    return options_;
  }

 private:
  bool Fail(std::string_view line) {
    context_.reply.Error(line);
    return false;
  }

  bool ParseWord(std::string_view word) {
    const auto is = [&](std::string_view other) { return EqualsIgnoreCase(word, other); };
    if (is("fields")) return ParseFieldList();
    if (is("ex")) return ParseTime(TimeBase::kNow, TimeUnit::kSeconds);
    if (is("px")) return ParseTime(TimeBase::kNow, TimeUnit::kMillis);
    if (is("exat")) return ParseTime(TimeBase::kEpoch, TimeUnit::kSeconds);
    if (is("pxat")) return ParseTime(TimeBase::kEpoch, TimeUnit::kMillis);
    if (sets_ && is("keepttl")) return SetExpiry(Expiry::kKeep);
    if (!sets_ && is("persist")) return SetExpiry(Expiry::kPersist);
    if (sets_ && is("fnx")) return SetCondition(Condition::kAllNew);
    if (sets_ && is("fxx")) return SetCondition(Condition::kAllThere);
    return Fail(fmt::format("ERR unknown argument: {}", word));
  }

  bool SetExpiry(Expiry expiry) {
    if (options_.expiry != Expiry::kNone) {
      return Fail(fmt::format("ERR Only one of EX, PX, EXAT, PXAT or {} arguments can be specified",
                              sets_ ? "KEEPTTL" : "PERSIST"));
    }
    options_.expiry = expiry;
    return true;
  }

  bool SetCondition(Condition condition) {
    if (options_.condition != Condition::kNone) {
      return Fail("ERR Only one of FXX or FNX arguments can be specified");
    }
    options_.condition = condition;
    return true;
  }

  bool ParseTime(TimeBase base, TimeUnit unit) {
    if (!SetExpiry(Expiry::kAt)) return false;
    if (at_ >= context_.args.size()) return Fail("ERR missing expire time");
    const auto at = ParseFieldTime(context_, context_.args[at_++], base, unit, name_);
    options_.at = at.value_or(0);
    return at.has_value();
  }

  bool ParseFieldList() {
    if (!options_.fields.empty()) return Fail("ERR FIELDS keyword specified multiple times");
    const size_t rest = context_.args.size() - at_;
    const std::string arity = fmt::format("ERR wrong number of arguments for '{}' command", name_);
    if (rest == 0) return Fail(arity);
    const std::optional<int64_t> count = ParseInt64(context_.args[at_++]);
    if (!count || *count < 1 || *count > INT32_MAX) return Fail("ERR invalid number of fields");
    const size_t words = static_cast<size_t>(*count) * (sets_ ? 2 : 1);
    if (words > rest - 1) return Fail(arity);
    options_.fields = context_.args.subspan(at_, words);
    at_ += words;
    return true;
  }

  CommandContext& context_;
  const bool sets_;
  const std::string_view name_;
  size_t at_ = 2;
  Options options_;
};

bool Holds(const CommandContext& context, const HashValue* hash, Condition condition,
           const std::vector<std::string_view>& names) {
  if (condition == Condition::kNone) return true;
  for (std::string_view name : names) {
    const bool there = hash != nullptr && hash->FindLive(name, context.now()).has_value();
    if (there != (condition == Condition::kAllThere)) return false;
  }
  return true;
}

void SetFields(CommandContext& context, const Options& options,
               const std::vector<std::string_view>& names) {
  if (options.expiry == Expiry::kAt && options.at <= context.now()) {
    context.keys.HashDelete(context.db, context.key, names);
    return;
  }
  std::vector<Keyspace::FieldValue> pairs;
  for (size_t i = 0; i < options.fields.size(); i += 2) {
    pairs.push_back({options.fields[i], options.fields[i + 1]});
  }
  if (options.expiry == Expiry::kKeep) {
    for (const auto& pair : pairs) {
      context.keys.HashUpdate(context.db, context.key, pair.field, pair.value);
    }
    return;
  }
  context.keys.HashSet(context.db, context.key, pairs);
  if (options.expiry == Expiry::kAt) {
    context.keys.HashExpire(context.db, context.key, names, options.at);
  }
}

}  // namespace

void RunHGetEx(CommandContext& context) {
  const std::optional<Options> options = Parser(context, false).Parse();
  if (!options) return;
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  context.reply.Array(options->fields.size());
  for (std::string_view name : options->fields) {
    std::optional<HashField> field;
    if (*hash != nullptr) field = (*hash)->FindLive(name, context.now());
    if (field) {
      context.reply.Bulk(field->value);
    } else {
      context.reply.Null();
    }
  }
  if (options->expiry == Expiry::kNone) return;
  context.keys.HashExpire(context.db, context.key, options->fields, options->at);
}

void RunHSetEx(CommandContext& context) {
  const std::optional<Options> options = Parser(context, true).Parse();
  if (!options) return;
  const auto hash = FindHash(context, Keyspace::Touch::kQuiet);
  if (!hash) return;
  std::vector<std::string_view> names;
  for (size_t i = 0; i < options->fields.size(); i += 2) names.push_back(options->fields[i]);
  if (!Holds(context, *hash, options->condition, names)) return context.reply.Integer(0);
  SetFields(context, *options, names);
  context.reply.Integer(1);
}

}  // namespace flashdb
