// The live members of consumer groups and their shares of the partitions. A group's members are
// kept in memory by the shard that owns the slot of its name; after a restart they join again
// (their heartbeats say so), while the committed offsets are in the log.
//
// Shares: the partitions of each topic are dealt in contiguous ranges to the members that want it,
// in the order of their ids. A partition changes hands only when its old holder has been told (by
// the answer to its next heartbeat) or has gone, so no two members are ever told of the same one.
//
// Used by its shard's thread only.
#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "topics/catalog.h"
#include "topics/topic_service.h"
#include "topics/types.h"

namespace flashdb {

struct JoinRequest {
  std::string member_id;
  std::string client;
  std::vector<std::string> topics;
  uint64_t session_timeout_ms = 0;
};

class GroupCoordinator {
 public:
  static constexpr size_t kMaxMembers = 1000;  // of one group

  /// `catalog` must outlive the coordinator.
  explicit GroupCoordinator(const Catalog& catalog) : catalog_(catalog) {}

  /// Adds the member, or renews one of that id. ResourceExhausted if the group is full.
  StatusOr<Membership> Join(const Group& group, JoinRequest request, UnixMillis now);
  /// NotFound if the group has no such member (any more).
  StatusOr<Membership> Heartbeat(const Group& group, std::string_view member_id, UnixMillis now);
  Status Leave(const Group& group, std::string_view member_id, UnixMillis now);
  /// OK if the partition is the member's at present; FailedPrecondition if it is not, NotFound if
  /// there is no such member.
  Status CheckHolds(const Group& group, std::string_view member_id, std::string_view topic,
                    PartitionNumber partition, UnixMillis now);
  GroupInfo Describe(const Group& group, UnixMillis now);
  void Forget(GroupId group) { groups_.erase(group); }

 private:
  using Share = std::pair<std::string, PartitionNumber>;  // topic, partition
  struct Member {
    std::string client;
    absl::btree_set<std::string> topics;
    uint64_t session_timeout_ms = 0;
    UnixMillis last_seen = 0;
    absl::btree_set<Share> held;
  };
  struct State {
    uint64_t generation = 0;
    uint64_t catalog_version = 0;
    absl::btree_map<std::string, Member, std::less<>> members;
    absl::btree_map<Share, std::string> target;
    absl::btree_map<Share, std::string> holders;
  };

  State& Refresh(const Group& group, UnixMillis now);
  void Deal(State& state);
  static void ReleaseAll(State& state, const std::string& member_id);
  static Membership Grant(State& state, const std::string& member_id);
  static std::vector<Assignment> AssignmentsOf(const Member& member);

  const Catalog& catalog_;
  absl::flat_hash_map<GroupId, State> groups_;
};

}  // namespace flashdb
