// From a client's words to a way of executing them: lookup, the checks that Redis makes before a
// command runs, and which shard owns its keys.
#pragma once

#include <optional>
#include <string>

#include "commands/command.h"
#include "commands/run.h"
#include "commands/session.h"
#include "resp/args.h"

namespace flashdb {

struct Engine;

/// Finds the row for `args` (its subcommand's, if it has some) and checks name and arity. On
/// nullptr `*error` is the error line, and `*named` (if given) the row whose arity does not fit,
/// null if there is no such command.
const Command* ResolveCommand(ArgView args, std::string* error, const Command** named = nullptr);

/// What forbids the session to run `command` now (not authenticated, subscribed, out of memory).
std::optional<std::string> Forbids(const Engine& engine, const Session& session,
                                   const Command& command);

/// Copies the command to the client's MULTI queue.
void QueueForExec(Session& session, const Command& command, ArgView args);

/// Sets request.owner to the shard that owns all of the command's keys, and the fields on its key.
/// False if they are in several shards or there are none.
bool FindOwner(Request& request);

}  // namespace flashdb
