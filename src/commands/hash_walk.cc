// HRANDFIELD and HSCAN.
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "base/glob.h"
#include "base/numbers.h"
#include "commands/hashes.h"

namespace flashdb {
namespace {

/// More random fields than this in one reply would stop the shard for too long.
constexpr int64_t kMaxDraws = int64_t{1} << 24;
/// Nor is a reply of fields that are drawn with repetition longer than this: it would take up
/// memory that nobody has written.
constexpr size_t kMaxReplyBytes = size_t{512} << 20;
constexpr std::string_view kOutOfRange = "ERR value is out of range";
/// A hash this many times larger than the number wanted is drawn from, not walked.
constexpr size_t kDrawRatio = 3;

/// Replies with fields one by one, each with its value if `values`.
class FieldReply {
 public:
  FieldReply(ReplyWriter& reply, size_t count, bool values)
      : reply_(reply), values_(values), nested_(values && reply.resp3()) {
    reply.Array(values && !nested_ ? count * 2 : count);
  }
  void Add(const HashField& field) {
    if (nested_) reply_.Array(2);
    reply_.Bulk(field.name);
    if (values_) reply_.Bulk(field.value);
  }

 private:
  ReplyWriter& reply_;
  const bool values_;
  const bool nested_;
};

bool IsTable(const HashValue& hash) { return hash.encoding() == "hashtable"; }

std::vector<HashField> AllFields(const HashValue& hash, UnixMillis now) {
  std::vector<HashField> all;
  hash.ForEachLive(now, [&](const HashField& field) { all.push_back(field); });
  return all;
}

/// `count` different fields, all if there are no more.
std::vector<HashField> Sample(const HashValue& hash, size_t count, CommandContext& context) {
  const UnixMillis now = context.now();
  const bool draw = hash.next_expiry() > now && hash.size() / kDrawRatio > count;
  if (draw && IsTable(hash)) {
    std::vector<HashField> chosen;
    absl::flat_hash_set<std::string_view> seen;
    while (chosen.size() < count) {
      HashField field = *hash.RandomLive(now, context.random);
      if (seen.insert(field.name).second) chosen.push_back(field);
    }
    return chosen;
  }
  std::vector<HashField> all = AllFields(hash, now);
  if (count >= all.size()) return all;
  for (size_t i = 0; i < count; ++i) {
    std::swap(all[i], all[i + context.random.Below(all.size() - i)]);
  }
  all.resize(count);
  return all;
}

/// Any field of a hash that has one, as often as wanted.
class Draws {
 public:
  Draws(const HashValue& hash, UnixMillis now)
      : hash_(hash), now_(now), at_once_(hash.next_expiry() > now && IsTable(hash)) {
    if (!at_once_) all_ = AllFields(hash, now);
  }
  bool empty() const { return !at_once_ && all_.empty(); }
  HashField Next(Random& random) const {
    return at_once_ ? *hash_.RandomLive(now_, random) : all_[random.Below(all_.size())];
  }

 private:
  const HashValue& hash_;
  const UnixMillis now_;
  const bool at_once_;
  std::vector<HashField> all_;
};

size_t BulkBytes(std::string_view bytes) {
  size_t digits = 1;
  for (size_t rest = bytes.size(); rest >= 10; rest /= 10) ++digits;
  return bytes.size() + digits + 5;
}

/// Whether the next `count` draws make too long a reply. `random` is a copy: the same fields will
/// be drawn for the reply itself.
bool TooLong(const Draws& draws, size_t count, bool values, Random random) {
  size_t bytes = 0;
  for (size_t i = 0; i < count && bytes <= kMaxReplyBytes; ++i) {
    const HashField field = draws.Next(random);
    bytes += BulkBytes(field.name) + (values ? BulkBytes(field.value) : 0);
  }
  return bytes > kMaxReplyBytes;
}

/// Replies with `count` fields, each drawn anew.
void ReplyDraws(CommandContext& context, const HashValue& hash, size_t count, bool values) {
  const Draws draws(hash, context.now());
  if (draws.empty()) return context.reply.EmptyArray();
  constexpr size_t kMostHeaders = 64;  // of a field and its value
  const bool surely_short = count <= kMaxReplyBytes / (hash.MemoryBytes() + kMostHeaders);
  if (!surely_short && TooLong(draws, count, values, context.random)) {
    return context.reply.Error(kOutOfRange);
  }
  FieldReply reply(context.reply, count, values);
  for (size_t i = 0; i < count; ++i) reply.Add(draws.Next(context.random));
}

void ReplySample(CommandContext& context, const HashValue& hash, size_t count, bool values) {
  const std::vector<HashField> fields = Sample(hash, count, context);
  FieldReply reply(context.reply, fields.size(), values);
  for (const HashField& field : fields) reply.Add(field);
}

void ReplyOneRandom(CommandContext& context) {
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  std::optional<HashField> field;
  if (*hash != nullptr) field = (*hash)->RandomLive(context.now(), context.random);
  if (field) {
    context.reply.Bulk(field->name);
  } else {
    context.reply.Null();
  }
}

struct ScanOptions {
  std::string_view pattern = "*";
  size_t count = 10;
  bool values = true;
};

std::optional<ScanOptions> ParseScanOptions(CommandContext& context) {
  constexpr int64_t kMaxCount = 1'000'000;
  ScanOptions options;
  const ArgView args = context.args;
  for (size_t i = 3; i < args.size(); ++i) {
    const bool more = i + 1 < args.size();
    if (more && EqualsIgnoreCase(args[i], "count")) {
      const std::optional<int64_t> count = ParseInt64(args[++i]);
      if (!count || *count < 1) {
        context.reply.Error(count ? kSyntaxError : kNotInteger);
        return std::nullopt;
      }
      options.count = static_cast<size_t>(std::min(*count, kMaxCount));
    } else if (more && EqualsIgnoreCase(args[i], "match")) {
      options.pattern = args[++i];
    } else if (EqualsIgnoreCase(args[i], "novalues")) {
      options.values = false;
    } else {
      context.reply.Error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

}  // namespace

void RunHRandField(CommandContext& context) {
  const ArgView args = context.args;
  if (args.size() == 2) return ReplyOneRandom(context);
  const std::optional<int64_t> count = ParseInt64(args[2]);
  if (!count) return context.reply.Error(kNotInteger);
  if (*count == std::numeric_limits<int64_t>::min()) {
    return context.reply.Error(
        "ERR value is out of range, value must between -9223372036854775807 and "
        "9223372036854775807");
  }
  const bool values = args.size() == 4 && EqualsIgnoreCase(args[3], "withvalues");
  if (args.size() > 3 && !values) return context.reply.Error(kSyntaxError);
  const bool too_large =
      *count < -kMaxDraws || (values && *count > std::numeric_limits<int64_t>::max() / 2);
  if (too_large) return context.reply.Error(kOutOfRange);
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  if (*hash == nullptr || *count == 0) return context.reply.EmptyArray();
  if (*count < 0) {
    ReplyDraws(context, **hash, static_cast<size_t>(-*count), values);
  } else {
    ReplySample(context, **hash, static_cast<size_t>(*count), values);
  }
}

void RunHScan(CommandContext& context) {
  const std::optional<uint64_t> cursor = ParseUint64(context.args[2]);
  if (!cursor) return context.reply.Error("ERR invalid cursor");
  const auto hash = FindHash(context, context.touch());
  if (!hash) return;
  std::vector<HashField> found;
  uint64_t next = 0;
  bool values = true;
  if (*hash != nullptr) {
    const auto options = ParseScanOptions(context);
    if (!options) return;
    values = options->values;
    next = (*hash)->Scan(*cursor, options->count, context.now(), [&](const HashField& field) {
      if (GlobMatch(options->pattern, field.name)) found.push_back(field);
    });
  }
  context.reply.Array(2);
  char digits[kMaxIntegerChars];
  context.reply.Bulk({digits, FormatUint64(next, digits)});
  context.reply.Array(found.size() * (values ? 2 : 1));
  for (const HashField& field : found) {
    context.reply.Bulk(field.name);
    if (values) context.reply.Bulk(field.value);
  }
}

}  // namespace flashdb
