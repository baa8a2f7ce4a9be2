// BITFIELD and BITFIELD_RO. All operations are parsed before the first runs.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/numbers.h"
#include "commands/bit_fields.h"
#include "commands/string_handlers.h"

namespace flashdb::strings {
namespace {

enum class Action : uint8_t { kGet, kSet, kIncrement };

struct Operation {
  Action action;
  BitFieldType type;
  uint64_t offset;  // in bits
  int64_t operand;  // of SET and INCRBY
  BitOverflow overflow;

  uint64_t last_bit() const { return offset + type.bits - 1; }
};

/// Reads the words behind the key. After a failure the error has been replied.
class Parser {
 public:
  explicit Parser(CommandContext& context) : context_(context), args_(context.args) {}

  bool Parse() {
    while (at_ < args_.size()) {
      if (!ParseWord(args_[at_++])) return false;
    }
    return true;
  }
  const std::vector<Operation>& operations() const { return operations_; }

 private:
  bool Fail(std::string_view line) {
    context_.reply.Error(line);
    return false;
  }

  bool ParseWord(std::string_view word) {
    const size_t left = args_.size() - at_;
    if (left >= 2 && EqualsIgnoreCase(word, "get")) return ParseOperation(Action::kGet);
    if (left >= 3 && EqualsIgnoreCase(word, "set")) return ParseOperation(Action::kSet);
    if (left >= 3 && EqualsIgnoreCase(word, "incrby")) return ParseOperation(Action::kIncrement);
    if (left >= 1 && EqualsIgnoreCase(word, "overflow")) return ParseOverflow(args_[at_++]);
    return Fail(kSyntaxError);
  }

  bool ParseOverflow(std::string_view name) {
    if (EqualsIgnoreCase(name, "wrap")) {
      overflow_ = BitOverflow::kWrap;
    } else if (EqualsIgnoreCase(name, "sat")) {
      overflow_ = BitOverflow::kSaturate;
    } else if (EqualsIgnoreCase(name, "fail")) {
      overflow_ = BitOverflow::kFail;
    } else {
      return Fail("ERR Invalid OVERFLOW type specified");
    }
    return true;
  }

  bool ParseOperation(Action action) {
    const std::optional<BitFieldType> type = ParseBitFieldType(args_[at_++]);
    if (!type) {
      return Fail(
          "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "
          "but i64 is.");
    }
    const std::optional<uint64_t> offset = ParseOffset(args_[at_++], type->bits);
    if (!offset) return Fail("ERR bit offset is not an integer or out of range");
    int64_t operand = 0;
    if (action != Action::kGet && !IntegerArgument(context_, at_++, operand)) return false;
    operations_.push_back({action, *type, *offset, operand, overflow_});
    return true;
  }

  /// "#N" counts in fields of `bits`.
  std::optional<uint64_t> ParseOffset(std::string_view text, unsigned bits) {
    const bool in_fields = text.starts_with('#');
    const std::optional<int64_t> number = ParseInt64(text.substr(in_fields ? 1 : 0));
    int64_t offset;
    if (!number || __builtin_mul_overflow(*number, in_fields ? int64_t{bits} : 1, &offset) ||
        offset < 0 || static_cast<uint64_t>(offset) / 8 >= context_.max_string_bytes) {
      return std::nullopt;
    }
    return static_cast<uint64_t>(offset);
  }

  CommandContext& context_;
  const ArgView args_;
  size_t at_ = 2;
  BitOverflow overflow_ = BitOverflow::kWrap;
  std::vector<Operation> operations_;
};

bool Writes(const Operation& operation) { return operation.action != Action::kGet; }

void ReplyReads(CommandContext& context, const std::vector<Operation>& operations) {
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (RefusedAsWrongType(context, entry)) return;
  context.reply.Array(operations.size());
  for (const Operation& operation : operations) {
    const FieldWindow window = OpenWindow(BytesOf(entry), operation.offset, operation.type);
    context.reply.Integer(ReadField(window, operation.type));
  }
}

// Makes the string long enough for all operations at once, even for those that fail (as in Redis).
void Grow(CommandContext& context, const std::vector<Operation>& operations, size_t size) {
  uint64_t last_bit = 0;
  for (const Operation& operation : operations) {
    if (Writes(operation)) last_bit = std::max(last_bit, operation.last_bit());
  }
  const size_t last_byte = static_cast<size_t>(last_bit / 8);
  if (last_byte < size) return;
  context.keys.OverwriteString(context.db, context.key, last_byte, std::string_view("\0", 1));
}

void Execute(CommandContext& context, const Operation& operation) {
  const std::string_view bytes = BytesOf(FindForWrite(context));
  FieldWindow window = OpenWindow(bytes, operation.offset, operation.type);
  const int64_t old = ReadField(window, operation.type);
  if (!Writes(operation)) return context.reply.Integer(old);
  const bool sets = operation.action == Action::kSet;
  const std::optional<int64_t> fresh =
      FitField(sets ? operation.operand : old, sets ? 0 : operation.operand, operation.type,
               operation.overflow);
  if (!fresh) return context.reply.Null();
  if (*fresh != old) {
    WriteField(window, operation.type, *fresh);
    context.keys.OverwriteString(context.db, context.key, static_cast<size_t>(operation.offset / 8),
                                 {reinterpret_cast<const char*>(window.bytes), window.size});
  }
  context.reply.Integer(sets ? old : *fresh);
}

}  // namespace

void BitField(CommandContext& context) {
  Parser parser(context);
  if (!parser.Parse()) return;
  const std::vector<Operation>& operations = parser.operations();
  if (std::none_of(operations.begin(), operations.end(), Writes)) {
    return ReplyReads(context, operations);
  }
  const Entry* entry = FindForWrite(context);
  if (RefusedAsWrongType(context, entry)) return;
  Grow(context, operations, BytesOf(entry).size());
  context.reply.Array(operations.size());
  for (const Operation& operation : operations) Execute(context, operation);
}

void BitFieldRo(CommandContext& context) {
  Parser parser(context);
  if (!parser.Parse()) return;
  const std::vector<Operation>& operations = parser.operations();
  if (std::any_of(operations.begin(), operations.end(), Writes)) {
    return context.reply.Error("ERR BITFIELD_RO only supports the GET subcommand");
  }
  ReplyReads(context, operations);
}

}  // namespace flashdb::strings
