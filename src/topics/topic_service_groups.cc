// Committed offsets, which live with their partitions, and the members of groups.
#include <absl/container/btree_map.h>

#include <algorithm>

#include "topics/topic_visit.h"

namespace flashdb {
namespace {

constexpr uint64_t kMinSessionMillis = 1000;
constexpr uint64_t kMaxSessionMillis = 300'000;
constexpr size_t kMaxTopicsOfMember = 256;

Task<StatusOr<Group>> FindOrCreateGroup(std::string name, Gates& gates) {
  if (const Group* group = TopicStore::Here().catalog().FindGroup(name)) co_return *group;
  StatusOr<Group> created = co_await CreateGroup(name, gates);
  if (absl::IsAlreadyExists(created.status())) co_return co_await FindGroup(name, gates);
  co_return created;
}

}  // namespace

// ---- Committed offsets -------------------------------------------------------------------------

Status CheckMetadata(std::string_view metadata) {
  if (metadata.size() <= OffsetCommit::kMaxMetadataBytes) return OkStatus();
  return absl::InvalidArgumentError(fmt::format("metadata of {} bytes; at most {} are kept",
                                                metadata.size(), OffsetCommit::kMaxMetadataBytes));
}

namespace {

Status CheckCommits(const Topic& topic, const std::vector<OffsetCommit>& commits) {
  if (commits.empty()) return absl::InvalidArgumentError("no offset is given");
  for (const OffsetCommit& commit : commits) {
    if (commit.partition >= topic.config.partitions) {
      return absl::InvalidArgumentError(fmt::format("topic '{}' has no partition {}; it has {}",
                                                    topic.name, commit.partition,
                                                    topic.config.partitions));
    }
    FLASHDB_RETURN_IF_ERROR(CheckMetadata(commit.metadata));
  }
  return OkStatus();
}

CommittedOffset Shown(const Partition& partition, const PartitionCommit& commit) {
  return {.partition = partition.number(),
          .offset = commit.offset,
          .high_watermark = partition.end(),
          .committed_at = commit.at,
          .metadata = commit.metadata};
}

struct CommitOutcome {
  Status status;
  std::vector<CommittedOffset> committed;
};

// On each owner: whether all of the commits can be done, or (act) does them.
CommitOutcome CommitThere(const Topic& topic, const Group& group,
                          const std::vector<OffsetCommit>& commits, bool act) {
  TopicStore& store = TopicStore::Here();
  CommitOutcome outcome;
  for (const OffsetCommit& commit : commits) {
    if (!store.shard().Owns(topic.SlotOfPartition(commit.partition))) continue;
    Partition* partition = store.Find(topic, commit.partition);
    if (partition == nullptr || store.catalog().GroupById(group.id) == nullptr) {
      outcome.status = NoSuchTopic(topic.name);
    } else if (act) {
      outcome.status = store.Commit(*partition, group, commit);
      if (outcome.status.ok()) {
        outcome.committed.push_back(Shown(*partition, *partition->FindCommit(group.id)));
      }
    } else {
      outcome.status = TopicStore::CheckCommit(*partition, commit, partition->end());
    }
    if (!outcome.status.ok()) break;
  }
  return outcome;
}

Status FirstError(const std::vector<CommitOutcome>& outcomes) {
  for (const CommitOutcome& outcome : outcomes) FLASHDB_RETURN_IF_ERROR(outcome.status);
  return OkStatus();
}

Task<Status> CheckMember(const Group& group, const Topic& topic,
                         const std::vector<OffsetCommit>& commits, const MemberStamp& member) {
  auto check = [&]() -> Status {
    TopicStore& store = TopicStore::Here();
    for (const OffsetCommit& commit : commits) {
      FLASHDB_RETURN_IF_ERROR(store.groups().CheckHolds(
          group, member.member_id, topic.name, commit.partition, store.shard().keys().now()));
    }
    return OkStatus();
  };
  auto call = On(OwnerOf(SlotOf(group.name), ShardCount()), check);
  co_return co_await call;
}

}  // namespace

Task<StatusOr<GroupOffsets>> CommitOffsets(std::string group_name, std::string topic_name,
                                           std::vector<OffsetCommit> commits,
                                           std::optional<MemberStamp> member, Gates& gates) {
  StatusOr<Topic> topic = co_await FindTopic(topic_name, gates);
  if (!topic.ok()) co_return topic.status();
  if (Status valid = CheckCommits(*topic, commits); !valid.ok()) co_return valid;
  StatusOr<Group> group = co_await FindOrCreateGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  Transaction transaction(true);
  uint64_t bytes = 256;
  for (const OffsetCommit& commit : commits) {
    transaction.AddSlot(topic->SlotOfPartition(commit.partition));
    bytes += commit.metadata.size() + 64;
  }
  std::optional<std::string> refusal = co_await transaction.Lock(bytes);
  std::vector<CommitOutcome> outcomes;
  Status holds;
  // With the partitions locked: who gets one of them from now on reads its offset after this
  // commit.
  if (!refusal.has_value() && member.has_value()) {
    holds = co_await CheckMember(*group, *topic, commits, *member);
  }
  if (!refusal.has_value() && holds.ok()) {
    auto look = [&](ShardId, Keyspace&) { return CommitThere(*topic, *group, commits, false); };
    auto act = [&](ShardId, Keyspace&) { return CommitThere(*topic, *group, commits, true); };
    outcomes = co_await transaction.AtEach(transaction.Participants(), look);
    if (FirstError(outcomes).ok()) {
      outcomes = co_await transaction.AtEach(transaction.Participants(), act);
    }
  }
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  if (refusal.has_value()) co_return RefusedStatus(*refusal);
  if (!holds.ok()) co_return holds;
  if (Status failed = FirstError(outcomes); !failed.ok()) co_return failed;
  GroupOffsets offsets{.topic = topic->name, .partitions = {}};
  for (CommitOutcome& outcome : outcomes) {
    offsets.partitions.insert(offsets.partitions.end(), outcome.committed.begin(),
                              outcome.committed.end());
  }
  std::sort(offsets.partitions.begin(), offsets.partitions.end(),
            [](const auto& a, const auto& b) { return a.partition < b.partition; });
  co_return offsets;
}

namespace {

using OffsetsByTopic = absl::btree_map<std::string, std::vector<CommittedOffset>>;

Task<StatusOr<std::vector<GroupOffsets>>> ReadOffsetsOf(const Group& group,
                                                        const std::vector<Topic>& topics,
                                                        Gates& gates) {
  Transaction transaction(false);
  for (const Topic& topic : topics) {
    for (PartitionNumber p = 0; p < topic.config.partitions; ++p) {
      transaction.AddSlot(topic.SlotOfPartition(p));
    }
  }
  co_await transaction.Lock(0);
  auto read = [&](ShardId, Keyspace&) {
    TopicStore& store = TopicStore::Here();
    OffsetsByTopic here;
    for (const Topic& topic : topics) {
      for (PartitionNumber p = 0; p < topic.config.partitions; ++p) {
        Partition* partition = store.Find(topic, p);
        if (partition == nullptr) continue;
        const PartitionCommit* commit = partition->FindCommit(group.id);
        if (commit != nullptr) here[topic.name].push_back(Shown(*partition, *commit));
      }
    }
    return here;
  };
  std::vector<OffsetsByTopic> all = co_await transaction.AtEach(transaction.Participants(), read);
  co_await transaction.Finish();
  gates.insert(gates.end(), transaction.gates().begin(), transaction.gates().end());
  OffsetsByTopic merged;
  for (OffsetsByTopic& some : all) {
    for (auto& [topic, offsets] : some) {
      merged[topic].insert(merged[topic].end(), offsets.begin(), offsets.end());
    }
  }
  std::vector<GroupOffsets> result;
  for (auto& [topic, offsets] : merged) {
    std::sort(offsets.begin(), offsets.end(),
              [](const auto& a, const auto& b) { return a.partition < b.partition; });
    result.push_back({.topic = topic, .partitions = std::move(offsets)});
  }
  co_return result;
}

}  // namespace

Task<StatusOr<std::vector<GroupOffsets>>> ReadOffsets(std::string group_name,
                                                      std::string topic_name, Gates& gates) {
  StatusOr<Group> group = co_await FindGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  std::vector<Topic> topics;
  if (topic_name.empty()) {
    topics = co_await ListTopics(gates);
  } else {
    StatusOr<Topic> topic = co_await FindTopic(topic_name, gates);
    if (!topic.ok()) co_return topic.status();
    topics.push_back(std::move(*topic));
  }
  if (topics.empty()) co_return std::vector<GroupOffsets>{};
  co_return co_await ReadOffsetsOf(*group, topics, gates);
}

// ---- Members -----------------------------------------------------------------------------------

namespace {

std::string NewMemberId() {
  Random& random = Shard::Current().random();
  return fmt::format("m-{:016x}", random.Next());
}

Status CheckMember(const std::string& member_id, const std::vector<std::string>& topics,
                   uint64_t session_timeout_ms) {
  if (!member_id.empty() && !IsValidTopicName(member_id)) {
    return absl::InvalidArgumentError(fmt::format("a member's id is {}", kNameRule));
  }
  if (topics.empty() || topics.size() > kMaxTopicsOfMember) {
    return absl::InvalidArgumentError(
        fmt::format("{} topics; a member reads 1 to {}", topics.size(), kMaxTopicsOfMember));
  }
  if (session_timeout_ms < kMinSessionMillis || session_timeout_ms > kMaxSessionMillis) {
    return absl::InvalidArgumentError(fmt::format("session_timeout_ms {}; it may be {} to {}",
                                                  session_timeout_ms, kMinSessionMillis,
                                                  kMaxSessionMillis));
  }
  return OkStatus();
}

// Runs `function(GroupCoordinator&, now)` where the group's members are kept.
template <typename F>
auto AtCoordinator(const Group& group, F function) {
  return On(OwnerOf(SlotOf(group.name), ShardCount()), [function = std::move(function)]() mutable {
    TopicStore& store = TopicStore::Here();
    return function(store.groups(), store.shard().keys().now());
  });
}

}  // namespace

Task<StatusOr<Membership>> JoinGroup(std::string group_name, std::string member_id,
                                     std::string client, std::vector<std::string> topics,
                                     uint64_t session_timeout_ms, Gates& gates) {
  if (Status valid = CheckMember(member_id, topics, session_timeout_ms); !valid.ok()) {
    co_return valid;
  }
  for (const std::string& name : topics) {
    StatusOr<Topic> topic = co_await FindTopic(name, gates);
    if (!topic.ok()) co_return topic.status();
  }
  StatusOr<Group> group = co_await FindOrCreateGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  JoinRequest request{.member_id = member_id.empty() ? NewMemberId() : member_id,
                      .client = client.substr(0, kMaxNameBytes),
                      .topics = topics,
                      .session_timeout_ms = session_timeout_ms};
  auto join = [&](GroupCoordinator& members, UnixMillis now) {
    return members.Join(*group, request, now);
  };
  auto call = AtCoordinator(*group, join);
  co_return co_await call;
}

Task<StatusOr<Membership>> Heartbeat(std::string group_name, std::string member_id, Gates& gates) {
  StatusOr<Group> group = co_await FindGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  auto beat = [&](GroupCoordinator& members, UnixMillis now) {
    return members.Heartbeat(*group, member_id, now);
  };
  auto call = AtCoordinator(*group, beat);
  co_return co_await call;
}

Task<Status> LeaveGroup(std::string group_name, std::string member_id, Gates& gates) {
  StatusOr<Group> group = co_await FindGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  auto leave = [&](GroupCoordinator& members, UnixMillis now) {
    return members.Leave(*group, member_id, now);
  };
  auto call = AtCoordinator(*group, leave);
  co_return co_await call;
}

Task<StatusOr<GroupInfo>> DescribeGroup(std::string group_name, Gates& gates) {
  StatusOr<Group> group = co_await FindGroup(group_name, gates);
  if (!group.ok()) co_return group.status();
  auto describe = [&](GroupCoordinator& members, UnixMillis now) {
    return members.Describe(*group, now);
  };
  auto call = AtCoordinator(*group, describe);
  co_return co_await call;
}

}  // namespace flashdb
