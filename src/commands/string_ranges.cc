// Parts of strings: APPEND, STRLEN, GETRANGE, SETRANGE; and what the families of strings share.
#include <algorithm>

#include "base/numbers.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {
namespace {

bool RefusedAsTooLong(CommandContext& context, uint64_t size, uint64_t more) {
  uint64_t total;
  if (!__builtin_add_overflow(size, more, &total) && total <= context.max_string_bytes) {
    return false;
  }
  context.reply.Error(kTooLong);
  return true;
}

}  // namespace

bool IntegerArgument(CommandContext& context, size_t index, int64_t& value,
                     std::string_view error) {
  std::optional<int64_t> parsed = ParseInt64(context.args[index]);
  if (!parsed) {
    context.reply.Error(error);
    return false;
  }
  value = *parsed;
  return true;
}

IndexRange ClampRange(int64_t start, int64_t end, int64_t size) {
  if (start < 0) start = std::max<int64_t>(0, start + size);
  if (end < 0) end = std::max<int64_t>(0, end + size);
  return {start, std::min(end, size - 1)};
}

void Append(CommandContext& context) {
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  std::string_view tail = context.args[2];
  if (RefusedAsTooLong(context, BytesOf(entry).size(), tail.size())) return;
  size_t size = context.keys.AppendString(context.db, context.key, tail);
  context.reply.Integer(static_cast<int64_t>(size));
}

void StrLen(CommandContext& context) {
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (RefusedAsWrongType(context, entry)) return;
  context.reply.Integer(static_cast<int64_t>(BytesOf(entry).size()));
}

void GetRange(CommandContext& context) {
  int64_t start;
  int64_t end;
  if (!IntegerArgument(context, 2, start) || !IntegerArgument(context, 3, end)) return;
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (RefusedAsWrongType(context, entry)) return;
  std::string_view bytes = BytesOf(entry);
  IndexRange range = ClampRange(start, end, static_cast<int64_t>(bytes.size()));
  if (range.empty() || BackwardFromEnd(start, end)) return context.reply.Bulk({});
  context.reply.Bulk(bytes.substr(static_cast<size_t>(range.first),
                                  static_cast<size_t>(range.last - range.first + 1)));
}

void SetRange(CommandContext& context) {
  int64_t offset;
  if (!IntegerArgument(context, 2, offset)) return;
  if (offset < 0) return context.reply.Error("ERR offset is out of range");
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  std::string_view bytes = context.args[3];
  size_t size = BytesOf(entry).size();
  if (!bytes.empty()) {
    if (RefusedAsTooLong(context, static_cast<uint64_t>(offset), bytes.size())) return;
    size =
        context.keys.OverwriteString(context.db, context.key, static_cast<size_t>(offset), bytes);
  }
  context.reply.Integer(static_cast<int64_t>(size));
}

}  // namespace flashdb::strings
