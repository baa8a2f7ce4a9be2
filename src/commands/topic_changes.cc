#include "commands/topic_changes.h"

#include "commands/engine.h"
#include "commands/topics.h"
#include "topics/rehearsal.h"
#include "topics/topic_store.h"

namespace flashdb {
namespace {

// A command on one partition, as it comes to the owner.
struct Routed {
  ArgView args;
  const KeyRef& key;
  PartitionNumber partition;
};

// The partition that the command was routed to, or why there is none. If that topic is gone, maybe
// another one has its name now.
StatusOr<Partition*> PartitionOf(const Routed& command, TopicStore& store,
                                 std::string_view topic_name) {
  store.shard().keys().NoteSlot(command.key.slot);
  if (Partition* partition = store.Find(command.key.hash, command.partition)) return partition;
  const Topic* topic = store.catalog().FindTopic(topic_name);
  Partition* partition = topic == nullptr ? nullptr : store.Find(*topic, command.partition);
  if (partition == nullptr) return NoSuchTopic(topic_name);
  return partition;
}

struct ReadyAppend {
  TopicAppendArgs args;
  Partition* partition;
  absl::InlinedVector<const RecordInput*, 8> records;  // of args
};

StatusOr<ReadyAppend> PrepareAppend(const Routed& command, TopicStore& store) {
  FLASHDB_ASSIGN_OR_RETURN(TopicAppendArgs args, ParseTopicAppend(command.args));
  FLASHDB_ASSIGN_OR_RETURN(Partition * partition, PartitionOf(command, store, args.topic));
  if (store.FarBehind()) return store.BehindStatus();
  ReadyAppend ready{.args = std::move(args), .partition = partition, .records = {}};
  for (const NewRecord& record : ready.args.records) {
    FLASHDB_RETURN_IF_ERROR(CheckRecordLimits(record.record, store.options().max_value_bytes));
    if (record.partition.value_or(command.partition) != command.partition) {
      return absl::InvalidArgumentError(
          fmt::format("topic '{}' has no partition {}", ready.args.topic, *record.partition));
    }
    ready.records.push_back(&record.record);
  }
  return ready;
}

StatusOr<AppendedPart> AppendHere(const Routed& command) {
  TopicStore& store = TopicStore::Here();
  FLASHDB_ASSIGN_OR_RETURN(ReadyAppend ready, PrepareAppend(command, store));
  return store.Append(*ready.partition, ready.records, ready.args.stamp_or_null());
}

struct ReadyCommit {
  TopicCommitArgs args;
  Partition* partition;
  const Group* group;
};

StatusOr<ReadyCommit> PrepareCommit(const Routed& command, TopicStore& store) {
  FLASHDB_ASSIGN_OR_RETURN(TopicCommitArgs args, ParseTopicCommit(command.args));
  FLASHDB_ASSIGN_OR_RETURN(Partition * partition, PartitionOf(command, store, args.topic));
  const Group* group = store.catalog().FindGroup(args.group);
  if (group == nullptr) {
    return absl::NotFoundError(
        fmt::format("there is no group '{}'", args.group.substr(0, kMaxNameBytes)));
  }
  return ReadyCommit{std::move(args), partition, group};
}

Status CommitHere(const Routed& command) {
  TopicStore& store = TopicStore::Here();
  FLASHDB_ASSIGN_OR_RETURN(ReadyCommit ready, PrepareCommit(command, store));
  return store.Commit(*ready.partition, *ready.group, ready.args.commit);
}

Routed RoutedOf(const CommandContext& context) {
  return {context.args, context.key, context.partition};
}

// ---- Rehearsal ---------------------------------------------------------------------------------

Status RehearseRouted(const Request& request, TopicStore& store, Rehearsal& rehearsal) {
  const Routed command{request.args, request.key, request.partition};
  if (request.command->name == "topic|append") {
    FLASHDB_ASSIGN_OR_RETURN(ReadyAppend ready, PrepareAppend(command, store));
    return rehearsal.Append(*ready.partition, ready.records.size(), ready.args.stamp_or_null());
  }
  FLASHDB_ASSIGN_OR_RETURN(ReadyCommit ready, PrepareCommit(command, store));
  return rehearsal.Commit(*ready.partition, ready.args.commit);
}

}  // namespace

void TopicAppend(CommandContext& context) {
  StatusOr<AppendedPart> part = AppendHere(RoutedOf(context));
  if (!part.ok()) return context.reply.Error(ErrorLineOf(part.status()));
  context.reply.Array(1);
  context.reply.Array(3);
  context.reply.Integer(part->partition);
  context.reply.Integer(static_cast<int64_t>(part->offset));
  context.reply.Integer(static_cast<int64_t>(part->last_offset));
}

void TopicCommit(CommandContext& context) {
  Status done = CommitHere(RoutedOf(context));
  if (!done.ok()) return context.reply.Error(ErrorLineOf(done));
  context.reply.Ok();
}

StatusOr<std::unique_ptr<DealtBatch>> DealBatch(const Request& request) {
  if (request.command->name != "topic|append") {
    FLASHDB_RETURN_IF_ERROR(ParseTopicCommit(request.args).status());
    return absl::NotFoundError("there is no such topic, partition or group");
  }
  FLASHDB_ASSIGN_OR_RETURN(TopicAppendArgs args, ParseTopicAppend(request.args));
  TopicStore& store = TopicStore::Here();
  const Topic* topic = store.catalog().FindTopic(args.topic);
  if (topic == nullptr) return NoSuchTopic(args.topic);
  auto dealt = std::make_unique<DealtBatch>(std::move(args), *topic);
  FLASHDB_RETURN_IF_ERROR(
      dealt->plan.Deal(dealt->args.records, store.options().max_value_bytes, request.partition));
  return dealt;
}

std::optional<TopicRefusal> RehearseTopics(std::span<const Request> requests,
                                           std::span<const std::unique_ptr<DealtBatch>> dealt) {
  TopicStore* store = nullptr;
  Rehearsal rehearsal;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    if (!request.command->has(kTopicData)) continue;
    if (store == nullptr) store = &TopicStore::Here();
    Status status = OkStatus();
    if (!request.routed) {
      status = dealt[i]->plan.Rehearse(*store, rehearsal);
    } else if (request.owner == store->shard().id()) {
      status = RehearseRouted(request, *store, rehearsal);
    }
    if (!status.ok()) return TopicRefusal{i, std::move(status)};
  }
  return std::nullopt;
}

}  // namespace flashdb
