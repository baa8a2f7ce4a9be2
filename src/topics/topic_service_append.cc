// Appending: in one visit if one shard owns all of the batch's partitions, else in a transaction.
#include "topics/append_plan.h"
#include "topics/topic_visit.h"

namespace flashdb {
namespace {

constexpr uint64_t kBehindPatienceNanos = 10'000'000'000;

using Outcome = AppendPlan::Outcome;

Task<Outcome> AppendInTransaction(const AppendPlan& plan, Gates& gates) {
  Transaction transaction(true);
  for (SlotId slot : plan.slots()) transaction.AddSlot(slot);
  std::optional<std::string> refusal = co_await transaction.Lock(plan.log_bytes());
  Outcome joined;
  if (refusal.has_value()) {
    joined.status = RefusedStatus(*refusal);
  } else {
    joined = co_await AppendInside(transaction, plan, AppendPlan::Patience::kCanWait);
  }
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  co_return joined;
}

Task<Outcome> AppendOnce(const AppendPlan& plan, Gates& gates) {
  const std::vector<ShardId> owners = plan.Owners();
  if (owners.size() == 1) {
    auto append = [&plan](TopicStore& store) { return plan.LookAndAppend(store); };
    auto visit = VisitUnlocked(plan.slots(), true, plan.log_bytes(), append);
    std::optional<Visited<Outcome>> visited = co_await visit;
    if (visited.has_value()) {
      if (visited->gate != 0) gates.push_back({owners.front(), visited->gate});
      std::vector<Outcome> outcomes;
      outcomes.push_back(std::move(visited->result));
      co_return AppendPlan::Join(std::move(outcomes));
    }
  }
  co_return co_await AppendInTransaction(plan, gates);
}

uint64_t EndOfPatience() {
  return Shard::Current().clock().MonotonicNanos() + kBehindPatienceNanos;
}

bool MayWait(uint64_t deadline) {
  return !TopicStore::Here().waits().ended() &&
         Shard::Current().clock().MonotonicNanos() < deadline;
}

// False: none of the owners is behind, or waiting does not help.
Task<bool> WaitForRoom(std::span<const ShardId> owners, uint64_t deadline) {
  OneShotEvent woken;
  ClientWaits& waits = TopicStore::Here().waits();
  const ClientWait wait{CurrentShardId(), waits.Begin(woken, deadline)};
  bool behind = false;
  for (ShardId owner : owners) {
    auto enlist = [wait] { return TopicStore::Here().AwaitRoom(wait); };
    auto call = On(owner, enlist);
    behind |= co_await call;
  }
  if (behind) co_await woken;
  waits.Forget(wait.token);
  co_return behind;
}

}  // namespace

Task<void> WaitUntilAppendable(const Topic& topic) {
  if (!TopicStore::AnyBehind()) co_return;
  std::vector<SlotId> slots;
  for (PartitionNumber p = 0; p < topic.config.partitions; ++p) {
    slots.push_back(topic.SlotOfPartition(p));
  }
  const std::vector<ShardId> owners = OwnersOf(slots);
  const uint64_t deadline = EndOfPatience();
  while (MayWait(deadline) && co_await WaitForRoom(owners, deadline)) {
  }
}

Task<StatusOr<Topic>> FindOrCreateTopic(std::string name, Gates& gates) {
  TopicStore& store = TopicStore::Here();
  const Topic* topic = store.catalog().FindTopic(name);
  if (topic == nullptr && store.options().auto_create) {
    StatusOr<Topic> created = co_await CreateTopic(name, {}, gates);
    if (created.ok() || !absl::IsAlreadyExists(created.status())) co_return created;
    topic = store.catalog().FindTopic(name);
  }
  if (topic == nullptr) {
    co_return absl::NotFoundError(fmt::format(
        "there is no topic '{}'; create it, or start the server with --auto-create-topics yes",
        name.substr(0, kMaxNameBytes)));
  }
  co_return *topic;
}

Task<StatusOr<std::vector<AppendedPart>>> AppendRecords(std::string topic,
                                                        std::span<const NewRecord> records,
                                                        const ProducerStamp* stamp, Gates& gates) {
  if (Status valid = CheckBatch(records.size(), stamp); !valid.ok()) co_return valid;
  StatusOr<Topic> found = co_await FindOrCreateTopic(topic, gates);
  if (!found.ok()) co_return found.status();
  AppendPlan plan(*found, stamp);
  const uint64_t max_value_bytes = TopicStore::Here().options().max_value_bytes;
  if (Status dealt = plan.Deal(records, max_value_bytes); !dealt.ok()) co_return dealt;
  Outcome outcome = co_await AppendOnce(plan, gates);
  const std::vector<ShardId> owners = plan.Owners();
  for (const uint64_t deadline = EndOfPatience(); outcome.behind && MayWait(deadline);) {
    co_await WaitForRoom(owners, deadline);
    outcome = co_await AppendOnce(plan, gates);
  }
  if (!outcome.status.ok()) co_return outcome.status;
  co_return std::move(outcome.parts);
}

}  // namespace flashdb
