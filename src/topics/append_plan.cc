#include "topics/append_plan.h"

#include <algorithm>

#include "base/slots.h"
#include "shards/shard.h"

namespace flashdb {

Status CheckBatch(size_t records, const ProducerStamp* stamp) {
  if (records == 0 || records > kMaxBatchRecords) {
    return absl::InvalidArgumentError(
        fmt::format("{} records; a batch has 1 to {}", records, kMaxBatchRecords));
  }
  if (stamp != nullptr &&
      (stamp->producer_id.empty() || stamp->producer_id.size() > kMaxNameBytes)) {
    return absl::InvalidArgumentError(fmt::format("a producer id of {} bytes; it has 1 to {}",
                                                  stamp->producer_id.size(), kMaxNameBytes));
  }
  return OkStatus();
}

AppendPlan::Part& AppendPlan::PartOf(PartitionNumber partition) {
  auto found = std::find_if(parts_.begin(), parts_.end(),
                            [&](const Part& part) { return part.partition == partition; });
  if (found != parts_.end()) return *found;
  parts_.push_back({.partition = partition, .slot = topic_.SlotOfPartition(partition)});
  return parts_.back();
}

Status AppendPlan::Deal(std::span<const NewRecord> records, uint64_t max_value_bytes,
                        std::optional<PartitionNumber> keyless) {
  // Sent again, the batch has to find its first copy.
  if (stamp_ != nullptr) keyless = topic_.PartitionOf(stamp_->producer_id);
  for (const NewRecord& record : records) {
    FLASHDB_RETURN_IF_ERROR(CheckRecordLimits(record.record, max_value_bytes));
    if (record.partition.value_or(0) >= topic_.config.partitions) {
      return absl::InvalidArgumentError(fmt::format("topic '{}' has no partition {}; it has {}",
                                                    topic_.name, *record.partition,
                                                    topic_.config.partitions));
    }
    PartitionNumber partition = 0;
    if (record.partition.has_value()) {
      partition = *record.partition;
    } else if (record.record.key.has_value()) {
      partition = topic_.PartitionOf(*record.record.key);
    } else {
      if (!keyless) keyless = TopicStore::Here().NextPartition(topic_);
      partition = *keyless;
    }
    PartOf(partition).records.push_back(&record.record);
    log_bytes_ += FrameBytesBound(record.record);
  }
  if (stamp_ != nullptr && parts_.size() > 1) {
    return absl::InvalidArgumentError(
        "a batch with a producer id has to go to one partition: name it, or give all records one "
        "key");
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.partition < b.partition; });
  for (const Part& part : parts_) slots_.push_back(part.slot);
  return OkStatus();
}

AppendPlan::Outcome AppendPlan::Look(TopicStore& store, Patience patience) const {
  if (patience == Patience::kCanWait ? store.Behind() : store.FarBehind()) {
    return {.status = store.BehindStatus(), .behind = !store.failed()};
  }
  for (const Part& part : parts_) {
    if (store.shard().Owns(part.slot) && store.Find(topic_, part.partition) == nullptr) {
      return {.status =
                  absl::NotFoundError(fmt::format("topic '{}' was deleted just now", topic_.name))};
    }
  }
  return {};
}

AppendPlan::Outcome AppendPlan::Append(TopicStore& store) const {
  Outcome outcome;
  for (const Part& part : parts_) {
    if (!store.shard().Owns(part.slot)) continue;
    StatusOr<AppendedPart> appended =
        store.Append(*store.Find(topic_, part.partition), part.records, stamp_);
    if (!appended.ok()) return {.status = appended.status()};
    outcome.parts.push_back(*appended);
  }
  return outcome;
}

Status AppendPlan::Rehearse(TopicStore& store, Rehearsal& rehearsal) const {
  FLASHDB_RETURN_IF_ERROR(Look(store, Patience::kCannotWait).status);
  for (const Part& part : parts_) {
    if (!store.shard().Owns(part.slot)) continue;
    FLASHDB_RETURN_IF_ERROR(
        rehearsal.Append(*store.Find(topic_, part.partition), part.records.size(), stamp_));
  }
  return OkStatus();
}

AppendPlan::Outcome AppendPlan::LookAndAppend(TopicStore& store) const {
  Outcome look = Look(store, Patience::kCanWait);
  return look.status.ok() ? Append(store) : look;
}

AppendPlan::Outcome AppendPlan::Join(std::vector<Outcome> outcomes) {
  Outcome all;
  for (Outcome& outcome : outcomes) {
    if (!outcome.status.ok()) return std::move(outcome);
    all.parts.insert(all.parts.end(), outcome.parts.begin(), outcome.parts.end());
  }
  std::sort(all.parts.begin(), all.parts.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  return all;
}

std::vector<ShardId> OwnersOf(std::span<const SlotId> slots) {
  std::vector<ShardId> owners;
  for (SlotId slot : slots) {
    const ShardId owner = OwnerOf(slot, ShardCount());
    if (std::find(owners.begin(), owners.end(), owner) == owners.end()) owners.push_back(owner);
  }
  return owners;
}

Task<AppendPlan::Outcome> AppendInside(Transaction& transaction, const AppendPlan& plan,
                                       AppendPlan::Patience patience) {
  auto look = [&plan, patience](ShardId, Keyspace&) {
    return plan.Look(TopicStore::Here(), patience);
  };
  auto append = [&plan](ShardId, Keyspace&) { return plan.Append(TopicStore::Here()); };
  auto outcome = AppendPlan::Join(co_await transaction.AtEach(plan.Owners(), look));
  if (outcome.status.ok()) {
    outcome = AppendPlan::Join(co_await transaction.AtEach(plan.Owners(), append));
  }
  co_return outcome;
}

}  // namespace flashdb
