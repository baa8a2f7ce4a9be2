// Topics and groups come, change and go: each change is one transaction over all shards.
#include <algorithm>

#include "topics/topic_visit.h"

namespace flashdb {

Status RefusedStatus(const std::string& line) { return absl::UnavailableError(line); }

namespace {

constexpr uint64_t kChangeBytes = 4096;  // in the log, at most
constexpr auto kByName = [](const auto& a, const auto& b) { return a.name < b.name; };

Status CheckName(std::string_view kind, std::string_view name) {
  if (IsValidTopicName(name)) return OkStatus();
  return absl::InvalidArgumentError(fmt::format("'{}' cannot be a {}'s name: {}",
                                                name.substr(0, kMaxNameBytes), kind, kNameRule));
}

Status CheckPartitions(PartitionNumber partitions) {
  if (partitions >= 1 && partitions <= kMaxPartitions) return OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("{} partitions; a topic has 1 to {}", partitions, kMaxPartitions));
}

StatusOr<TopicConfig> Changed(TopicConfig config, const TopicChange& change) {
  if (change.partitions.has_value()) {
    FLASHDB_RETURN_IF_ERROR(CheckPartitions(*change.partitions));
    config.partitions = *change.partitions;
  }
  config.cleanup = change.cleanup.value_or(config.cleanup);
  config.retention.max_bytes = change.retention_bytes.value_or(config.retention.max_bytes);
  config.retention.max_age_ms = change.retention_ms.value_or(config.retention.max_age_ms);
  config.cache_records = change.cache_records.value_or(config.cache_records);
  return config;
}

// A transaction over all slots of all shards. `decide(TopicStore&)` runs at home under the locks
// and returns what to do, or why not; `act(TopicStore&, const T&)` then runs on every shard.
template <typename T, typename Decide, typename Act>
Task<StatusOr<T>> ChangeCatalog(Decide decide, Act act, Gates& gates) {
  Transaction transaction(true);
  transaction.AddAllSlots();
  std::optional<std::string> refusal = co_await transaction.Lock(kChangeBytes);
  StatusOr<T> decided =
      refusal.has_value() ? StatusOr<T>(RefusedStatus(*refusal)) : decide(TopicStore::Here());
  if (decided.ok()) {
    const T& what = *decided;
    auto there = [&act, &what](Keyspace&) {
      act(TopicStore::Here(), what);
      return 0;
    };
    co_await transaction.AtAll(there);
  } else {
    // What an error tells of the catalog is as good as a reading of it.
    auto look = [](Keyspace& keys) {
      keys.NoteSlot(static_cast<SlotId>(keys.first_slot()));
      return 0;
    };
    co_await transaction.AtShard(CurrentShardId(), look);
  }
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  co_return decided;
}

// Runs `read(TopicStore&)` at home while no change of the catalog is half done.
template <typename Read>
Task<std::invoke_result_t<Read&, TopicStore&>> ReadCatalog(Read read, Gates& gates) {
  Transaction transaction(false);
  const SlotId slot = static_cast<SlotId>(Shard::Current().keys().first_slot());
  transaction.AddSlot(slot);
  co_await transaction.Lock(0);
  auto here = [&read, slot](Keyspace& keys) {
    keys.NoteSlot(slot);
    return read(TopicStore::Here());
  };
  auto result = co_await transaction.AtShard(CurrentShardId(), here);
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  co_return result;
}

}  // namespace

// ---- Topics ------------------------------------------------------------------------------------

Task<StatusOr<Topic>> CreateTopic(std::string name, TopicChange settings, Gates& gates) {
  if (Status valid = CheckName("topic", name); !valid.ok()) co_return valid;
  auto decide = [&](TopicStore& store) -> StatusOr<Topic> {
    if (store.catalog().FindTopic(name) != nullptr) {
      return absl::AlreadyExistsError(fmt::format("there is a topic '{}' already", name));
    }
    TopicConfig config;
    config.storage = settings.storage.value_or(store.options().default_storage);
    FLASHDB_ASSIGN_OR_RETURN(config, Changed(config, settings));
    return Topic{.id = store.catalog().version() + 1,
                 .name = name,
                 .config = config,
                 .created_at = Shard::Current().keys().now()};
  };
  auto act = [](TopicStore& store, const Topic& topic) { store.PutTopic(topic); };
  co_return co_await ChangeCatalog<Topic>(decide, act, gates);
}

Task<StatusOr<Topic>> AlterTopic(std::string name, TopicChange change, Gates& gates) {
  auto decide = [&](TopicStore& store) -> StatusOr<Topic> {
    const Topic* topic = store.catalog().FindTopic(name);
    if (topic == nullptr) return NoSuchTopic(name);
    if (change.storage.has_value() && *change.storage != topic->config.storage) {
      return absl::FailedPreconditionError(
          fmt::format("topic '{}' keeps its storage, {}: create another topic to use the other",
                      name, NameOf(topic->config.storage)));
    }
    if (change.partitions.value_or(topic->config.partitions) < topic->config.partitions) {
      return absl::FailedPreconditionError(
          fmt::format("topic '{}' has {} partitions; there can be more, not fewer", name,
                      topic->config.partitions));
    }
    Topic altered = *topic;
    FLASHDB_ASSIGN_OR_RETURN(altered.config, Changed(topic->config, change));
    return altered;
  };
  auto act = [](TopicStore& store, const Topic& topic) { store.PutTopic(topic); };
  co_return co_await ChangeCatalog<Topic>(decide, act, gates);
}

Task<Status> DeleteTopic(std::string name, Gates& gates) {
  auto decide = [&](TopicStore& store) -> StatusOr<TopicId> {
    const Topic* topic = store.catalog().FindTopic(name);
    if (topic == nullptr) return NoSuchTopic(name);
    return topic->id;
  };
  auto act = [](TopicStore& store, const TopicId& id) { store.RemoveTopic(id); };
  StatusOr<TopicId> removed = co_await ChangeCatalog<TopicId>(decide, act, gates);
  co_return removed.status();
}

Status NoSuchTopic(std::string_view name) {
  return absl::NotFoundError(fmt::format("there is no topic '{}'", name.substr(0, kMaxNameBytes)));
}

namespace {

StatusOr<Topic> TopicOf(TopicStore& store, std::string_view name) {
  const Topic* topic = store.catalog().FindTopic(name);
  if (topic == nullptr) return NoSuchTopic(name);
  return *topic;
}

}  // namespace

Task<StatusOr<Topic>> FindTopic(std::string name, Gates& gates) {
  if (const Topic* topic = TopicStore::Here().catalog().FindTopic(name)) co_return *topic;
  auto find = [&name](TopicStore& store) { return TopicOf(store, name); };
  co_return co_await ReadCatalog(find, gates);  // it may be under way
}

Task<std::vector<Topic>> ListTopics(Gates& gates) {
  auto read = [](TopicStore& store) {
    std::vector<Topic> topics;
    for (const auto& [name, topic] : store.catalog().topics()) topics.push_back(*topic);
    std::sort(topics.begin(), topics.end(), kByName);
    return topics;
  };
  co_return co_await ReadCatalog(read, gates);
}

namespace {

PartitionInfo InfoOf(const Partition& partition) {
  return {.partition = partition.number(),
          .shard = CurrentShardId(),
          .start = partition.start(),
          .high_watermark = partition.end(),
          .records = partition.record_count(),
          .bytes = partition.bytes(),
          .last_timestamp = partition.last_timestamp()};
}

}  // namespace

Task<StatusOr<TopicInfo>> DescribeTopic(std::string name, Gates& gates) {
  auto find = [&name](TopicStore& store) { return TopicOf(store, name); };
  StatusOr<Topic> topic = co_await ReadCatalog(find, gates);
  if (!topic.ok()) co_return topic.status();
  TopicInfo info{.topic = *topic, .partitions = {}};
  Transaction transaction(false);
  for (PartitionNumber p = 0; p < topic->config.partitions; ++p) {
    transaction.AddSlot(topic->SlotOfPartition(p));
  }
  co_await transaction.Lock(0);
  auto describe = [&info](ShardId, Keyspace&) {
    TopicStore& store = TopicStore::Here();
    std::vector<PartitionInfo> here;
    for (PartitionNumber p = 0; p < info.topic.config.partitions; ++p) {
      if (Partition* partition = store.Find(info.topic, p)) here.push_back(InfoOf(*partition));
    }
    return here;
  };
  std::vector<std::vector<PartitionInfo>> all =
      co_await transaction.AtEach(transaction.Participants(), describe);
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  for (auto& some : all) {
    info.partitions.insert(info.partitions.end(), some.begin(), some.end());
  }
  std::sort(info.partitions.begin(), info.partitions.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  if (info.partitions.size() != topic->config.partitions)
    co_return NoSuchTopic(name);  // just deleted
  co_return info;
}

// ---- Groups ------------------------------------------------------------------------------------

Task<StatusOr<Group>> FindGroup(std::string name, Gates& gates) {
  auto find = [&name](TopicStore& store) -> StatusOr<Group> {
    const Group* group = store.catalog().FindGroup(name);
    if (group == nullptr) {
      return absl::NotFoundError(
          fmt::format("there is no group '{}'", name.substr(0, kMaxNameBytes)));
    }
    return *group;
  };
  co_return co_await ReadCatalog(find, gates);
}

Task<StatusOr<Group>> CreateGroup(std::string name, Gates& gates) {
  if (Status valid = CheckName("group", name); !valid.ok()) co_return valid;
  auto decide = [&](TopicStore& store) -> StatusOr<Group> {
    if (store.catalog().FindGroup(name) != nullptr) {
      return absl::AlreadyExistsError(fmt::format("there is a group '{}' already", name));
    }
    return Group{.id = store.catalog().version() + 1,
                 .name = name,
                 .created_at = Shard::Current().keys().now()};
  };
  auto act = [](TopicStore& store, const Group& group) { store.PutGroup(group); };
  co_return co_await ChangeCatalog<Group>(decide, act, gates);
}

Task<Status> DeleteGroup(std::string name, Gates& gates) {
  auto decide = [&](TopicStore& store) -> StatusOr<GroupId> {
    const Group* group = store.catalog().FindGroup(name);
    if (group == nullptr) {
      return absl::NotFoundError(fmt::format("there is no group '{}'", name));
    }
    return group->id;
  };
  auto act = [](TopicStore& store, const GroupId& id) { store.RemoveGroup(id); };
  StatusOr<GroupId> removed = co_await ChangeCatalog<GroupId>(decide, act, gates);
  co_return removed.status();
}

Task<std::vector<Group>> ListGroups(Gates& gates) {
  auto read = [](TopicStore& store) {
    std::vector<Group> groups;
    for (const auto& [name, group] : store.catalog().groups()) groups.push_back(*group);
    std::sort(groups.begin(), groups.end(), kByName);
    return groups;
  };
  co_return co_await ReadCatalog(read, gates);
}

}  // namespace flashdb
