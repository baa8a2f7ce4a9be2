// What the appends and commits of a transaction would be told, before any of them is done: then
// either all is executed or nothing. Nothing is changed.
//
// On one shard, with the partitions' slots locked (or nothing in between): from the first question
// until the transaction has done what was asked about.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <string>

#include "topics/topic_store.h"

namespace flashdb {

class Rehearsal {
 public:
  /// Ask in the order in which they will be done. The status is what TopicStore::Append would say.
  Status Append(const Partition& partition, size_t records, const ProducerStamp* stamp);
  /// As TopicStore::Commit.
  Status Commit(const Partition& partition, const OffsetCommit& commit);

 private:
  // By the appends that were asked about.
  struct Changed {
    uint64_t records = 0;
    absl::flat_hash_map<std::string, ProducerBatch> producers;
  };
  absl::flat_hash_map<const Partition*, Changed> partitions_;
};

}  // namespace flashdb
