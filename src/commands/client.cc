// CLIENT: the table rows and the subcommands that concern the own connection, and PAUSE.
#include "commands/client.h"

#include <array>

#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/server.h"

namespace flashdb {
namespace {

void Id(SessionContext& context) {
  context.reply.Integer(static_cast<int64_t>(context.session.id));
}

void Info(SessionContext& context) {
  UnixMillis now = context.engine.clock.NowMillis();
  context.reply.Verbatim("txt", DescribeClient(context.session, now) + "\n");
}

void SetName(SessionContext& context) {
  if (!IsPlainWord(context.args[2])) return context.reply.Error(kBadClientName);
  context.session.name = context.args[2];
  context.reply.Ok();
}

void GetName(SessionContext& context) {
  const std::string& name = context.session.name;
  name.empty() ? context.reply.Null() : context.reply.Bulk(name);
}

void SetInfo(SessionContext& context) {
  std::string_view attribute = context.args[2];
  bool is_name = EqualsIgnoreCase(attribute, "lib-name");
  if (!is_name && !EqualsIgnoreCase(attribute, "lib-ver")) {
    return context.reply.Error(fmt::format("ERR Unrecognized option '{}'", attribute));
  }
  if (!IsPlainWord(context.args[3])) {
    return context.reply.Error(
        fmt::format("ERR {} cannot contain spaces, newlines or special characters.", attribute));
  }
  (is_name ? context.session.lib_name : context.session.lib_version) = context.args[3];
  context.reply.Ok();
}

// Sets `flag` to what ON or OFF in the third argument says.
void SetSwitch(SessionContext& context, bool& flag) {
  bool on = EqualsIgnoreCase(context.args[2], "on");
  if (!on && !EqualsIgnoreCase(context.args[2], "off")) return context.reply.Error(kSyntaxError);
  flag = on;
  context.reply.Ok();
}

void NoEvict(SessionContext& context) { SetSwitch(context, context.session.no_evict); }
void NoTouch(SessionContext& context) { SetSwitch(context, context.session.no_touch); }

// OFF and SKIP have no reply at all; whoever sends replies looks at the mode after each command.
void Reply(SessionContext& context) {
  std::string_view mode = context.args[2];
  ReplyMode& current = context.session.reply_mode;
  if (EqualsIgnoreCase(mode, "on")) {
    current = ReplyMode::kOn;
    context.reply.Ok();
  } else if (EqualsIgnoreCase(mode, "off")) {
    current = ReplyMode::kOff;
  } else if (EqualsIgnoreCase(mode, "skip")) {
    if (current != ReplyMode::kOff) current = ReplyMode::kSkipNext;
  } else {
    context.reply.Error(kSyntaxError);
  }
}

struct PauseRequest {
  UnixMillis until = 0;
  bool writes_only = false;
};

bool ParsePause(SessionContext& context, PauseRequest& pause) {
  ArgView args = context.args;
  auto fail = [&context](std::string_view error) {
    context.reply.Error(error);
    return false;
  };
  if (args.size() > 4) return fail(kSyntaxError);
  pause.writes_only = args.size() == 4 && EqualsIgnoreCase(args[3], "write");
  if (args.size() == 4 && !pause.writes_only && !EqualsIgnoreCase(args[3], "all")) {
    return fail("ERR CLIENT PAUSE mode must be WRITE or ALL");
  }
  auto timeout = ParseInt64(args[2]);
  if (!timeout) return fail("ERR timeout is not an integer or out of range");
  if (*timeout < 0) return fail("ERR timeout is negative");
  UnixMillis now = context.engine.clock.NowMillis();
  if (*timeout > INT64_MAX - now) return fail("ERR timeout is out of range");
  pause.until = now + *timeout;
  return true;
}

void SetPauseEnd(Engine& engine, UnixMillis until) {
  engine.pause_until = until;
  engine.shard.set_expiry_paused_until(until);
}

// A pause that is under way is never shortened, nor loosened from all commands to writes.
void ApplyPause(const PauseRequest& pause) {
  Engine& engine = Engine::Current();
  bool paused = engine.pause_until > engine.clock.NowMillis();
  engine.pause_writes_only = pause.writes_only && (!paused || engine.pause_writes_only);
  SetPauseEnd(engine, paused ? std::max(engine.pause_until, pause.until) : pause.until);
}

Task<void> Pause(SessionContext& context) {
  PauseRequest pause;
  if (!ParsePause(context, pause)) co_return;
  auto apply = [pause] { ApplyPause(pause); };
  co_await ForAllShards(apply);
  context.reply.Ok();
}

Task<void> Unpause(SessionContext& context) {
  auto apply = [] { SetPauseEnd(Engine::Current(), 0); };
  co_await ForAllShards(apply);
  context.reply.Ok();
}

void Tracking(SessionContext& context) {
  if (EqualsIgnoreCase(context.args[2], "off")) return context.reply.Ok();
  if (!EqualsIgnoreCase(context.args[2], "on")) return context.reply.Error(kSyntaxError);
  ReplyNotSupported(context,
                    "FlashDB sends no invalidation messages; read from the server instead");
}

void TrackingInfo(SessionContext& context) {
  ReplyWriter& reply = context.reply;
  reply.Map(3);
  reply.Bulk("flags");
  reply.Set(1);
  reply.Bulk("off");
  reply.Bulk("redirect");
  reply.Integer(-1);
  reply.Bulk("prefixes");
  reply.EmptyArray();
}

void Caching(SessionContext& context) {
  context.reply.Error(
      "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or "
      "OPTOUT mode enabled");
}

void GetRedir(SessionContext& context) { context.reply.Integer(-1); }

// No command of FlashDB blocks its client, so there is never anybody to unblock.
void Unblock(SessionContext& context) {
  ArgView args = context.args;
  if (args.size() > 4) return context.reply.Error(kSyntaxError);
  if (args.size() == 4 && !EqualsIgnoreCase(args[3], "timeout") &&
      !EqualsIgnoreCase(args[3], "error")) {
    return context.reply.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  if (!ParseInt64(args[2])) return context.reply.Error(kNotInteger);
  context.reply.Integer(0);
}

void Help(SessionContext& context) {
  ReplyHelp(context, {"CACHING (YES|NO)",
                      "    Needs tracking, which FlashDB does not offer.",
                      "GETNAME",
                      "    Tell the name of this connection.",
                      "GETREDIR",
                      "    Tell where tracking messages go (-1: nowhere).",
                      "ID",
                      "    Tell the id of this connection.",
                      "INFO",
                      "    Describe this connection in one line.",
                      "KILL <ip:port>",
                      "    Close the connection from that address.",
                      "KILL <option> <value> [<option> <value> ...]",
                      "    Close the connections that all options fit:",
                      "    * ADDR <ip:port>, LADDR <ip:port>: the client's or the server's end",
                      "    * ID <id>, USER <name>, TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
                      "    * MAXAGE <seconds>: connected for at least that long",
                      "    * SKIPME (YES|NO): spare this connection (default: yes)",
                      "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)|ID <id> [<id> ...]]",
                      "    Describe connections, one line each.",
                      "NO-EVICT (ON|OFF)",
                      "    Protect this connection from eviction.",
                      "NO-TOUCH (ON|OFF)",
                      "    Let this connection's reads leave access times alone.",
                      "PAUSE <timeout> [WRITE|ALL]",
                      "    Hold back commands, or just writes, for <timeout> milliseconds.",
                      "REPLY (ON|OFF|SKIP)",
                      "    Say which replies this connection wants.",
                      "SETINFO (LIB-NAME|LIB-VER) <value>",
                      "    Note the name or version of the client library.",
                      "SETNAME <name>",
                      "    Name this connection.",
                      "TRACKING (ON|OFF) [...]",
                      "    Only OFF is supported.",
                      "TRACKINGINFO",
                      "    Tell the state of tracking.",
                      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
                      "    Wake a client that waits in a blocking command.",
                      "UNPAUSE",
                      "    End a pause."});
}

constexpr std::string_view kGroup = "connection";
constexpr uint32_t kOwn = kNoScript | kLoading | kStale;
constexpr uint32_t kOthers = kOwn | kAdmin;

constexpr std::array kRows = {
    Container("client",
              {"Commands on client connections.", "2.4.0", kGroup, "Depends on subcommand."}),
    OnSession("client|caching", 3, kOwn, &Caching,
              {"Says whether tracking covers the next command.", "6.0.0", kGroup, "O(1)"}),
    OnSession("client|getname", 2, kOwn, &GetName,
              {"Tells the connection's name.", "2.6.9", kGroup, "O(1)"}),
    OnSession("client|getredir", 2, kOwn, &GetRedir,
              {"Tells where tracking messages are sent.", "6.0.0", kGroup, "O(1)"}),
    OnSession("client|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "5.0.0", kGroup, "O(1)"}),
    OnSession("client|id", 2, kOwn, &Id, {"Tells the connection's id.", "5.0.0", kGroup, "O(1)"}),
    OnSession("client|info", 2, kOwn, &Info,
              {"Describes the connection.", "6.2.0", kGroup, "O(1)"}),
    OnSessionTask("client|kill", -3, kOthers, &ClientKill,
                  {"Closes connections.", "2.4.0", kGroup, "O(N) in the number of connections"}),
    OnSessionTask(
        "client|list", -2, kOthers, &ClientList,
        {"Describes all connections.", "2.4.0", kGroup, "O(N) in the number of connections"}),
    OnSession("client|no-evict", 3, kOthers, &NoEvict,
              {"Protects the connection from eviction.", "7.0.0", kGroup, "O(1)"}),
    OnSession("client|no-touch", 3, kOwn, &NoTouch,
              {"Lets the connection read without changing access times.", "7.2.0", kGroup, "O(1)"}),
    OnSessionTask("client|pause", -3, kOthers, &Pause,
                  {"Holds back commands for a time.", "3.0.0", kGroup, "O(1)"}),
    OnSession("client|reply", 3, kOwn, &Reply,
              {"Says which replies the connection wants.", "3.2.0", kGroup, "O(1)"}),
    OnSession("client|setinfo", 4, kOwn, &SetInfo,
              {"Notes the client library's name or version.", "7.2.0", kGroup, "O(1)"}),
    OnSession("client|setname", 3, kOwn, &SetName,
              {"Names the connection.", "2.6.9", kGroup, "O(1)"}),
    OnSession("client|tracking", -3, kOwn, &Tracking,
              {"Turns server-assisted client caching off.", "6.0.0", kGroup, "O(1)"}),
    OnSession("client|trackinginfo", 2, kOwn, &TrackingInfo,
              {"Tells the state of server-assisted client caching.", "6.2.0", kGroup, "O(1)"}),
    OnSession("client|unblock", -3, kOthers, &Unblock,
              {"Wakes a client that waits in a blocking command.", "5.0.0", kGroup, "O(1)"}),
    OnSessionTask("client|unpause", 2, kOthers, &Unpause,
                  {"Ends a pause.", "6.2.0", kGroup, "O(1)"}),
};

}  // namespace

std::span<const Command> ClientCommands() { return kRows; }

}  // namespace flashdb
