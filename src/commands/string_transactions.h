// MSETNX, LCS and BITOP: their keys may live in several shards, and no merge of parts can do them.
//
// The coroutines are templates over the context that takes them to the shards, so that they run
// over bare keyspaces too. A context has `args`, `db`, `reply`, `max_string_bytes`, touch(),
// shard_count(), At() and AtEach() as TransactionContext has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/bit_ops.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {

/// A copy of a string, as it comes from the shard that owns it.
struct StringCopy {
  bool is_string = true;
  std::string bytes;
};

inline StringCopy CopyString(Keyspace& keys, uint32_t db, std::string_view name,
                             Keyspace::Touch touch) {
  const Entry* entry = keys.Find(db, MakeKey(name), touch);
  if (!IsString(entry)) return {.is_string = false, .bytes = {}};
  return {.is_string = true, .bytes = std::string(BytesOf(entry))};
}

/// The places of a command's keys by the shard that owns them, so that each is visited once.
class KeyGroups {
 public:
  /// The keys are args[first], args[first + step], ...
  KeyGroups(ArgView args, size_t first, size_t step, uint32_t shard_count) : groups_(shard_count) {
    for (size_t i = first; i < args.size(); i += step) {
      groups_[OwnerOf(SlotOf(args[i]), shard_count)].push_back(i);
    }
  }
  /// The shards that own one or more.
  std::vector<ShardId> shards() const {
    std::vector<ShardId> owners;
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (!groups_[i].empty()) owners.push_back(static_cast<ShardId>(i));
    }
    return owners;
  }
  const std::vector<size_t>& of(ShardId shard) const { return groups_[shard]; }

 private:
  std::vector<std::vector<size_t>> groups_;
};

/// Copies of the strings at `groups`, in the order of the arguments from `first` on.
template <typename Context>
Task<std::vector<StringCopy>> FetchAll(Context& context, const KeyGroups& groups, size_t first) {
  std::vector<StringCopy> all(context.args.size() - first);
  // Each shard writes to places of its own, while this coroutine waits.
  auto copy = [&](ShardId shard, Keyspace& keys) {
    for (size_t i : groups.of(shard)) {
      all[i - first] = CopyString(keys, context.db, context.args[i], context.touch());
    }
    return true;
  };
  const std::vector<ShardId> shards = groups.shards();
  co_await context.AtEach(shards, copy);
  co_return all;
}

template <typename Context>
Task<void> MSetNxIn(Context& context) {
  const ArgView args = context.args;
  if (args.size() % 2 == 0) co_return context.reply.Error(WrongArity("msetnx"));
  const KeyGroups groups(args, 1, 2, context.shard_count());
  const std::vector<ShardId> shards = groups.shards();
  auto set = [&](ShardId shard, Keyspace& keys) {
    for (size_t i : groups.of(shard)) keys.SetString(context.db, MakeKey(args[i]), args[i + 1], 0);
    return 0;
  };
  // How many of the shard's keys exist. One that has all of the keys sets them in the same visit.
  auto check = [&](ShardId shard, Keyspace& keys) {
    int taken = 0;
    for (size_t i : groups.of(shard)) {
      taken += keys.Find(context.db, MakeKey(args[i]), Keyspace::Touch::kQuiet) != nullptr;
    }
    if (taken == 0 && shards.size() == 1) set(shard, keys);
    return taken;
  };
  const std::vector<int> taken = co_await context.AtEach(shards, check);
  for (int count : taken) {
    if (count != 0) co_return context.reply.Integer(0);
  }
  if (shards.size() > 1) co_await context.AtEach(shards, set);
  context.reply.Integer(1);
}

/// Replies to LCS over two values; `args` are the whole command. Refuses bad options, and tables
/// of more than `max_bytes`.
void ReplyLcs(ArgView args, std::string_view a, std::string_view b, uint64_t max_bytes,
              ReplyWriter& reply);

template <typename Context>
Task<void> LcsIn(Context& context) {
  // Only the first two arguments are keys.
  const KeyGroups groups(context.args.first(3), 1, 1, context.shard_count());
  const std::vector<StringCopy> both = co_await FetchAll(context, groups, 1);
  if (!both[0].is_string || !both[1].is_string) {
    co_return context.reply.Error("ERR The specified keys must contain string values");
  }
  ReplyLcs(context.args, both[0].bytes, both[1].bytes, context.max_string_bytes, context.reply);
}

/// Adds one more source to `sum`; the `first` one is taken as it is.
inline void AddSource(BitOperation operation, StringCopy& sum, bool first, std::string_view bytes) {
  if (first) {
    sum.bytes.assign(bytes);
  } else {
    CombineBits(operation, sum.bytes, bytes);
  }
}

/// What BITOP makes of the sources: each shard combines its own, and the results are combined here
/// (the operations are commutative and associative, also over padded strings).
template <typename Context>
Task<StringCopy> CombineSources(Context& context, BitOperation operation) {
  const KeyGroups groups(context.args, 3, 1, context.shard_count());
  auto combine = [&](ShardId shard, Keyspace& keys) {
    StringCopy sum;
    bool first = true;
    for (size_t i : groups.of(shard)) {
      const Entry* entry = keys.Find(context.db, MakeKey(context.args[i]), context.touch());
      if (!IsString(entry)) return StringCopy{.is_string = false, .bytes = {}};
      AddSource(operation, sum, std::exchange(first, false), BytesOf(entry));
    }
    return sum;
  };
  const std::vector<ShardId> shards = groups.shards();
  const std::vector<StringCopy> parts = co_await context.AtEach(shards, combine);
  StringCopy sum;
  for (const StringCopy& part : parts) {
    sum.is_string = sum.is_string && part.is_string;
    AddSource(operation, sum, &part == parts.data(), part.bytes);
  }
  if (operation == BitOperation::kNot) InvertBits(sum.bytes);
  co_return sum;
}

template <typename Context>
Task<void> BitOpIn(Context& context) {
  const std::optional<BitOperation> operation = BitOperationOf(context.args[1]);
  if (!operation) co_return context.reply.Error(kSyntaxError);
  if (operation == BitOperation::kNot && context.args.size() != 4) {
    co_return context.reply.Error("ERR BITOP NOT must be called with a single source key.");
  }
  const StringCopy result = co_await CombineSources(context, *operation);
  if (!result.is_string) co_return context.reply.Error(kWrongType);
  const std::string& bytes = result.bytes;
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
