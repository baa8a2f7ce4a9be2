#include "topics/group_coordinator.h"

#include <algorithm>

namespace flashdb {
namespace {

Status NoSuchMember(const Group& group, std::string_view member_id) {
  return absl::NotFoundError(fmt::format(
      "group '{}' has no member '{}' (any more): its session timed out, it left, or the "
      "server was restarted; join again",
      group.name, member_id));
}

}  // namespace

// The group's state without the members that have not been heard of for too long, dealt anew if
// they or the topics have changed.
GroupCoordinator::State& GroupCoordinator::Refresh(const Group& group, UnixMillis now) {
  State& state = groups_[group.id];
  std::vector<std::string> dead;
  for (const auto& [id, member] : state.members) {
    if (now - member.last_seen > static_cast<UnixMillis>(member.session_timeout_ms)) {
      dead.push_back(id);
    }
  }
  for (const std::string& id : dead) {
    ReleaseAll(state, id);
    state.members.erase(id);
  }
  if (!dead.empty() || state.catalog_version != catalog_.version()) Deal(state);
  return state;
}

void GroupCoordinator::ReleaseAll(State& state, const std::string& member_id) {
  for (const Share& share : state.members[member_id].held) state.holders.erase(share);
}

void GroupCoordinator::Deal(State& state) {
  state.catalog_version = catalog_.version();
  absl::btree_map<std::string, std::vector<std::string>> wanted;  // topic -> member ids, ascending
  for (const auto& [id, member] : state.members) {
    for (const std::string& topic : member.topics) wanted[topic].push_back(id);
  }
  absl::btree_map<Share, std::string> target;
  for (const auto& [name, members] : wanted) {
    const Topic* topic = catalog_.FindTopic(name);
    if (topic == nullptr) continue;
    const uint64_t partitions = topic->config.partitions;
    for (PartitionNumber p = 0; p < partitions; ++p) {
      target[{name, p}] = members[p * members.size() / partitions];
    }
  }
  if (target == state.target) return;
  state.target = std::move(target);
  ++state.generation;
}

// Tells the member what is its now: what it has to give up is free for others from here on.
Membership GroupCoordinator::Grant(State& state, const std::string& member_id) {
  Member& member = state.members[member_id];
  absl::btree_set<Share> held;
  for (const auto& [share, owner] : state.target) {
    if (owner != member_id) continue;
    auto holder = state.holders.find(share);
    if (holder == state.holders.end() || holder->second == member_id) held.insert(share);
  }
  for (const Share& share : member.held) state.holders.erase(share);
  for (const Share& share : held) state.holders[share] = member_id;
  member.held = std::move(held);
  return {.member_id = member_id,
          .generation = state.generation,
          .session_timeout_ms = member.session_timeout_ms,
          .assignments = AssignmentsOf(member)};
}

std::vector<Assignment> GroupCoordinator::AssignmentsOf(const Member& member) {
  std::vector<Assignment> assignments;
  for (const std::string& topic : member.topics) assignments.push_back({.topic = topic});
  for (const auto& [topic, partition] : member.held) {
    for (Assignment& assignment : assignments) {
      if (assignment.topic == topic) assignment.partitions.push_back(partition);
    }
  }
  return assignments;
}

StatusOr<Membership> GroupCoordinator::Join(const Group& group, JoinRequest request,
                                            UnixMillis now) {
  State& state = Refresh(group, now);
  if (!state.members.contains(request.member_id) && state.members.size() >= kMaxMembers) {
    return absl::ResourceExhaustedError(
        fmt::format("group '{}' has {} members, as many as a group can have", group.name,
                    state.members.size()));
  }
  Member& member = state.members[request.member_id];
  member.client = std::move(request.client);
  member.topics = {request.topics.begin(), request.topics.end()};
  member.session_timeout_ms = request.session_timeout_ms;
  member.last_seen = now;
  Deal(state);
  return Grant(state, request.member_id);
}

StatusOr<Membership> GroupCoordinator::Heartbeat(const Group& group, std::string_view member_id,
                                                 UnixMillis now) {
  State& state = Refresh(group, now);
  auto member = state.members.find(member_id);
  if (member == state.members.end()) return NoSuchMember(group, member_id);
  member->second.last_seen = now;
  return Grant(state, member->first);
}

Status GroupCoordinator::Leave(const Group& group, std::string_view member_id, UnixMillis now) {
  State& state = Refresh(group, now);
  auto member = state.members.find(member_id);
  if (member == state.members.end()) return NoSuchMember(group, member_id);
  ReleaseAll(state, member->first);
  state.members.erase(member);
  Deal(state);
  return OkStatus();
}

Status GroupCoordinator::CheckHolds(const Group& group, std::string_view member_id,
                                    std::string_view topic, PartitionNumber partition,
                                    UnixMillis now) {
  State& state = Refresh(group, now);
  auto member = state.members.find(member_id);
  if (member == state.members.end()) return NoSuchMember(group, member_id);
  if (member->second.held.contains(Share(topic, partition))) return OkStatus();
  return absl::FailedPreconditionError(fmt::format(
      "partition {} of topic '{}' is not (any more) with member '{}' of group '{}'; its "
      "next heartbeat tells which are",
      partition, topic, member_id, group.name));
}

GroupInfo GroupCoordinator::Describe(const Group& group, UnixMillis now) {
  State& state = Refresh(group, now);
  GroupInfo info{.group = group, .generation = state.generation, .members = {}};
  for (const auto& [id, member] : state.members) {
    info.members.push_back({.member_id = id,
                            .client = member.client,
                            .last_seen = member.last_seen,
                            .session_timeout_ms = member.session_timeout_ms,
                            .assignments = AssignmentsOf(member)});
  }
  return info;
}

}  // namespace flashdb
