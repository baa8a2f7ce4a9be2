// MSETNX, LCS and BITOP: their keys may live in several shards, and no merge of parts can do them.
//
// The coroutines are templates over the context that takes them to the shards, so that they run
// over bare keyspaces too. A context has `args`, `db`, `reply`, `max_string_bytes` and an At() as
// TransactionContext has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "commands/bit_ops.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {

/// A copy of a string, as it comes from the shard that owns it.
struct StringCopy {
  bool is_string = true;
  std::string bytes;
};

inline StringCopy CopyString(Keyspace& keys, uint32_t db, const KeyRef& key) {
  const Entry* entry = keys.Find(db, key);
  if (!IsString(entry)) return {.is_string = false, .bytes = {}};
  return {.is_string = true, .bytes = std::string(BytesOf(entry))};
}

template <typename Context>
Task<StringCopy> Fetch(Context& context, std::string_view name) {
  const KeyRef key = MakeKey(name);
  auto copy = [&context, &key](Keyspace& keys) { return CopyString(keys, context.db, key); };
  co_return co_await context.At(key.slot, copy);
}

template <typename Context>
Task<void> MSetNxIn(Context& context) {
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

/// Replies to LCS over two values; `args` are the whole command. Refuses bad options, and tables
/// of more than `max_bytes`.
void ReplyLcs(ArgView args, std::string_view a, std::string_view b, uint64_t max_bytes,
              ReplyWriter& reply);

template <typename Context>
Task<void> LcsIn(Context& context) {
  const StringCopy a = co_await Fetch(context, context.args[1]);
  const StringCopy b = co_await Fetch(context, context.args[2]);
  if (!a.is_string || !b.is_string) {
    co_return context.reply.Error("ERR The specified keys must contain string values");
  }
  ReplyLcs(context.args, a.bytes, b.bytes, context.max_string_bytes, context.reply);
}

/// Fetches the sources of BITOP, one after the other, into `bytes`; false if one is no string.
template <typename Context>
Task<bool> CombineSources(Context& context, BitOperation operation, std::string& bytes) {
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

template <typename Context>
Task<void> BitOpIn(Context& context) {
  const std::optional<BitOperation> operation = BitOperationOf(context.args[1]);
  if (!operation) co_return context.reply.Error(kSyntaxError);
  if (operation == BitOperation::kNot && context.args.size() != 4) {
    co_return context.reply.Error("ERR BITOP NOT must be called with a single source key.");
  }
  std::string bytes;
  const bool all_strings = co_await CombineSources(context, *operation, bytes);
  if (!all_strings) co_return context.reply.Error(kWrongType);
  const KeyRef target = MakeKey(context.args[2]);
  auto store = [&context, &target, &bytes](Keyspace& keys) {
    if (bytes.empty()) {
      keys.Delete(context.db, target);
    } else {
      keys.SetString(context.db, target, bytes, 0);
    }
  };
  co_await context.At(target.slot, store);
  context.reply.Integer(static_cast<int64_t>(bytes.size()));
}

}  // namespace flashdb::strings
