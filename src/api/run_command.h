// Commands for the routes: the same rows, checks, counters and ways of execution as a Redis
// client's.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "commands/command.h"
#include "commands/session.h"
#include "resp/args.h"

namespace flashdb {

struct Engine;

/// Executes one command of `session` on its shard and appends the reply, in RESP3, to `out`; what
/// it depends on goes to `gates`. `args` must stay put until the end and not be empty.
Task<void> RunCommand(Engine& engine, Session& session, const Args& args, std::string& out,
                      std::vector<Gate>& gates);

/// Why TOPIC `subcommand` is refused before it is looked at (the error line), for routes that do
/// the same without it: for want of memory, say.
std::optional<std::string> RefusesTopicCommand(std::string_view subcommand, Engine& engine,
                                               Session& session);

/// Why a command makes no sense for a client that may be on another connection with each request
/// (MULTI, SUBSCRIBE, SELECT, ...); empty if it does. `args` is not empty.
std::string RefusesStateless(const Args& args);

}  // namespace flashdb
