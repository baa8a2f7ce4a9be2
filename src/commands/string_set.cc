// GET and SET with their relatives: whole values in and out.
#include "commands/string_handlers.h"
#include "commands/string_options.h"

namespace flashdb::strings {
namespace {

// Sets the key, or removes it if its new value would be expired from the start.
void Store(CommandContext& context, std::string_view value, UnixMillis expire_at) {
  if (expire_at != 0 && expire_at <= context.now()) {
    context.keys.Delete(context.db, context.key);
  } else {
    context.keys.SetString(context.db, context.key, value, expire_at);
  }
}

void SetWithOptions(CommandContext& context, const StringOptions& options) {
  UnixMillis at = 0;
  if (options.form != ExpiryForm::kNone &&
      !ResolveExpiry(context, options.expiry, options.form, "set", at)) {
    return;
  }
  const Entry* old = options.get ? context.keys.Find(context.db, context.key, context.touch())
                                 : FindForWrite(context);
  if (options.get && !ReplyString(context, old)) return;
  if (old != nullptr ? options.if_missing : options.if_present) {
    if (!options.get) context.reply.Null();
    return;
  }
  if (options.keep_ttl) {
    context.keys.SetString(context.db, context.key, context.args[2],
                           old != nullptr ? old->expire_at() : 0);
  } else {
    Store(context, context.args[2], at);
  }
  if (!options.get) context.reply.Ok();
}

void SetWithExpiry(CommandContext& context, ExpiryForm form, std::string_view command) {
  UnixMillis at = 0;
  if (!ResolveExpiry(context, context.args[2], form, command, at)) return;
  Store(context, context.args[3], at);
  context.reply.Ok();
}

}  // namespace

void Get(CommandContext& context) {
  ReplyString(context, context.keys.Find(context.db, context.key, context.touch()));
}

void GetDel(CommandContext& context) {
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (!ReplyString(context, entry) || entry == nullptr) return;
  context.keys.Delete(context.db, context.key);
}

void GetEx(CommandContext& context) {
  StringOptions options;
  if (!ParseStringOptions(context.args.subspan(2), OptionsOf::kGetEx, options)) {
    return context.reply.Error(kSyntaxError);
  }
  const Entry* entry = context.keys.Find(context.db, context.key, context.touch());
  if (entry == nullptr) return context.reply.Null();
  if (RefusedAsWrongType(context, entry)) return;
  bool expires = options.form != ExpiryForm::kNone;
  UnixMillis at = 0;
  if (expires && !ResolveExpiry(context, options.expiry, options.form, "getex", at)) return;
  context.reply.Bulk(entry->string());
  if (expires && at <= context.now()) {
    context.keys.Delete(context.db, context.key);
  } else if (expires || (options.persist && entry->expire_at() != 0)) {
    context.keys.SetExpiry(context.db, context.key, at);
  }
}

void GetSet(CommandContext& context) {
  const Entry* old = context.keys.Find(context.db, context.key, context.touch());
  if (!ReplyString(context, old)) return;
  context.keys.SetString(context.db, context.key, context.args[2], 0);
}

void Set(CommandContext& context) {
  if (context.args.size() == 3) [[likely]] {
    context.keys.SetString(context.db, context.key, context.args[2], 0);
    return context.reply.Ok();
  }
  StringOptions options;
  if (!ParseStringOptions(context.args.subspan(3), OptionsOf::kSet, options)) {
    return context.reply.Error(kSyntaxError);
  }
  SetWithOptions(context, options);
}

void SetNx(CommandContext& context) {
  if (FindForWrite(context) != nullptr) return context.reply.Integer(0);
  context.keys.SetString(context.db, context.key, context.args[2], 0);
  context.reply.Integer(1);
}

void SetEx(CommandContext& context) { SetWithExpiry(context, ExpiryForm::kEx, "setex"); }

void PSetEx(CommandContext& context) { SetWithExpiry(context, ExpiryForm::kPx, "psetex"); }

void MGet(CommandContext& context) {
  context.reply.Array(context.args.size() - 1);
  ForEachKeyAhead(context, 1, [&](size_t, const KeyRef& key) {
    const Entry* entry = context.keys.Find(context.db, key, context.touch());
    if (entry == nullptr || entry->type != ValueType::kString) return context.reply.Null();
    context.reply.Bulk(entry->string());
  });
}

void MSet(CommandContext& context) {
  if (context.args.size() % 2 == 0) return context.reply.Error(WrongArity("mset"));
  ForEachKeyAhead(context, 2, [&](size_t index, const KeyRef& key) {
    context.keys.SetString(context.db, key, context.args[index + 1], 0);
  });
  context.reply.Ok();
}

}  // namespace flashdb::strings
