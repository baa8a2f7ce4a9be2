// Strings as bitmaps: SETBIT, GETBIT, BITCOUNT, BITPOS.
#include "base/numbers.h"
#include "commands/bit_ops.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {
namespace {

constexpr std::string_view kBadBit = "ERR bit is not an integer or out of range";
constexpr std::string_view kBadOffset = "ERR bit offset is not an integer or out of range";

bool OffsetArgument(CommandContext& context, uint64_t& offset) {
  int64_t value;
  if (!IntegerArgument(context, 2, value, kBadOffset)) return false;
  offset = static_cast<uint64_t>(value);
  if (value >= 0 && offset / 8 < context.max_string_bytes) return true;
  context.reply.Error(kBadOffset);
  return false;
}

// Reads BIT or BYTE at `index`, if there is such an argument.
bool UnitArgument(CommandContext& context, size_t index, bool& bits) {
  bits = false;
  if (context.args.size() <= index) return true;
  bits = EqualsIgnoreCase(context.args[index], "BIT");
  if (bits || EqualsIgnoreCase(context.args[index], "BYTE")) return true;
  context.reply.Error(kSyntaxError);
  return false;
}

// The bits that a client's range in bits or bytes covers.
IndexRange BitRange(int64_t start, int64_t end, bool bits, std::string_view bytes) {
  auto size = static_cast<int64_t>(bytes.size());
  if (bits) return ClampRange(start, end, size * 8);
  IndexRange range = ClampRange(start, end, size);
  if (range.empty()) return range;
  return {range.first * 8, range.last * 8 + 7};
}

}  // namespace

void SetBit(CommandContext& context) {
  uint64_t offset;
  int64_t bit;
  if (!OffsetArgument(context, offset)) return;
  if (!IntegerArgument(context, 3, bit, kBadBit)) return;
  if (bit != 0 && bit != 1) return context.reply.Error(kBadBit);
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  std::string_view bytes = BytesOf(entry);
  const size_t index = offset / 8;
  const bool old = BitAt(bytes, offset);
  if (index >= bytes.size() || old != (bit == 1)) {
    const unsigned mask = 0x80u >> (offset % 8);
    const unsigned byte = index < bytes.size() ? static_cast<uint8_t>(bytes[index]) : 0;
    const char changed = static_cast<char>(bit == 1 ? byte | mask : byte & ~mask);
    context.keys.OverwriteString(context.db, context.key, index, {&changed, 1});
  }
  context.reply.Integer(old ? 1 : 0);
}

void GetBit(CommandContext& context) {
  uint64_t offset;
  if (!OffsetArgument(context, offset)) return;
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (RefusedAsWrongType(context, entry)) return;
  context.reply.Integer(BitAt(BytesOf(entry), offset) ? 1 : 0);
}

void BitCount(CommandContext& context) {
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (entry == nullptr) return context.reply.Integer(0);
  if (RefusedAsWrongType(context, entry)) return;
  const size_t count = context.args.size();
  if (count == 3 || count > 5) return context.reply.Error(kSyntaxError);
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
  if (count >= 4) {
    if (!IntegerArgument(context, 2, start) || !IntegerArgument(context, 3, end)) return;
    if (BackwardFromEnd(start, end)) return context.reply.Integer(0);
    if (!UnitArgument(context, 4, bits)) return;
  }
  std::string_view bytes = entry->string();
  IndexRange range = BitRange(start, end, bits, bytes);
  context.reply.Integer(range.empty() ? 0 : CountOnes(bytes, range.first, range.last));
}

void BitPos(CommandContext& context) {
  int64_t bit;
  if (!IntegerArgument(context, 2, bit)) return;
  if (bit != 0 && bit != 1) return context.reply.Error("ERR The bit argument must be 1 or 0.");
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (entry == nullptr) return context.reply.Integer(bit == 1 ? -1 : 0);
  if (RefusedAsWrongType(context, entry)) return;
  const size_t count = context.args.size();
  if (count > 6) return context.reply.Error(kSyntaxError);
  int64_t start = 0;
  int64_t end = -1;
  bool bits = false;
  if (count >= 4 && !IntegerArgument(context, 3, start)) return;
  if (!UnitArgument(context, 5, bits)) return;
  if (count >= 5 && !IntegerArgument(context, 4, end)) return;
  std::string_view bytes = entry->string();
  IndexRange range = BitRange(start, end, bits, bytes);
  int64_t found = range.empty() ? -1 : FindBit(bytes, range.first, range.last, bit == 1);
  // Without an end, the string counts as followed by zeros.
  if (found < 0 && bit == 0 && count < 5 && !range.empty()) found = range.last + 1;
  context.reply.Integer(found);
}

}  // namespace flashdb::strings
