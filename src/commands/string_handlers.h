// Handlers of the string and bitmap commands, and what their files share. Semantics, replies and
// error texts are those of Redis 7.2. The rows that name the handlers are in strings.cc.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "commands/command.h"

namespace flashdb::strings {

// string_set.cc
void Get(CommandContext& context);
void GetDel(CommandContext& context);
void GetEx(CommandContext& context);
void GetSet(CommandContext& context);
void Set(CommandContext& context);
void SetNx(CommandContext& context);
void SetEx(CommandContext& context);
void PSetEx(CommandContext& context);
void MGet(CommandContext& context);
void MSet(CommandContext& context);

// string_numbers.cc
void Incr(CommandContext& context);
void Decr(CommandContext& context);
void IncrBy(CommandContext& context);
void DecrBy(CommandContext& context);
void IncrByFloat(CommandContext& context);

// string_ranges.cc
void Append(CommandContext& context);
void StrLen(CommandContext& context);
void GetRange(CommandContext& context);
void SetRange(CommandContext& context);

// string_bits.cc
void SetBit(CommandContext& context);
void GetBit(CommandContext& context);
void BitCount(CommandContext& context);
void BitPos(CommandContext& context);

// string_bit_fields.cc
void BitField(CommandContext& context);
void BitFieldRo(CommandContext& context);

// string_transactions.cc (in several shards)
Task<void> MSetNx(TransactionContext& context);
Task<void> Lcs(TransactionContext& context);
Task<void> BitOp(TransactionContext& context);

inline constexpr std::string_view kTooLong =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";

inline bool IsString(const Entry* entry) {
  return entry == nullptr || entry->type == ValueType::kString;
}

/// Replies WRONGTYPE and returns true if `entry` holds something else than a string.
inline bool RefusedAsWrongType(CommandContext& context, const Entry* entry) {
  if (IsString(entry)) return false;
  context.reply.Error(kWrongType);
  return true;
}

/// Looks the key up on behalf of a write: it counts neither as hit nor as miss.
inline const Entry* FindForWrite(CommandContext& context) {
  return context.keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
}

/// The string's bytes; empty if there is no entry.
inline std::string_view BytesOf(const Entry* entry) {
  return entry == nullptr ? std::string_view{} : entry->string();
}

/// Replies the string, or null if there is no entry. False (and an error reply) if it is no string.
inline bool ReplyString(CommandContext& context, const Entry* entry) {
  if (entry == nullptr) {
    context.reply.Null();
  } else if (entry->type == ValueType::kString) {
    context.reply.Bulk(entry->string());
  } else {
    context.reply.Error(kWrongType);
    return false;
  }
  return true;
}

/// Reads argument `index` as an integer; false (and an error reply) if it is none.
bool IntegerArgument(CommandContext& context, size_t index, int64_t& value,
                     std::string_view error = kNotInteger);

/// Positions of a first and a last element, both counted from 0; empty if first > last.
struct IndexRange {
  int64_t first;
  int64_t last;
  bool empty() const { return first > last; }
};

/// Turns a client's start and end (negative: from the end) into positions within `size` elements. A
/// position before the first element means the first, even as an end (as in Redis 7.2).
IndexRange ClampRange(int64_t start, int64_t end, int64_t size);

/// Both count from the end, in the wrong order. GETRANGE and BITCOUNT take that for empty before
/// they clamp, BITPOS does not.
inline bool BackwardFromEnd(int64_t start, int64_t end) {
  return end < 0 && start > end && start < 0;
}

/// Calls `visit(index, key)` for the arguments at 1, 1 + step, ...: keys are hashed and their
/// memory is prefetched some ahead of their use. Nothing is allocated.
template <typename F>
void ForEachKeyAhead(CommandContext& context, size_t step, F visit) {
  constexpr size_t kAhead = 16;
  std::array<KeyRef, kAhead> refs;
  const ArgView args = context.args;
  for (size_t begin = 1; begin < args.size(); begin += kAhead * step) {
    size_t count = 0;
    for (size_t i = begin; i < args.size() && count < kAhead; i += step, ++count) {
      refs[count] = MakeKey(args[i]);
    }
    context.keys.Prefetch(
        count, [&](size_t i) { return std::pair<uint32_t, const KeyRef&>(context.db, refs[i]); });
    for (size_t n = 0; n < count; ++n) visit(begin + n * step, refs[n]);
  }
}

}  // namespace flashdb::strings
