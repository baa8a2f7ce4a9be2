// Clean-up of what a client has built up in the server; RESET uses it, and so may a closing
// connection.
#pragma once

#include "commands/engine.h"
#include "commands/session.h"
#include "shards/task.h"

namespace flashdb {

/// Takes the session out of the subscription maps of its own shard. Sends nothing.
void DropSubscriptions(Engine& engine, Session& session);

/// Forgets MULTI and its queue; keeps watches.
void DropQueue(Session& session);

/// Ends every WATCH, on the shards that own the keys. The session may go away meanwhile: its list
/// is emptied before the first suspension.
Task<void> DropWatches(Session& session);

}  // namespace flashdb
