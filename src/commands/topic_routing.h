// Where commands on the partitions of topics (those with kTopicData) run. Their slots come from the
// catalog, not from the bytes of a key.
#pragma once

#include <optional>
#include <vector>

#include "commands/run.h"
#include "shards/transaction.h"
#include "topics/append_plan.h"
#include "topics/topic_service.h"

namespace flashdb {

/// Sets request.owner to the one shard where the command's local handler can run, and request.key
/// and partition. False if there is none: the topic or group is not known here (yet), the batch
/// goes to several partitions, or the arguments are wrong. What it says is a proposal: the handler
/// looks again.
bool RouteTopicCommand(Request& request);

/// Loads the memory of the partitions that those of `requests` will use which were routed to this
/// shard.
void PrefetchPartitions(std::span<const Request* const> requests);

/// Runs a command that RouteTopicCommand found no shard for; the reply goes to `out`.
Task<void> ExecuteTopicCommand(const Request& request, int protocol, std::string& out,
                               Gates& gates);
/// A batch for several partitions, inside a transaction that has locked the plan's slots.
Task<void> AppendBatchInside(Transaction& transaction, const AppendPlan& plan, int protocol,
                             std::string& out);
/// Before EXEC: creates the topic or group that the command needs, if that is to be, and waits
/// while the topic's files are too far behind the log. An error means that the command cannot be
/// done.
Task<Status> PrepareTopicCommand(const Request& request, Gates& gates);

}  // namespace flashdb
