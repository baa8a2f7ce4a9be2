// DEBUG: what test suites and developers of client libraries use.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/numbers.h"
#include "base/slots.h"
#include "commands/generic.h"
#include "commands/generic_dump.h"
#include "commands/observe.h"
#include "commands/server.h"
#include "commands/server_debug_data.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// Switches of parts that FlashDB does not have: turning them is accepted and changes nothing.
constexpr std::array<std::string_view, 16> kAccepted = {
    "aof-flush-sleep",
    "change-repl-id",
    "client-eviction",
    "config-rewrite-force-all",
    "dict-resizing",
    "drop-cluster-packet-filter",
    "jmap",
    "listpack",
    "loadaof",
    "pause-cron",
    "quicklist",
    "quicklist-packed-threshold",
    "reload",
    "replybuffer",
    "set-disable-deny-scripts",
    "set-skip-checksum-validation",
};

// Ends the command, but neither the shard nor other connections wait (in Redis the server does).
Task<void> Sleep(SessionContext& context) {
  auto seconds = ParseDouble(context.args[2]);
  if (!seconds || *seconds < 0 || *seconds > 1e9) co_return context.reply.Error(kNotFloat);
  auto micros = static_cast<uint64_t>(std::ceil(*seconds * 1e6));
  co_await context.engine.services.Sleep(micros);
  // Tests of SLOWLOG and LATENCY sleep in order to see it there.
  NoteWait(context.engine, context.args, &context.session, micros);
  context.reply.Ok();
}

// What DEBUG OBJECT tells, read on the key's shard, and the record that the answer depends on.
struct ObjectLine {
  std::string text;  // empty: no such key
  Lsn gate = 0;
};

std::string DescribeObject(const Entry& entry, UnixMillis now) {
  uint32_t idle = entry.IdleSeconds(static_cast<uint64_t>(now) / 1000);
  return fmt::format(
      "Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}",
      static_cast<const void*>(&entry), generic::EncodingOf(entry),
      generic::EncodeDump(entry).size(), uint32_t{entry.access_seconds}, idle);
}

ObjectLine ReadObject(uint32_t db, const KeyRef& key, ShardId home) {
  Keyspace& keys = Shard::Current().keys();
  const Entry* entry = keys.Find(db, key, Keyspace::Touch::kQuiet);
  ObjectLine line;
  if (entry != nullptr) line.text = DescribeObject(*entry, keys.now());
  line.gate = Shard::Current().TakeGateFor(home);
  return line;
}

Task<void> Object(SessionContext& context) {
  KeyRef key = MakeKey(context.args[2]);
  ShardId owner = OwnerOf(key.slot, ShardCount());
  auto read = [key, db = context.session.db, home = CurrentShardId()] {
    return ReadObject(db, key, home);
  };
  ObjectLine line = co_await On(owner, read);
  if (context.gates != nullptr && line.gate != 0) context.gates->push_back({owner, line.gate});
  if (line.text.empty()) co_return context.reply.Error("ERR no such key");
  context.reply.Simple(line.text);
}

Task<void> SetActiveExpire(SessionContext& context) {
  auto set = [on = context.args[2] != "0"] { Shard::Current().set_active_expire(on); };
  co_await ForAllShards(set);
  context.reply.Ok();
}

// The elements 0, 1, 2 of the containers that DEBUG PROTOCOL shows.
void ReplyFew(ReplyWriter& reply) {
  for (int i = 0; i < 3; ++i) reply.Integer(i);
}

void ReplyMap(ReplyWriter& reply) {
  reply.Map(3);
  for (int i = 0; i < 3; ++i) {
    reply.Integer(i);
    reply.Bool(i == 1);
  }
}

void ReplyPush(ReplyWriter& reply) {
  if (!reply.resp3()) return reply.Error("ERR RESP2 is not supported by this command");
  reply.Push(2);
  reply.Bulk("server-cpu-usage");
  reply.Integer(42);
}

// The type '|' of RESP3: facts beside the reply proper, which old clients are not sent.
void ReplyAttribute(ReplyWriter& reply) {
  if (reply.resp3()) {
    reply.out().append("|1\r\n");
    reply.Bulk("key-popularity");
    reply.Array(2);
    reply.Bulk("key:123");
    reply.Integer(90);
  }
  reply.Bulk("Some real reply following the attribute");
}

void ReplyArray(ReplyWriter& reply) {
  reply.Array(3);
  ReplyFew(reply);
}

void ReplySet(ReplyWriter& reply) {
  reply.Set(3);
  ReplyFew(reply);
}

struct Sample {
  std::string_view type;
  void (*reply)(ReplyWriter&);
};

constexpr Sample kSamples[] = {
    {"string", [](ReplyWriter& reply) { reply.Bulk("Hello World"); }},
    {"integer", [](ReplyWriter& reply) { reply.Integer(12345); }},
    {"double", [](ReplyWriter& reply) { reply.Double(3.141); }},
    {"bignum",
     [](ReplyWriter& reply) { reply.BigNumber("1234567999999999999999999999999999999"); }},
    {"null", [](ReplyWriter& reply) { reply.Null(); }},
    {"array", &ReplyArray},
    {"set", &ReplySet},
    {"map", &ReplyMap},
    {"attrib", &ReplyAttribute},
    {"push", &ReplyPush},
    {"true", [](ReplyWriter& reply) { reply.Bool(true); }},
    {"false", [](ReplyWriter& reply) { reply.Bool(false); }},
    {"verbatim", [](ReplyWriter& reply) { reply.Verbatim("txt", "This is a verbatim\nstring"); }},
};

void Protocol(SessionContext& context) {
  for (const Sample& sample : kSamples) {
    if (EqualsIgnoreCase(context.args[2], sample.type)) return sample.reply(context.reply);
  }
  context.reply.Error(
      "ERR Wrong protocol type name. Please use one of the following: "
      "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}

void Help(SessionContext& context) {
  ReplyHelp(
      context,
      {"DIGEST",
       "    Tell a digest of all databases; the same data has the same digest.",
       "DIGEST-VALUE [<key> ...]",
       "    Tell a digest of each key's value.",
       "ERROR <text>",
       "    Answer with <text> as an error.",
       "JMAP",
       "    Like other switches of Redis's own parts: accepted, does nothing.",
       "LOG <text>",
       "    Accepted, does nothing.",
       "OBJECT <key>",
       "    Tell how the value of <key> is kept.",
       "POPULATE <count> [<prefix>] [<size>]",
       "    Make <count> keys named <prefix>:<number> (prefix \"key\"), those that exist excepted.",
       "PROTOCOL <type>",
       "    Answer with a value of that type.",
       "SET-ACTIVE-EXPIRE (0|1)",
       "    Turn the removal of expired keys that nobody asks for off or on.",
       "SLEEP <seconds>",
       "    Answer after that time; other clients are served meanwhile."});
}

bool IsAccepted(std::string_view name) {
  return std::any_of(kAccepted.begin(), kAccepted.end(),
                     [name](std::string_view known) { return EqualsIgnoreCase(name, known); });
}

Task<void> Debug(SessionContext& context) {
  ArgView args = context.args;
  if (args.size() == 2 && EqualsIgnoreCase(args[1], "help")) co_return Help(context);
  if (args.size() == 3 && EqualsIgnoreCase(args[1], "sleep")) co_return co_await Sleep(context);
  if (args.size() == 3 && EqualsIgnoreCase(args[1], "set-active-expire")) {
    co_return co_await SetActiveExpire(context);
  }
  if (args.size() == 3 && EqualsIgnoreCase(args[1], "object")) co_return co_await Object(context);
  if (args.size() == 3 && EqualsIgnoreCase(args[1], "protocol")) co_return Protocol(context);
  if (args.size() == 3 && EqualsIgnoreCase(args[1], "error")) {
    co_return context.reply.Error(args[2]);
  }
  if (args.size() == 2 && EqualsIgnoreCase(args[1], "digest")) {
    co_return co_await DebugDigest(context);
  }
  if (EqualsIgnoreCase(args[1], "digest-value")) co_return co_await DebugDigestValue(context);
  if (args.size() >= 3 && args.size() <= 5 && EqualsIgnoreCase(args[1], "populate")) {
    co_return co_await DebugPopulate(context);
  }
  bool is_log = args.size() == 3 && EqualsIgnoreCase(args[1], "log");
  if (is_log || IsAccepted(args[1])) co_return context.reply.Ok();
  context.reply.Error(
      fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
                  args[1].substr(0, 128)));
}

constexpr std::array kRows = {
    OnSessionTask("debug", -2, kAdmin | kNoScript | kLoading | kStale, &Debug,
                  {"Commands for tests.", "1.0.0", "server", "Depends on subcommand."}),
};

}  // namespace

std::span<const Command> DebugCommands() { return kRows; }

}  // namespace flashdb
