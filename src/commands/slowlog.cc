#include "commands/slowlog.h"

#include <algorithm>
#include <array>

#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/server.h"

namespace flashdb {
namespace {

// This shard's entries with ids that no other shard gives.
std::vector<SlowLogEntry> EntriesHere(ShardId shard) {
  const Engine& engine = Engine::Current();
  std::vector<SlowLogEntry> entries(engine.slow_log.begin(), engine.slow_log.end());
  for (SlowLogEntry& entry : entries) entry.id = entry.id * ShardCount() + shard;
  return entries;
}

void ReplyEntry(ReplyWriter& reply, const SlowLogEntry& entry) {
  reply.Array(6);
  reply.Integer(static_cast<int64_t>(entry.id));
  reply.Integer(entry.unix_seconds);
  reply.Integer(static_cast<int64_t>(entry.micros));
  reply.Array(entry.args.size());
  for (const std::string& arg : entry.args) reply.Bulk(arg);
  reply.Bulk(entry.peer_address);
  reply.Bulk(entry.client_name);
}

// How many entries to show at most: the count the client gives, and as many as one log may hold.
std::optional<size_t> ParseCount(SessionContext& context) {
  if (context.args.size() > 3) {
    context.reply.Error(kSyntaxError);
    return std::nullopt;
  }
  size_t all = context.engine.slow_max_entries;
  if (context.args.size() == 2) return std::min<size_t>(10, all);
  auto count = ParseInt64(context.args[2]);
  if (!count || *count < -1) {
    context.reply.Error("ERR count should be greater than or equal to -1");
    return std::nullopt;
  }
  return *count == -1 ? all : std::min(static_cast<size_t>(*count), all);
}

bool IsNewer(const SlowLogEntry& a, const SlowLogEntry& b) {
  return std::pair(a.unix_seconds, a.id) > std::pair(b.unix_seconds, b.id);
}

Task<void> Get(SessionContext& context) {
  std::optional<size_t> count = ParseCount(context);
  if (!count) co_return;
  std::vector<std::vector<SlowLogEntry>> by_shard = co_await MeteredOnAll(context, &EntriesHere);
  std::vector<SlowLogEntry> entries;
  for (auto& part : by_shard) std::move(part.begin(), part.end(), std::back_inserter(entries));
  std::sort(entries.begin(), entries.end(), &IsNewer);
  if (entries.size() > *count) entries.resize(*count);
  context.reply.Array(entries.size());
  for (const SlowLogEntry& entry : entries) ReplyEntry(context.reply, entry);
}

Task<void> Len(SessionContext& context) {
  auto length = [](ShardId) { return Engine::Current().slow_log.size(); };
  std::vector<size_t> lengths = co_await MeteredOnAll(context, length);
  size_t total = 0;
  for (size_t part : lengths) total += part;
  context.reply.Integer(static_cast<int64_t>(std::min(total, context.engine.slow_max_entries)));
}

Task<void> Reset(SessionContext& context) {
  auto clear = [] { Engine::Current().slow_log.clear(); };
  co_await ForAllShards(clear);
  context.reply.Ok();
}

void Help(SessionContext& context) {
  ReplyHelp(
      context,
      {"GET [<count>]", "    Show the newest <count> slow commands (default: 10, -1: all), each as",
       "    id, time, microseconds, arguments, client's address, client's name.", "LEN",
       "    Tell how many slow commands are noted.", "RESET", "    Forget them."});
}

constexpr std::string_view kGroup = "server";
constexpr uint32_t kFlags = kAdmin | kLoading | kStale;

constexpr std::array kRows = {
    Container("slowlog", {"Commands on the log of slow commands.", "2.2.12", kGroup,
                          "Depends on subcommand."}),
    OnSessionTask("slowlog|get", -2, kFlags, &Get,
                  {"Shows the newest slow commands.", "2.2.12", kGroup,
                   "O(N log N) in the number of entries"}),
    OnSession("slowlog|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "6.2.0", kGroup, "O(1)"}),
    OnSessionTask("slowlog|len", 2, kFlags, &Len,
                  {"Tells how many slow commands are noted.", "2.2.12", kGroup, "O(1)"}),
    OnSessionTask(
        "slowlog|reset", 2, kFlags, &Reset,
        {"Forgets all noted slow commands.", "2.2.12", kGroup, "O(N) in the number of entries"}),
};

}  // namespace

bool IsSecretArgument(ArgView args, size_t i) {
  if (i == 0) return false;
  if (EqualsIgnoreCase(args[0], "auth")) return true;
  if (EqualsIgnoreCase(args[0], "hello")) {
    return EqualsIgnoreCase(args[i - 1], "auth") ||
           (i >= 2 && EqualsIgnoreCase(args[i - 2], "auth"));
  }
  if (!EqualsIgnoreCase(args[0], "config") || i < 3 || i % 2 == 0) return false;
  return EqualsIgnoreCase(args[i - 1], "requirepass") ||
         EqualsIgnoreCase(args[i - 1], "masterauth") || EqualsIgnoreCase(args[i - 1], "masteruser");
}

std::span<const Command> SlowLogCommands() { return kRows; }

}  // namespace flashdb
