// The TOPIC family's rows, and CREATE, ALTER, DELETE, LIST, INFO and HELP.
#include "commands/topics.h"

#include <array>

#include "commands/engine.h"
#include "commands/server.h"
#include "commands/topic_args.h"

namespace flashdb {
namespace {

Task<void> Create(SessionContext& context) {
  StatusOr<TopicChange> settings = ParseTopicChange(context.args);
  if (!settings.ok()) co_return context.reply.Error(ErrorLineOf(settings.status()));
  StatusOr<Topic> topic =
      co_await CreateTopic(std::string(context.args[2]), *settings, *context.gates);
  if (!topic.ok()) co_return context.reply.Error(ErrorLineOf(topic.status()));
  context.reply.Ok();
}

Task<void> Alter(SessionContext& context) {
  StatusOr<TopicChange> change = ParseTopicChange(context.args);
  if (!change.ok()) co_return context.reply.Error(ErrorLineOf(change.status()));
  StatusOr<Topic> topic =
      co_await AlterTopic(std::string(context.args[2]), *change, *context.gates);
  if (!topic.ok()) co_return context.reply.Error(ErrorLineOf(topic.status()));
  context.reply.Ok();
}

Task<void> Delete(SessionContext& context) {
  Status deleted = co_await DeleteTopic(std::string(context.args[2]), *context.gates);
  if (!deleted.ok()) co_return context.reply.Error(ErrorLineOf(deleted));
  context.reply.Ok();
}

Task<void> List(SessionContext& context) {
  std::vector<Topic> topics = co_await ListTopics(*context.gates);
  context.reply.Array(topics.size());
  for (const Topic& topic : topics) context.reply.Bulk(topic.name);
}

void Field(ReplyWriter& reply, std::string_view name, uint64_t value) {
  reply.Bulk(name);
  reply.Integer(static_cast<int64_t>(value));
}

void ReplyPartition(ReplyWriter& reply, const PartitionInfo& info) {
  reply.Map(7);
  Field(reply, "partition", info.partition);
  Field(reply, "shard", info.shard);
  Field(reply, "start", info.start);
  Field(reply, "high_watermark", info.high_watermark);
  Field(reply, "records", info.records);
  Field(reply, "bytes", info.bytes);
  Field(reply, "last_timestamp", static_cast<uint64_t>(info.last_timestamp));
}

Task<void> Info(SessionContext& context) {
  StatusOr<TopicInfo> info = co_await DescribeTopic(std::string(context.args[2]), *context.gates);
  if (!info.ok()) co_return context.reply.Error(ErrorLineOf(info.status()));
  const TopicConfig& config = info->topic.config;
  ReplyWriter& reply = context.reply;
  reply.Map(8);
  reply.Bulk("topic");
  reply.Bulk(info->topic.name);
  Field(reply, "created_at", static_cast<uint64_t>(info->topic.created_at));
  reply.Bulk("storage");
  reply.Bulk(NameOf(config.storage));
  reply.Bulk("cleanup");
  reply.Bulk(NameOf(config.cleanup));
  Field(reply, "retention_ms", config.retention.max_age_ms);
  Field(reply, "retention_bytes", config.retention.max_bytes);
  Field(reply, "cache_records", config.cache_records);
  reply.Bulk("partitions");
  reply.Array(info->partitions.size());
  for (const PartitionInfo& partition : info->partitions) ReplyPartition(reply, partition);
}

void Help(SessionContext& context) {
  ReplyHelp(
      context,
      {"CREATE <topic> [PARTITIONS <n>] [STORAGE memory|file] [CLEANUP delete|compact|both]",
       "    [RETENTION-MS <ms>] [RETENTION-BYTES <bytes>] [CACHE-RECORDS <n>]",
       "    Create a topic. Retention 0 (the default) keeps records for ever.",
       "ALTER <topic> <options as of CREATE>",
       "    Change it; partitions can only become more.",
       "DELETE <topic>",
       "    Delete it with all records.",
       "LIST",
       "    Names of all topics.",
       "INFO <topic>",
       "    Settings, and of each partition its offsets and sizes.",
       "APPEND <topic> [PARTITION <n>] [PRODUCER <id> <sequence>] <record> [<record> ...]",
       "    with <record>: [KEY <key>] [HEADER <name> <value>]... VALUE <value> | TOMBSTONE",
       "    Append 1 to 1000 records, all or none. Without PARTITION a record goes where its",
       "    key's hash says, else the partitions take turns. A batch whose producer has sent the",
       "    same sequence before is not appended again. Returns [partition, first offset, last",
       "    offset] for each partition.",
       "READ <topic> [PARTITION <n>] [OFFSET <n> | TIME <unix ms> | GROUP <group>] [COUNT <n>]",
       "    [BYTES <n>] [MINBYTES <n>] [BLOCK <ms>]",
       "    Read records from an offset, a time, a group's committed offsets or the beginning.",
       "    COUNT is at most 10000 (100), BYTES 67108864 (1048576), but one record always fits.",
       "    BLOCK waits for MINBYTES (1) of records.",
       "COMMIT <group> <topic> <partition> <offset> [METADATA <text>]",
       "    Note the offset of the next record that the group has to read.",
       "OFFSETS <group> [<topic>]",
       "    What the group has committed, and how far behind it is.",
       "LAG <group> [<topic>]",
       "    How many records the group has not read, for each topic.",
       "GROUP CREATE|DELETE|INFO <group>, GROUP LIST",
       "    Groups and their members.",
       "GROUP JOIN <group> <session timeout ms> <topic> [<topic> ...] [MEMBER <id>]",
       "GROUP HEARTBEAT|LEAVE <group> <member>",
       "    Share the partitions out over the members: the answers say which are this one's."});
}

constexpr std::string_view kGroup = "topic";
constexpr std::string_view kSince = "0.1.0";

constexpr std::array kRows = {
    Container("topic", {"Commands on topics: logs of records with offsets and consumer groups.",
                        kSince, kGroup, "Depends on subcommand."}),
    Local("topic|append", -5, kWrite | kDenyOom | kFast | kTopicData, {}, &TopicAppend,
          {"Appends records to a topic.", kSince, kGroup, "O(N) in the number of records"}),
    OnSessionTask("topic|alter", -4, kWrite | kNoMulti, &Alter,
                  {"Changes a topic's settings.", kSince, kGroup, "O(partitions)"}),
    Local("topic|commit", -6, kWrite | kFast | kTopicData, {}, &TopicCommit,
          {"Notes the next offset that a group has to read.", kSince, kGroup, "O(1)"}),
    OnSessionTask("topic|create", -3, kWrite | kDenyOom | kNoMulti, &Create,
                  {"Creates a topic.", kSince, kGroup, "O(partitions)"}),
    OnSessionTask("topic|delete", 3, kWrite | kNoMulti, &Delete,
                  {"Deletes a topic and its records.", kSince, kGroup, "O(partitions)"}),
    OnSessionTask("topic|group", -3, kWrite | kNoMulti, &TopicGroup,
                  {"Creates, deletes, lists and joins consumer groups.", kSince, kGroup,
                   "O(members * partitions) when members change"}),
    OnSession("topic|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", kSince, kGroup, "O(1)"}),
    OnSessionTask("topic|info", 3, kReadOnly | kNoMulti, &Info,
                  {"Shows a topic's settings and partitions.", kSince, kGroup, "O(partitions)"}),
    OnSessionTask(
        "topic|lag", -3, kReadOnly | kNoMulti, &TopicLag,
        {"Shows how many records a group has not read.", kSince, kGroup, "O(partitions)"}),
    OnSessionTask("topic|list", 2, kReadOnly | kNoMulti, &List,
                  {"Lists the topics.", kSince, kGroup, "O(N) in the number of topics"}),
    OnSessionTask("topic|offsets", -3, kReadOnly | kNoMulti, &TopicOffsets,
                  {"Shows what a group has committed.", kSince, kGroup, "O(partitions)"}),
    OnSessionTask("topic|read", -3, kReadOnly | kNoMulti, &TopicRead,
                  {"Reads records, and waits for them if asked to.", kSince, kGroup,
                   "O(N) in the number of records"}),
};

}  // namespace

std::span<const Command> TopicCommands() { return kRows; }

}  // namespace flashdb
