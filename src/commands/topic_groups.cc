// TOPIC OFFSETS, LAG and GROUP.
#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/topic_args.h"
#include "commands/topics.h"

namespace flashdb {
namespace {

void ReplyCommitted(ReplyWriter& reply, const std::string& topic,
                    const CommittedOffset& committed) {
  reply.Map(7);
  reply.Bulk("topic");
  reply.Bulk(topic);
  reply.Bulk("partition");
  reply.Integer(committed.partition);
  reply.Bulk("offset");
  reply.Integer(static_cast<int64_t>(committed.offset));
  reply.Bulk("high_watermark");
  reply.Integer(static_cast<int64_t>(committed.high_watermark));
  reply.Bulk("lag");
  reply.Integer(static_cast<int64_t>(committed.lag()));
  reply.Bulk("committed_at");
  reply.Integer(committed.committed_at);
  reply.Bulk("metadata");
  reply.Bulk(committed.metadata);
}

Task<StatusOr<std::vector<GroupOffsets>>> OffsetsOf(SessionContext& context) {
  std::string topic(context.args.size() > 3 ? context.args[3] : std::string_view());
  co_return co_await ReadOffsets(std::string(context.args[2]), topic, *context.gates);
}

}  // namespace

Task<void> TopicOffsets(SessionContext& context) {
  StatusOr<std::vector<GroupOffsets>> topics = co_await OffsetsOf(context);
  if (!topics.ok()) co_return context.reply.Error(ErrorLineOf(topics.status()));
  size_t count = 0;
  for (const GroupOffsets& offsets : *topics) count += offsets.partitions.size();
  context.reply.Array(count);
  for (const GroupOffsets& offsets : *topics) {
    for (const CommittedOffset& committed : offsets.partitions) {
      ReplyCommitted(context.reply, offsets.topic, committed);
    }
  }
}

Task<void> TopicLag(SessionContext& context) {
  StatusOr<std::vector<GroupOffsets>> topics = co_await OffsetsOf(context);
  if (!topics.ok()) co_return context.reply.Error(ErrorLineOf(topics.status()));
  context.reply.Map(topics->size());
  for (const GroupOffsets& offsets : *topics) {
    uint64_t lag = 0;
    for (const CommittedOffset& committed : offsets.partitions) lag += committed.lag();
    context.reply.Bulk(offsets.topic);
    context.reply.Integer(static_cast<int64_t>(lag));
  }
}

// ---- GROUP -------------------------------------------------------------------------------------

namespace {

void ReplyAssignments(ReplyWriter& reply, const std::vector<Assignment>& assignments) {
  reply.Map(assignments.size());
  for (const Assignment& assignment : assignments) {
    reply.Bulk(assignment.topic);
    reply.Array(assignment.partitions.size());
    for (PartitionNumber partition : assignment.partitions) reply.Integer(partition);
  }
}

void ReplyMembership(ReplyWriter& reply, const StatusOr<Membership>& member) {
  if (!member.ok()) return reply.Error(ErrorLineOf(member.status()));
  reply.Map(3);
  reply.Bulk("member_id");
  reply.Bulk(member->member_id);
  reply.Bulk("generation");
  reply.Integer(static_cast<int64_t>(member->generation));
  reply.Bulk("assignments");
  ReplyAssignments(reply, member->assignments);
}

void ReplyGroup(ReplyWriter& reply, const GroupInfo& info) {
  reply.Map(4);
  reply.Bulk("group");
  reply.Bulk(info.group.name);
  reply.Bulk("created_at");
  reply.Integer(info.group.created_at);
  reply.Bulk("generation");
  reply.Integer(static_cast<int64_t>(info.generation));
  reply.Bulk("members");
  reply.Array(info.members.size());
  for (const GroupMember& member : info.members) {
    reply.Map(5);
    reply.Bulk("member_id");
    reply.Bulk(member.member_id);
    reply.Bulk("client");
    reply.Bulk(member.client);
    reply.Bulk("last_seen");
    reply.Integer(member.last_seen);
    reply.Bulk("session_timeout_ms");
    reply.Integer(static_cast<int64_t>(member.session_timeout_ms));
    reply.Bulk("assignments");
    ReplyAssignments(reply, member.assignments);
  }
}

void ReplyStatus(ReplyWriter& reply, const Status& status) {
  status.ok() ? reply.Ok() : reply.Error(ErrorLineOf(status));
}

// TOPIC GROUP JOIN group timeout-ms topic [topic ...] [MEMBER id]
Task<void> Join(SessionContext& context) {
  ArgView args = context.args;
  if (args.size() < 6) co_return context.reply.Error(WrongArity("topic|group"));
  std::optional<uint64_t> timeout = ParseUint64(args[4]);
  if (!timeout) co_return context.reply.Error(kNotInteger);
  size_t end = args.size();
  std::string member_id;
  if (end >= 8 && EqualsIgnoreCase(args[end - 2], "MEMBER")) {
    member_id = args[end - 1];
    end -= 2;
  }
  std::vector<std::string> topics(args.begin() + 5, args.begin() + static_cast<ptrdiff_t>(end));
  StatusOr<Membership> member = co_await JoinGroup(
      std::string(args[3]), member_id, context.session.name, topics, *timeout, *context.gates);
  ReplyMembership(context.reply, member);
}

Task<void> OnOneGroup(SessionContext& context) {
  const std::string_view what = context.args[2];
  const std::string group(context.args[3]);
  if (EqualsIgnoreCase(what, "CREATE")) {
    StatusOr<Group> created = co_await CreateGroup(group, *context.gates);
    ReplyStatus(context.reply, created.status());
  } else if (EqualsIgnoreCase(what, "DELETE")) {
    Status deleted = co_await DeleteGroup(group, *context.gates);
    ReplyStatus(context.reply, deleted);
  } else if (EqualsIgnoreCase(what, "INFO")) {
    StatusOr<GroupInfo> info = co_await DescribeGroup(group, *context.gates);
    if (!info.ok()) co_return context.reply.Error(ErrorLineOf(info.status()));
    ReplyGroup(context.reply, *info);
  } else {
    context.reply.Error(kSyntaxError);
  }
}

Task<void> OnOneMember(SessionContext& context) {
  const std::string group(context.args[3]);
  const std::string member(context.args[4]);
  if (EqualsIgnoreCase(context.args[2], "HEARTBEAT")) {
    StatusOr<Membership> membership = co_await Heartbeat(group, member, *context.gates);
    ReplyMembership(context.reply, membership);
  } else if (EqualsIgnoreCase(context.args[2], "LEAVE")) {
    Status left = co_await LeaveGroup(group, member, *context.gates);
    ReplyStatus(context.reply, left);
  } else {
    context.reply.Error(kSyntaxError);
  }
}

}  // namespace

Task<void> TopicGroup(SessionContext& context) {
  const size_t count = context.args.size();
  if (EqualsIgnoreCase(context.args[2], "JOIN")) {
    co_await Join(context);
  } else if (EqualsIgnoreCase(context.args[2], "LIST") && count == 3) {
    std::vector<Group> groups = co_await ListGroups(*context.gates);
    context.reply.Array(groups.size());
    for (const Group& group : groups) context.reply.Bulk(group.name);
  } else if (count == 4) {
    co_await OnOneGroup(context);
  } else if (count == 5) {
    co_await OnOneMember(context);
  } else {
    context.reply.Error(kSyntaxError);
  }
}

}  // namespace flashdb
