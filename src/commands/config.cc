// CONFIG.
#include <array>

#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

using Setting = std::pair<std::string, std::string>;

bool Contains(const std::vector<Setting>& settings, std::string_view name) {
  for (const Setting& setting : settings) {
    if (EqualsIgnoreCase(setting.first, name)) return true;
  }
  return false;
}

void Get(SessionContext& context) {
  Engine& engine = context.engine;
  std::vector<Setting> found;
  for (std::string_view pattern : context.args.subspan(2)) {
    bool literal = pattern.find_first_of("[*?") == std::string_view::npos;
    for (Setting& setting : engine.services.ConfigGet(engine, pattern)) {
      if (Contains(found, setting.first)) continue;
      // As in Redis, a plain name comes back as the client spelled it.
      if (literal && EqualsIgnoreCase(setting.first, pattern)) setting.first = pattern;
      found.push_back(std::move(setting));
    }
  }
  context.reply.Map(found.size());
  for (const auto& [name, value] : found) {
    context.reply.Bulk(name);
    context.reply.Bulk(value);
  }
}

Task<void> Set(SessionContext& context) {
  ArgView args = context.args;
  if (args.size() % 2 != 0) co_return context.reply.Error(kSyntaxError);
  std::vector<Setting> changes;
  for (size_t i = 2; i < args.size(); i += 2) {
    changes.emplace_back(args[i], args[i + 1]);
  }
  Status status = co_await context.engine.services.ConfigSet(std::move(changes));
  if (!status.ok()) co_return context.reply.Error("ERR " + MessageOf(status));
  context.reply.Ok();
}

void ResetStats() {
  Engine& engine = Engine::Current();
  EngineStats fresh;
  fresh.commands_per_second = engine.stats.commands_per_second;
  fresh.input_kib_per_second = engine.stats.input_kib_per_second;
  fresh.output_kib_per_second = engine.stats.output_kib_per_second;
  fresh.turns_per_second = engine.stats.turns_per_second;
  fresh.micros_per_turn = engine.stats.micros_per_turn;
  engine.stats = std::move(fresh);
  engine.histograms.clear();
  engine.keys.stats() = {};
  engine.shard.loop_stats().longest_turn_nanos = 0;
}

Task<void> ResetStat(SessionContext& context) {
  co_await ForAllShards(&ResetStats);
  context.reply.Ok();
}

void Rewrite(SessionContext& context) {
  if (context.engine.services.facts().config_file.empty()) {
    return context.reply.Error("ERR The server is running without a config file");
  }
  Status status = context.engine.services.ConfigRewrite(context.engine);
  if (!status.ok()) return context.reply.Error("ERR Rewriting config file: " + MessageOf(status));
  context.reply.Ok();
}

void Help(SessionContext& context) {
  ReplyHelp(context, {"GET <pattern> [<pattern> ...]", "    Tell the matching settings.",
                      "RESETSTAT", "    Set the counters that INFO shows back to zero.", "REWRITE",
                      "    Write the settings into the configuration file.",
                      "SET <setting> <value> [<setting> <value> ...]",
                      "    Change settings: all of them or, after an error, none."});
}

constexpr std::string_view kGroup = "server";
constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;

constexpr std::array kRows = {
    Container("config",
              {"Commands on the server's settings.", "2.0.0", kGroup, "Depends on subcommand."}),
    OnSession("config|get", -3, kFlags, &Get,
              {"Tells settings.", "2.0.0", kGroup, "O(N) in the number of settings"}),
    OnSession("config|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "5.0.0", kGroup, "O(1)"}),
    OnSessionTask("config|resetstat", 2, kFlags, &ResetStat,
                  {"Sets the server's counters to zero.", "2.0.0", kGroup, "O(1)"}),
    OnSession("config|rewrite", 2, kFlags, &Rewrite,
              {"Writes the settings into the configuration file.", "2.8.0", kGroup, "O(1)"}),
    OnSessionTask("config|set", -4, kFlags, &Set,
                  {"Changes settings while the server runs.", "2.0.0", kGroup,
                   "O(N) in the number of settings"}),
};

}  // namespace

std::span<const Command> ConfigCommands() { return kRows; }

}  // namespace flashdb
