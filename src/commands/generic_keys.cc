// DEL, UNLINK, EXISTS, TOUCH, TYPE, MOVE.
#include <string>

#include "base/check.h"
#include "commands/generic.h"

namespace flashdb::generic {
namespace {

// Counts the keys among the arguments for which `holds(key)`.
template <typename F>
void ReplyCount(CommandContext& context, F holds) {
  int64_t count = 0;
  for (std::string_view name : context.args.subspan(1)) {
    if (holds(MakeKey(name))) ++count;
  }
  context.reply.Integer(count);
}

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return "string";
    case ValueType::kHash:
      return "hash";
  }
  FLASHDB_CHECK(false, "unknown value type {}", static_cast<int>(type));
  return {};
}

void Delete(CommandContext& context) {
  ReplyCount(context, [&](const KeyRef& key) { return context.keys.Delete(context.db, key); });
}

void Exists(CommandContext& context) {
  ReplyCount(context, [&](const KeyRef& key) { return Peek(context, key) != nullptr; });
}

// The one command that touches under CLIENT NO-TOUCH too, as in Redis.
void TouchKeys(CommandContext& context) {
  ReplyCount(context, [&](const KeyRef& key) {
    return context.keys.Find(context.db, key, Keyspace::Touch::kYes) != nullptr;
  });
}

void Type(CommandContext& context) {
  const Entry* entry = Peek(context, context.key);
  context.reply.Simple(entry != nullptr ? TypeName(entry->type) : "none");
}

void Move(CommandContext& context) {
  std::optional<uint32_t> target = ParseDatabase(context.args[2], context.reply);
  if (!target) return;
  if (*target == context.db) return context.reply.Error(kSameObject);
  Keyspace& keys = context.keys;
  const Entry* entry = keys.Find(context.db, context.key, Keyspace::Touch::kQuiet);
  if (entry == nullptr) return context.reply.Integer(0);

  ValueType type = entry->type;
  UnixMillis expire_at = entry->expire_at();
  uint32_t used =
      context.no_touch ? entry->access_seconds : static_cast<uint32_t>(context.now() / 1000);
  if (keys.Find(*target, context.key, Keyspace::Touch::kQuiet) != nullptr) {
    return context.reply.Integer(0);
  }
  std::string image;
  Keyspace::EncodeValue(*entry, image);
  Status restored = keys.Restore(*target, context.key, type, image, expire_at);
  FLASHDB_CHECK(restored.ok(), "a value's own image is refused: {}", MessageOf(restored));
  keys.SetAccess(*target, context.key, used);
  keys.Delete(context.db, context.key);
  context.reply.Integer(1);
}

}  // namespace flashdb::generic
