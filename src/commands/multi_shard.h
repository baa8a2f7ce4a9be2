// The slow path: commands and MULTI/EXEC over the keys of several shards, as coroutines on the
// client's shard.
#pragma once

#include <string>
#include <vector>

#include "commands/command.h"
#include "commands/run.h"
#include "shards/transaction.h"

namespace flashdb {

/// Adds to `transaction` what `request` will touch.
void AddKeys(Transaction& transaction, const Request& request);

/// Executes one spread, transaction or walk command (or a local one) inside `transaction`, which
/// holds its locks already, and appends the reply to `out`.
Task<void> ExecuteInside(Transaction& transaction, const Request& request, int protocol,
                         bool no_touch, std::string& out);

/// Executes one command in a transaction of its own. Gates are added to `gates`.
Task<void> ExecuteAlone(const Request& request, int protocol, bool no_touch, std::string& out,
                        std::vector<Gate>& gates);

}  // namespace flashdb
