// What MULTI, WATCH and their ends do to a session; for the commands and for a closing connection.
#pragma once

namespace flashdb {

struct Session;

/// Leaves MULTI without executing; forgets the queue and the watches.
void DiscardMulti(Session& session);

/// Ends all WATCHes, on whichever shards they are.
void UnwatchAll(Session& session);

}  // namespace flashdb
