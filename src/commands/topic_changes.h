// TOPIC APPEND and COMMIT on the shard that owns their partitions, and what EXEC asks of them
// before it executes anything.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "commands/run.h"
#include "commands/topic_args.h"
#include "topics/append_plan.h"

namespace flashdb {

/// A batch that goes to several partitions, dealt.
struct DealtBatch {
  explicit DealtBatch(TopicAppendArgs parsed, const Topic& topic)
      : args(std::move(parsed)), plan(topic, args.stamp_or_null()) {}
  DealtBatch(const DealtBatch&) = delete;
  DealtBatch& operator=(const DealtBatch&) = delete;

  TopicAppendArgs args;
  AppendPlan plan;
};
/// On the client's shard, for a request that was not routed. An error is what the client is told.
StatusOr<std::unique_ptr<DealtBatch>> DealBatch(const Request& request);

/// Why nothing of a transaction can be executed.
struct TopicRefusal {
  size_t request;  // its index
  Status status;
};
/// On an owner, with the slots locked (or nothing in between): the first of the appends and commits
/// that cannot be done on this shard's partitions, if one can't. `dealt` has the batches of those
/// requests that were not routed, at the same index; it may be empty if all were. Changes nothing.
std::optional<TopicRefusal> RehearseTopics(std::span<const Request> requests,
                                           std::span<const std::unique_ptr<DealtBatch>> dealt = {});

}  // namespace flashdb
