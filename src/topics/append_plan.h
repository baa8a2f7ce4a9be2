// A batch on its way to its partitions: dealt at home, looked at and appended on the owners.
#pragma once

#include <span>
#include <vector>

#include "shards/transaction.h"
#include "topics/rehearsal.h"
#include "topics/topic_service.h"
#include "topics/topic_store.h"

namespace flashdb {

/// The shards that own these slots, each once.
std::vector<ShardId> OwnersOf(std::span<const SlotId> slots);

class AppendPlan {
 public:
  /// What one owner says.
  struct Outcome {
    Status status;
    bool behind = false;  // the files are; waiting helps
    std::vector<AppendedPart> parts;
  };

  /// Whether the caller comes back when the topics' files are behind: then it need not be let
  /// through any further.
  enum class Patience : uint8_t { kCanWait, kCannotWait };

  /// `stamp` may be null; it and the records must outlive the plan.
  AppendPlan(const Topic& topic, const ProducerStamp* stamp) : topic_(topic), stamp_(stamp) {}

  /// Gives each record its partition. InvalidArgument if one is too large, names a partition that
  /// does not exist, or a stamped batch would go to several partitions. Records without a key go to
  /// `keyless` (the next one in turn, if not given).
  Status Deal(std::span<const NewRecord> records, uint64_t max_value_bytes,
              std::optional<PartitionNumber> keyless = std::nullopt);

  const Topic& topic() const { return topic_; }
  /// Of the partitions that get records.
  const std::vector<SlotId>& slots() const { return slots_; }
  /// Of those slots; each once.
  std::vector<ShardId> Owners() const { return OwnersOf(slots_); }
  PartitionNumber first_partition() const { return parts_.front().partition; }
  /// About what is logged, at most.
  uint64_t log_bytes() const { return log_bytes_; }

  // On an owner, with the slots locked (or nothing in between). Several may do so at a time.

  /// Whether the owner's part can be appended. Changes nothing.
  Outcome Look(TopicStore& store, Patience patience) const;
  /// Appends the owner's part.
  Outcome Append(TopicStore& store) const;
  /// Both, for a caller that can wait.
  Outcome LookAndAppend(TopicStore& store) const;
  /// Whether Append will do the owner's part, behind what has been rehearsed before. Changes
  /// nothing.
  Status Rehearse(TopicStore& store, Rehearsal& rehearsal) const;

  /// The owners' outcomes as one: the first error, or all parts by partition.
  static Outcome Join(std::vector<Outcome> outcomes);

 private:
  struct Part {
    PartitionNumber partition = 0;
    SlotId slot = 0;
    std::vector<const RecordInput*> records;
  };

  Part& PartOf(PartitionNumber partition);

  const Topic topic_;
  const ProducerStamp* stamp_;
  std::vector<Part> parts_;
  std::vector<SlotId> slots_;
  uint64_t log_bytes_ = 256;
};

/// Inside a transaction that has locked the plan's slots: all owners look before any appends, so
/// half of a batch is never appended.
Task<AppendPlan::Outcome> AppendInside(Transaction& transaction, const AppendPlan& plan,
                                       AppendPlan::Patience patience);

/// InvalidArgument unless a batch may have that many records and that stamp (may be null).
Status CheckBatch(size_t records, const ProducerStamp* stamp);

}  // namespace flashdb
