#include "commands/topic_routing.h"

#include "base/slots.h"
#include "commands/engine.h"
#include "commands/observe.h"
#include "commands/topic_args.h"
#include "commands/topics.h"
#include "topics/append_plan.h"

namespace flashdb {
namespace {

bool IsAppend(const Request& request) { return request.command->name == "topic|append"; }

const Topic* FindTopic(std::string_view name) {
  return TopicStore::Here().catalog().FindTopic(name);
}

bool RouteTo(Request& request, const Topic& topic, PartitionNumber partition) {
  if (partition >= topic.config.partitions) return false;
  const SlotId slot = topic.SlotOfPartition(partition);
  request.key = {{}, topic.id, slot};
  request.partition = partition;
  request.routed = true;
  request.many_keys = false;
  request.owner = OwnerOf(slot, ShardCount());
  return true;
}

// While files are behind, appends take the way on which they can wait.
bool RouteAppend(Request& request) {
  if (TopicStore::AnyBehind()) return false;
  const Topic* topic = FindTopic(request.args[2]);
  if (topic == nullptr) return false;
  if (topic->config.partitions == 1) return RouteTo(request, *topic, 0);
  if (auto partition = PartitionOption(request.args)) return RouteTo(request, *topic, *partition);
  StatusOr<TopicAppendArgs> args = ParseTopicAppend(request.args);
  if (!args.ok()) return false;
  AppendPlan plan(*topic, args->stamp_or_null());
  const auto keyless = [](const NewRecord& record) { return !record.record.key; };
  // Records without a key shall go to the same partition whenever this batch is dealt.
  if (args->stamp_or_null() == nullptr &&
      std::any_of(args->records.begin(), args->records.end(), keyless)) {
    request.partition = TopicStore::Here().NextPartition(*topic);
  }
  if (!plan.Deal(args->records, UINT64_MAX, request.partition).ok()) return false;
  if (plan.slots().size() != 1) return false;
  return RouteTo(request, *topic, plan.first_partition());
}

bool RouteCommit(Request& request) {
  StatusOr<TopicCommitArgs> args = ParseTopicCommit(request.args);
  if (!args.ok()) return false;
  const Topic* topic = FindTopic(args->topic);
  if (topic == nullptr || TopicStore::Here().catalog().FindGroup(args->group) == nullptr) {
    return false;
  }
  return RouteTo(request, *topic, args->commit.partition);
}

}  // namespace

bool RouteTopicCommand(Request& request) {
  request.routed = false;
  return IsAppend(request) ? RouteAppend(request) : RouteCommit(request);
}

void PrefetchPartitions(std::span<const Request* const> requests) {
  absl::InlinedVector<TopicStore::PartitionKey, 64> partitions;
  for (const Request* request : requests) {
    partitions.emplace_back(request->key.hash, request->partition);
  }
  TopicStore::Here().Prefetch(partitions);
}

// ---- Without a shard of its own ----------------------------------------------------------------

Task<void> ExecuteTopicCommand(const Request& request, int protocol, std::string& out,
                               Gates& gates) {
  ReplyWriter reply(out, protocol);
  if (IsAppend(request)) {
    StatusOr<TopicAppendArgs> args = ParseTopicAppend(request.args);
    if (!args.ok()) co_return reply.Error(ErrorLineOf(args.status()));
    auto parts = co_await AppendRecords(std::string(args->topic), args->records,
                                        args->stamp_or_null(), gates);
    co_return ReplyAppended(reply, parts);
  }
  StatusOr<TopicCommitArgs> args = ParseTopicCommit(request.args);
  if (!args.ok()) co_return reply.Error(ErrorLineOf(args.status()));
  std::vector<OffsetCommit> commits(1, args->commit);
  auto offsets = co_await CommitOffsets(std::string(args->group), std::string(args->topic),
                                        std::move(commits), std::nullopt, gates);
  if (!offsets.ok()) co_return reply.Error(ErrorLineOf(offsets.status()));
  reply.Ok();
}

Task<void> AppendBatchInside(Transaction& transaction, const AppendPlan& plan, int protocol,
                             std::string& out) {
  ReplyWriter reply(out, protocol);
  AppendPlan::Outcome outcome =
      co_await AppendInside(transaction, plan, AppendPlan::Patience::kCannotWait);
  if (!outcome.status.ok()) co_return reply.Error(ErrorLineOf(outcome.status));
  ReplyAppended(reply, std::move(outcome.parts));
}

Task<Status> PrepareTopicCommand(const Request& request, Gates& gates) {
  if (IsAppend(request)) {
    StatusOr<Topic> topic = co_await FindOrCreateTopic(std::string(request.args[2]), gates);
    if (topic.ok()) co_await WaitUntilAppendable(*topic);
    co_return topic.status();
  }
  if (TopicStore::Here().catalog().FindGroup(request.args[2]) != nullptr) co_return OkStatus();
  StatusOr<Group> group = co_await CreateGroup(std::string(request.args[2]), gates);
  co_return absl::IsAlreadyExists(group.status()) ? OkStatus() : group.status();
}

}  // namespace flashdb
