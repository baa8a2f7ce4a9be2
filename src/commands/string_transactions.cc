// The string commands whose keys may live in several shards and that a merge of parts can't do.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "commands/bit_ops.h"
#include "commands/lcs.h"
#include "commands/strings.h"

namespace flashdb::strings {
namespace {

// A copy of a string, as it comes from the shard that owns it.
struct StringCopy {
  bool is_string = true;
  std::string bytes;
};

StringCopy CopyString(Keyspace& keys, uint32_t db, const KeyRef& key) {
  const Entry* entry = keys.Find(db, key);
  if (!IsString(entry)) return {.is_string = false, .bytes = {}};
  return {.is_string = true, .bytes = std::string(BytesOf(entry))};
}

Task<StringCopy> Fetch(TransactionContext& context, std::string_view name) {
  const KeyRef key = MakeKey(name);
  auto copy = [&context, &key](Keyspace& keys) { return CopyString(keys, context.db, key); };
  co_return co_await context.At(key.slot, copy);
}

struct LcsOptions {
  bool length = false;
  bool positions = false;
  bool with_match_length = false;
  int64_t min_match_length = 0;
};

// False after an error reply.
bool ParseLcsOptions(ArgView args, ReplyWriter& reply, LcsOptions& options) {
  std::string_view error;
  for (size_t i = 3; i < args.size() && error.empty(); ++i) {
    if (EqualsIgnoreCase(args[i], "IDX")) {
      options.positions = true;
    } else if (EqualsIgnoreCase(args[i], "LEN")) {
      options.length = true;
    } else if (EqualsIgnoreCase(args[i], "WITHMATCHLEN")) {
      options.with_match_length = true;
    } else if (EqualsIgnoreCase(args[i], "MINMATCHLEN") && i + 1 < args.size()) {
      std::optional<int64_t> length = ParseInt64(args[++i]);
      if (!length) error = kNotInteger;
      options.min_match_length = length.value_or(0);
    } else {
      error = kSyntaxError;
    }
  }
  if (error.empty() && options.length && options.positions) {
    error = "ERR If you want both the length and indexes, please just use IDX.";
  }
  if (!error.empty()) reply.Error(error);
  return error.empty();
}

void ReplyRange(ReplyWriter& reply, uint32_t first, uint32_t last) {
  reply.Array(2);
  reply.Integer(first);
  reply.Integer(last);
}

void ReplyPositions(ReplyWriter& reply, std::vector<LcsMatch> matches, uint32_t length,
                    const LcsOptions& options) {
  std::erase_if(matches, [&](const LcsMatch& match) {
    return int64_t{match.size()} < options.min_match_length;
  });
  reply.Map(2);
  reply.Bulk("matches");
  reply.Array(matches.size());
  for (const LcsMatch& match : matches) {
    reply.Array(options.with_match_length ? 3 : 2);
    ReplyRange(reply, match.a_first, match.a_last);
    ReplyRange(reply, match.b_first, match.b_last);
    if (options.with_match_length) reply.Integer(match.size());
  }
  reply.Bulk("len");
  reply.Integer(length);
}

void ReplyLcs(TransactionContext& context, std::string_view a, std::string_view b,
              const LcsOptions& options) {
  ReplyWriter& reply = context.reply;
  constexpr size_t kTooLongForLcs = UINT32_MAX - 1;
  if (a.size() >= kTooLongForLcs || b.size() >= kTooLongForLcs) {
    return reply.Error("ERR String too long for LCS");
  }
  if (LcsTable::BytesFor(a.size(), b.size()) > context.max_string_bytes) {
    return reply.Error(
        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  LcsTable table(a, b);
  if (!table.Build()) {
    return reply.Error("ERR Insufficient memory, failed allocating transient memory for LCS");
  }
  if (options.length) return reply.Integer(table.length());
  std::vector<LcsMatch> matches = table.Matches();
  if (!options.positions) return reply.Bulk(table.Text(matches));
  ReplyPositions(reply, std::move(matches), table.length(), options);
}

// Fetches the sources of BITOP, one after the other, into one string; false if one is no string.
Task<bool> CombineSources(TransactionContext& context, BitOperation operation, std::string& bytes) {
  for (size_t i = 3; i < context.args.size(); ++i) {
    StringCopy source = co_await Fetch(context, context.args[i]);
    if (!source.is_string) co_return false;
    if (i == 3) {
      bytes = std::move(source.bytes);
    } else {
      CombineBits(operation, bytes, source.bytes);
    }
  }
  if (operation == BitOperation::kNot) InvertBits(bytes);
  co_return true;
}

void StoreOrDelete(Keyspace& keys, uint32_t db, const KeyRef& key, std::string_view bytes) {
  if (bytes.empty()) {
    keys.Delete(db, key);
  } else {
    keys.SetString(db, key, bytes, 0);
  }
}

}  // namespace

Task<void> MSetNx(TransactionContext& context) {
  const ArgView args = context.args;
  if (args.size() % 2 == 0) co_return context.reply.Error(WrongArity("msetnx"));
  for (size_t i = 1; i < args.size(); i += 2) {
    const KeyRef key = MakeKey(args[i]);
    auto exists = [&context, &key](Keyspace& keys) {
      return keys.Find(context.db, key, Keyspace::Touch::kQuiet) != nullptr;
    };
    if (co_await context.At(key.slot, exists)) co_return context.reply.Integer(0);
  }
  for (size_t i = 1; i < args.size(); i += 2) {
    const KeyRef key = MakeKey(args[i]);
    auto set = [&context, &key, value = args[i + 1]](Keyspace& keys) {
      keys.SetString(context.db, key, value, 0);
    };
    co_await context.At(key.slot, set);
  }
  context.reply.Integer(1);
}

Task<void> Lcs(TransactionContext& context) {
  const StringCopy a = co_await Fetch(context, context.args[1]);
  const StringCopy b = co_await Fetch(context, context.args[2]);
  if (!a.is_string || !b.is_string) {
    co_return context.reply.Error("ERR The specified keys must contain string values");
  }
  LcsOptions options;
  if (ParseLcsOptions(context.args, context.reply, options)) {
    ReplyLcs(context, a.bytes, b.bytes, options);
  }
}

Task<void> BitOp(TransactionContext& context) {
  std::optional<BitOperation> operation = BitOperationOf(context.args[1]);
  if (!operation) co_return context.reply.Error(kSyntaxError);
  if (operation == BitOperation::kNot && context.args.size() != 4) {
    co_return context.reply.Error("ERR BITOP NOT must be called with a single source key.");
  }
  std::string bytes;
  bool all_strings = co_await CombineSources(context, *operation, bytes);
  if (!all_strings) co_return context.reply.Error(kWrongType);
  const KeyRef target = MakeKey(context.args[2]);
  auto store = [&context, &target, &bytes](Keyspace& keys) {
    StoreOrDelete(keys, context.db, target, bytes);
  };
  co_await context.At(target.slot, store);
  context.reply.Integer(static_cast<int64_t>(bytes.size()));
}

}  // namespace flashdb::strings
