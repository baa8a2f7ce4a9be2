// The server family's parts: each file has rows of its own, ServerCommands() joins them. Also what
// several of them share.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.h"
#include "commands/engine.h"

namespace flashdb {

/// The Redis version whose behaviour clients may rely on.
inline constexpr std::string_view kRedisVersion = "7.2.0";

std::span<const Command> CommandCommands();  // COMMAND
std::span<const Command> InfoCommands();
std::span<const Command> ConfigCommands();
std::span<const Command> SlowLogCommands();
std::span<const Command> LatencyCommands();
std::span<const Command> AclCommands();
std::span<const Command> DebugCommands();

/// A row that only groups its subcommands: the dispatcher resolves them and never runs it.
constexpr Command Container(std::string_view name, CommandDoc doc) {
  return {.name = name, .arity = -2, .kind = CommandKind::kSession, .doc = doc};
}

/// `row` with ACL categories beside those that follow from its flags and group.
constexpr Command WithAcl(Command row, std::string_view categories) {
  row.acl_categories = categories;
  return row;
}

/// The reply of "CONTAINER HELP": `lines` between Redis's first and last lines.
void ReplyHelp(SessionContext& context, std::initializer_list<std::string_view> lines);

/// Every row's answer for what FlashDB has no counterpart of: "ERR <what> is not supported: <why>",
/// where <what> is the command with its subcommand.
void ReplyNotSupported(SessionContext& context, std::string_view why);

/// Runs `function()` on every shard at the same time. It may use Engine::Current().
template <typename F>
Task<void> ForAllShards(F function) {
  auto run = [&function](ShardId) {
    function();
    return 0;
  };
  co_await OnAll(run);
}

/// `text` in upper case (ASCII).
std::string ToUpper(std::string_view text);

}  // namespace flashdb
