// Which topics and groups there are. Every shard has the whole catalog: it is changed by
// transactions over all shards only, so that each sees the same changes in the same order and
// appends need nobody's answer. Changes are numbered; the number of the change that made a topic
// (or group) is its id.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "base/hash.h"
#include "base/status.h"
#include "topics/partition_storage.h"
#include "topics/types.h"

namespace flashdb {

/// Stored in the log: never change a number.
enum class StorageKind : uint8_t { kMemory = 0, kFile = 1 };
enum class Cleanup : uint8_t { kDelete = 1, kCompact = 2, kBoth = 3 };

std::string_view NameOf(StorageKind kind);  // "memory", "file"
std::string_view NameOf(Cleanup cleanup);   // "delete", "compact", "both"
std::optional<StorageKind> ParseStorageKind(std::string_view text);
std::optional<Cleanup> ParseCleanup(std::string_view text);

struct TopicConfig {
  PartitionNumber partitions = 1;
  StorageKind storage = StorageKind::kFile;
  Cleanup cleanup = Cleanup::kDelete;
  RetentionLimits retention;      // of each partition
  uint32_t cache_records = 1000;  // of each partition, that the cache keeps
};

struct Topic {
  TopicId id = 0;
  std::string name;
  TopicConfig config;
  UnixMillis created_at = 0;

  /// The slot that the partition lives in. Those of a topic are spread over all slots, so that
  /// with several shards each owns about as many of them.
  SlotId SlotOfPartition(PartitionNumber partition) const;
  /// The partition of a record with this key. Never changes while `partitions` does not.
  PartitionNumber PartitionOf(std::string_view key) const;
};

struct Group {
  GroupId id = 0;
  std::string name;
  UnixMillis created_at = 0;
};

class Catalog {
 public:
  const Topic* FindTopic(std::string_view name) const;
  const Topic* TopicById(TopicId id) const;
  const Group* FindGroup(std::string_view name) const;
  const Group* GroupById(GroupId id) const;
  /// By name, in no order.
  template <typename Entry>
  using ByName = absl::flat_hash_map<std::string, std::unique_ptr<Entry>, StringHash, StringEq>;
  const ByName<Topic>& topics() const { return topics_; }
  const ByName<Group>& groups() const { return groups_; }

  /// The number of the last change.
  uint64_t version() const { return version_; }

  // Each is change number `version`. Topics stay where they are until they are removed.
  const Topic& PutTopic(uint64_t version, Topic topic);  // adds it, or replaces that of the same id
  void RemoveTopic(uint64_t version, TopicId id);
  const Group& PutGroup(uint64_t version, Group group);
  void RemoveGroup(uint64_t version, GroupId id);

 private:
  uint64_t version_ = 0;
  ByName<Topic> topics_;
  ByName<Group> groups_;
  absl::flat_hash_map<TopicId, Topic*> topics_by_id_;
  absl::flat_hash_map<GroupId, Group*> groups_by_id_;
};

/// A topic as the log holds it.
void EncodeTopic(std::string& out, const Topic& topic);
/// As far as `in` is ok() afterwards. DataLoss if a number is none that EncodeTopic writes.
StatusOr<Topic> DecodeTopic(Decoder& in);

}  // namespace flashdb
