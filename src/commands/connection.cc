// PING, ECHO, HELLO, AUTH, QUIT, RESET, SELECT.
#include <array>
#include <optional>
#include <utility>

#include "base/numbers.h"
#include "commands/client.h"
#include "commands/engine.h"
#include "commands/multi.h"
#include "commands/pubsub.h"
#include "commands/server.h"

namespace flashdb {
namespace {

constexpr std::string_view kWrongPassword =
    "WRONGPASS invalid username-password pair or user is disabled.";

void Ping(SessionContext& context) {
  ReplyWriter& reply = context.reply;
  if (context.args.size() > 2) return reply.Error(WrongArity("ping"));
  bool has_text = context.args.size() == 2;
  if (context.session.subscribed() && !reply.resp3()) {
    reply.Array(2);
    reply.Bulk("pong");
    return reply.Bulk(has_text ? context.args[1] : "");
  }
  has_text ? reply.Bulk(context.args[1]) : reply.Simple("PONG");
}

void Echo(SessionContext& context) { context.reply.Bulk(context.args[1]); }

bool LogIn(SessionContext& context, std::string_view user, std::string_view password) {
  Engine& engine = context.engine;
  bool good = user == "default" && (!engine.services.PasswordRequired(engine) ||
                                    engine.services.CheckPassword(engine, password));
  if (good) {
    context.session.authenticated = true;
    context.session.user = user;
  } else {
    context.reply.Error(kWrongPassword);
  }
  return good;
}

void Auth(SessionContext& context) {
  ArgView args = context.args;
  if (args.size() > 3) return context.reply.Error(kSyntaxError);
  if (args.size() == 2 && !context.engine.services.PasswordRequired(context.engine)) {
    return context.reply.Error(
        "ERR AUTH <password> called without any password configured for the default user. Are you "
        "sure your configuration is correct?");
  }
  bool good =
      args.size() == 2 ? LogIn(context, "default", args[1]) : LogIn(context, args[1], args[2]);
  if (good) context.reply.Ok();
}

struct HelloOptions {
  int protocol = 0;  // 0: stays
  std::optional<std::pair<std::string_view, std::string_view>> login;
  std::optional<std::string_view> name;
};

bool ParseProtocol(SessionContext& context, HelloOptions& options) {
  if (context.args.size() < 2) return true;
  auto version = ParseInt64(context.args[1]);
  if (!version) {
    context.reply.Error("ERR Protocol version is not an integer or out of range");
    return false;
  }
  if (*version < 2 || *version > 3) {
    context.reply.Error("NOPROTO unsupported protocol version");
    return false;
  }
  options.protocol = static_cast<int>(*version);
  return true;
}

bool ParseHello(SessionContext& context, HelloOptions& options) {
  if (!ParseProtocol(context, options)) return false;
  ArgView args = context.args;
  for (size_t i = 2; i < args.size(); ++i) {
    size_t more = args.size() - 1 - i;
    if (EqualsIgnoreCase(args[i], "auth") && more >= 2) {
      options.login.emplace(args[i + 1], args[i + 2]);
      i += 2;
    } else if (EqualsIgnoreCase(args[i], "setname") && more >= 1) {
      options.name = args[++i];
      if (!IsPlainWord(*options.name)) {
        context.reply.Error(kBadClientName);
        return false;
      }
    } else {
      context.reply.Error(fmt::format("ERR Syntax error in HELLO option '{}'", args[i]));
      return false;
    }
  }
  return true;
}

void ReplyHello(SessionContext& context) {
  // The reply is already in the protocol that it announces.
  ReplyWriter reply(context.reply.out(), context.session.protocol);
  reply.Map(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(context.session.protocol);
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(context.session.id));
  reply.Bulk("mode");
  reply.Bulk(context.engine.services.facts().shard_port_base != 0 ? "cluster" : "standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.EmptyArray();
}

void Hello(SessionContext& context) {
  HelloOptions options;
  if (!ParseHello(context, options)) return;
  if (options.login && !LogIn(context, options.login->first, options.login->second)) return;
  if (!context.session.authenticated) {
    return context.reply.Error(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "<proto> AUTH <user> <pass> option can be used to authenticate the client and select the "
        "RESP protocol version at the same time");
  }
  if (options.name) context.session.name = *options.name;
  if (options.protocol != 0) context.session.protocol = options.protocol;
  ReplyHello(context);
}

void Quit(SessionContext& context) {
  context.reply.Ok();
  context.session.link->Close(/*after_output=*/true);
}

void Reset(SessionContext& context) {
  Session& session = context.session;
  DiscardMulti(session);
  DropSubscriptions(context.engine, session);
  session.db = 0;
  session.protocol = 2;
  session.authenticated = !context.engine.services.PasswordRequired(context.engine);
  session.user = "default";
  session.name.clear();
  session.reply_mode = ReplyMode::kOn;
  session.no_evict = false;
  session.no_touch = false;
  context.reply.Simple("RESET");
}

void Select(SessionContext& context) {
  auto index = ParseInt64(context.args[1]);
  if (!index) return context.reply.Error(kNotInteger);
  if (*index < INT32_MIN || *index > INT32_MAX) {
    return context.reply.Error(fmt::format(
        "ERR value is out of range, value must between {} and {}", INT32_MIN, INT32_MAX));
  }
  if (*index < 0 || *index >= kDatabaseCount) {
    return context.reply.Error("ERR DB index is out of range");
  }
  context.session.db = static_cast<uint32_t>(*index);
  context.reply.Ok();
}

constexpr std::string_view kGroup = "connection";
constexpr uint32_t kHandshake = kNoScript | kLoading | kStale | kFast | kNoAuth;

constexpr std::array kRows = {
    OnSession("ping", -1, kFast | kInSubscribe, &Ping,
              {"Answers PONG, or the given text.", "1.0.0", kGroup, "O(1)"}),
    OnSession("echo", 2, kLoading | kStale | kFast, &Echo,
              {"Answers the given text.", "1.0.0", kGroup, "O(1)"}),
    OnSession("hello", -1, kHandshake, &Hello,
              {"Opens the conversation: protocol version, login and name in one step.", "6.0.0",
               kGroup, "O(1)"}),
    OnSession("auth", -2, kHandshake, &Auth, {"Logs the connection in.", "1.0.0", kGroup, "O(1)"}),
    OnSession("quit", -1, kHandshake | kInSubscribe | kBypassMulti, &Quit,
              {"Closes the connection once all replies have been sent.", "1.0.0", kGroup, "O(1)"}),
    OnSession("reset", 1, kHandshake | kInSubscribe | kBypassMulti, &Reset,
              {"Brings the connection back to the state of a new one.", "6.2.0", kGroup, "O(1)"}),
    OnSession("select", 2, kLoading | kStale | kFast, &Select,
              {"Chooses the database that later commands use.", "1.0.0", kGroup, "O(1)"}),
};

}  // namespace

std::span<const Command> ConnectionCommands() { return kRows; }

}  // namespace flashdb
