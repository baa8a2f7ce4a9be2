// TOPIC APPEND, COMMIT (local, on the partition's owner) and READ.
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/topic_args.h"
#include "commands/topics.h"
#include "topics/topic_store.h"

namespace flashdb {

void ReplyAppended(ReplyWriter& reply, const StatusOr<std::vector<AppendedPart>>& parts) {
  if (!parts.ok()) return reply.Error(ErrorLineOf(parts.status()));
  reply.Array(parts->size());
  for (const AppendedPart& part : *parts) {
    reply.Array(3);
    reply.Integer(part.partition);
    reply.Integer(static_cast<int64_t>(part.offset));
    reply.Integer(static_cast<int64_t>(part.last_offset));
  }
}

namespace {

// The partition that the command was routed to, or why there is none. If that topic is gone, maybe
// another one has its name now.
StatusOr<Partition*> PartitionOf(CommandContext& context, TopicStore& store,
                                 std::string_view topic_name) {
  context.keys.NoteSlot(context.key.slot);
  if (Partition* partition = store.Find(context.key.hash, context.partition)) return partition;
  const Topic* topic = store.catalog().FindTopic(topic_name);
  Partition* partition = topic == nullptr ? nullptr : store.Find(*topic, context.partition);
  if (partition == nullptr) return NoSuchTopic(topic_name);
  return partition;
}

StatusOr<AppendedPart> AppendHere(CommandContext& context) {
  TopicStore& store = TopicStore::Here();
  FLASHDB_ASSIGN_OR_RETURN(TopicAppendArgs args, ParseTopicAppend(context.args));
  FLASHDB_ASSIGN_OR_RETURN(Partition * partition, PartitionOf(context, store, args.topic));
  if (store.FarBehind()) return store.BehindStatus();
  absl::InlinedVector<const RecordInput*, 8> records;
  for (const NewRecord& record : args.records) {
    FLASHDB_RETURN_IF_ERROR(CheckRecordLimits(record.record, store.options().max_value_bytes));
    if (record.partition.value_or(context.partition) != context.partition) {
      return absl::InvalidArgumentError(
          fmt::format("topic '{}' has no partition {}", args.topic, *record.partition));
    }
    records.push_back(&record.record);
  }
  return store.Append(*partition, records, args.stamp_or_null());
}

Status CommitHere(CommandContext& context) {
  TopicStore& store = TopicStore::Here();
  FLASHDB_ASSIGN_OR_RETURN(TopicCommitArgs args, ParseTopicCommit(context.args));
  FLASHDB_ASSIGN_OR_RETURN(Partition * partition, PartitionOf(context, store, args.topic));
  const Group* group = store.catalog().FindGroup(args.group);
  if (group == nullptr) {
    return absl::NotFoundError(
        fmt::format("there is no group '{}'", args.group.substr(0, kMaxNameBytes)));
  }
  return store.Commit(*partition, *group, args.commit);
}

}  // namespace

void TopicAppend(CommandContext& context) {
  StatusOr<AppendedPart> part = AppendHere(context);
  if (!part.ok()) return context.reply.Error(ErrorLineOf(part.status()));
  context.reply.Array(1);
  context.reply.Array(3);
  context.reply.Integer(part->partition);
  context.reply.Integer(static_cast<int64_t>(part->offset));
  context.reply.Integer(static_cast<int64_t>(part->last_offset));
}

void TopicCommit(CommandContext& context) {
  Status done = CommitHere(context);
  if (!done.ok()) return context.reply.Error(ErrorLineOf(done));
  context.reply.Ok();
}

// ---- READ --------------------------------------------------------------------------------------

namespace {

void BulkOrNull(ReplyWriter& reply, const std::optional<std::string_view>& bytes) {
  bytes.has_value() ? reply.Bulk(*bytes) : reply.Null();
}

// What a reply needs around the bytes of a record, or of a partition, about.
constexpr size_t kReplyBytes = 128;

// [offset, timestamp, key or null, value or null, [header, value, ...]]
void ReplyRecord(ReplyWriter& reply, const RecordView& record) {
  reply.Array(5);
  reply.Integer(static_cast<int64_t>(record.offset));
  reply.Integer(record.timestamp);
  BulkOrNull(reply, record.key);
  BulkOrNull(reply, record.value);
  const RecordHeaders headers = record.Headers();
  reply.Array(headers.size() * 2);
  for (const RecordHeader& header : headers) {
    reply.Bulk(header.name);
    reply.Bulk(header.value);
  }
}

void ReplyPart(ReplyWriter& reply, const FetchedPart& part) {
  reply.Map(5);
  reply.Bulk("partition");
  reply.Integer(part.partition);
  reply.Bulk("next_offset");
  reply.Integer(static_cast<int64_t>(part.next_offset));
  reply.Bulk("high_watermark");
  reply.Integer(static_cast<int64_t>(part.high_watermark));
  reply.Bulk("start");
  reply.Integer(static_cast<int64_t>(part.start));
  reply.Bulk("records");
  reply.Array(part.count);
  part.frames.ForEach([&reply](const RecordView& record) { ReplyRecord(reply, record); });
}

}  // namespace

Task<void> TopicRead(SessionContext& context) {
  StatusOr<FetchQuery> query = ParseTopicRead(context.args);
  if (!query.ok()) co_return context.reply.Error(ErrorLineOf(query.status()));
  query->cancel = &context.session.fetch;
  context.meter.Stop();
  StatusOr<std::vector<FetchedPart>> parts = co_await FetchRecords(*query, *context.gates);
  context.meter.Start();
  if (!parts.ok()) co_return context.reply.Error(ErrorLineOf(parts.status()));
  size_t bytes = 0;
  for (const FetchedPart& part : *parts) bytes += part.frames.bytes() + part.count * kReplyBytes;
  context.reply.Reserve(bytes + parts->size() * kReplyBytes);
  context.reply.Array(parts->size());
  for (const FetchedPart& part : *parts) ReplyPart(context.reply, part);
}

}  // namespace flashdb
