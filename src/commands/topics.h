// What the files of the TOPIC family share.
#pragma once

#include <string_view>
#include <vector>

#include "commands/command.h"
#include "topics/topic_service.h"

namespace flashdb {

/// [[partition, first offset, last offset], ...], or the error.
void ReplyAppended(ReplyWriter& reply, const StatusOr<std::vector<AppendedPart>>& parts);

// Local handlers, on the partition's owner (topic_changes.cc).
void TopicAppend(CommandContext& context);
void TopicCommit(CommandContext& context);

// On the client's shard.
Task<void> TopicRead(SessionContext& context);     // topic_records.cc
Task<void> TopicOffsets(SessionContext& context);  // topic_groups.cc
Task<void> TopicLag(SessionContext& context);
Task<void> TopicGroup(SessionContext& context);

}  // namespace flashdb
