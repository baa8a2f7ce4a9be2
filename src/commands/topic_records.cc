// TOPIC READ, and how appends are answered.
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
