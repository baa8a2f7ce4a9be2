#include "topics/rehearsal.h"

namespace flashdb {

Status Rehearsal::Append(const Partition& partition, size_t records, const ProducerStamp* stamp) {
  Changed& changed = partitions_[&partition];
  if (stamp != nullptr) {
    auto earlier = changed.producers.find(stamp->producer_id);
    const ProducerBatch* last = earlier != changed.producers.end()
                                    ? &earlier->second
                                    : partition.FindProducer(stamp->producer_id);
    FLASHDB_ASSIGN_OR_RETURN(bool repeated, TopicStore::IsRepeated(last, records, *stamp));
    if (repeated) return OkStatus();
    changed.producers[stamp->producer_id] = {.sequence = stamp->sequence,
                                             .count = static_cast<uint32_t>(records)};
  }
  changed.records += records;
  return OkStatus();
}

Status Rehearsal::Commit(const Partition& partition, const OffsetCommit& commit) {
  auto changed = partitions_.find(&partition);
  const uint64_t more = changed == partitions_.end() ? 0 : changed->second.records;
  return TopicStore::CheckCommit(partition, commit, partition.end() + more);
}

}  // namespace flashdb
