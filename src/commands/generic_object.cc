// OBJECT: how a value is kept. None of it touches the key.
#include <algorithm>

#include "base/numbers.h"
#include "commands/generic.h"
#include "shards/hash_value.h"

namespace flashdb::generic {
namespace {

// Redis's names: "embstr" is a string in one block with its object, at most 44 bytes there.
std::string_view StringEncoding(const Entry& entry) {
  constexpr size_t kMaxEmbedded = 44;
  if (!entry.has(Entry::kInline)) return "raw";
  std::string_view bytes = entry.string();
  if (ParseInt64(bytes)) return "int";
  return bytes.size() <= kMaxEmbedded ? "embstr" : "raw";
}

// The key's entry, or nullptr after the reply has been written.
const Entry* FindObject(CommandContext& context) {
  const Entry* entry = Peek(context, context.key);
  if (entry == nullptr) context.reply.Null();
  return entry;
}

}  // namespace

std::string_view EncodingOf(const Entry& entry) {
  if (entry.type == ValueType::kString) return StringEncoding(entry);
  return HashOf(entry)->encoding();
}

void ObjectEncoding(CommandContext& context) {
  const Entry* entry = FindObject(context);
  if (entry != nullptr) context.reply.Bulk(EncodingOf(*entry));
}

void ObjectIdleTime(CommandContext& context) {
  const Entry* entry = FindObject(context);
  if (entry == nullptr) return;
  context.reply.Integer(entry->IdleSeconds(static_cast<uint64_t>(context.now()) / 1000));
}

// Values are never shared.
void ObjectRefCount(CommandContext& context) {
  if (FindObject(context) != nullptr) context.reply.Integer(1);
}

void ObjectFreq(CommandContext& context) {
  if (FindObject(context) == nullptr) return;
  context.reply.Error(
      "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that "
      "when switching between policies at runtime LRU and LFU data will take some time to adjust.");
}

void ObjectHelp(SessionContext& context) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>", "    Name the representation in which the value of <key> is kept.",
      "FREQ <key>",     "    Tell how often <key> is used; only under an LFU policy.",
      "IDLETIME <key>", "    Tell for how many seconds <key> has not been used.",
      "REFCOUNT <key>", "    Tell how many references there are to the value of <key>; always 1.",
  };
  WriteHelp(context.reply, "OBJECT", kLines);
}

}  // namespace flashdb::generic
