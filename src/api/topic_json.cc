#include "api/topic_json.h"

namespace flashdb {
namespace {

void WritePartition(JsonWriter& json, const PartitionInfo& info) {
  json.BeginObject();
  json.Key("partition").Uint(info.partition);
  json.Key("shard").Uint(info.shard);
  json.Key("start_offset").Uint(info.start);
  json.Key("high_watermark").Uint(info.high_watermark);
  json.Key("records").Uint(info.records);
  json.Key("bytes").Uint(info.bytes);
  json.Key("last_timestamp");
  info.last_timestamp == 0 ? json.Null() : json.Time(info.last_timestamp);
  json.EndObject();
}

void WriteAssignments(JsonWriter& json, const std::vector<Assignment>& assignments) {
  json.Key("assignments").BeginArray();
  for (const Assignment& assignment : assignments) {
    json.BeginObject();
    json.Key("topic").Text(assignment.topic);
    json.Key("partitions").BeginArray();
    for (PartitionNumber partition : assignment.partitions) json.Uint(partition);
    json.EndArray().EndObject();
  }
  json.EndArray();
}

// The headers whose values are text, or those whose values are not.
void WriteHeadersThat(JsonWriter& json, const RecordHeaders& headers, bool text) {
  for (const RecordHeader& header : headers) {
    if (IsUtf8(header.value) != text) continue;
    json.TextKey(header.name);
    text ? json.String(header.value) : json.Base64(header.value);
  }
}

}  // namespace

// ---- Topics and records ------------------------------------------------------------------------

void WriteTopicMembers(JsonWriter& json, const Topic& topic) {
  json.Key("topic").Text(topic.name);
  json.Key("partition_count").Uint(topic.config.partitions);
  json.Key("storage").String(NameOf(topic.config.storage));
  json.Key("cleanup").String(NameOf(topic.config.cleanup));
  json.Key("retention_ms").Uint(topic.config.retention.max_age_ms);
  json.Key("retention_bytes").Uint(topic.config.retention.max_bytes);
  json.Key("cache_records").Uint(topic.config.cache_records);
  json.Key("created_at").Time(topic.created_at);
}

void WriteTopicInfo(JsonWriter& json, const TopicInfo& info) {
  json.BeginObject();
  WriteTopicMembers(json, info.topic);
  uint64_t records = 0;
  uint64_t bytes = 0;
  json.Key("partitions").BeginArray();
  for (const PartitionInfo& partition : info.partitions) {
    WritePartition(json, partition);
    records += partition.records;
    bytes += partition.bytes;
  }
  json.EndArray();
  json.Key("records").Uint(records);
  json.Key("bytes").Uint(bytes);
  json.EndObject();
}

void RecordJson::Write(PartitionNumber partition, const RecordView& record) {
  json_.BeginObject();
  json_.Key("partition").Uint(partition);
  json_.Key("offset").Uint(record.offset);
  json_.Key("timestamp");
  WriteTime(record.timestamp);
  if (record.key.has_value()) json_.BytesMember("key", *record.key);
  if (record.value.has_value()) {
    json_.BytesMember("value", *record.value);
  } else {
    json_.Key("value").Null();
  }
  if (with_headers_ && record.header_count > 0) WriteHeaders(record);
  json_.EndObject();
}

void RecordJson::WriteTime(UnixMillis time) {
  if (time != time_) {
    time_text_ = FormatTime(time);
    time_ = time;
  }
  json_.String(time_text_);
}

void RecordJson::WriteHeaders(const RecordView& record) {
  const RecordHeaders headers = record.Headers();
  size_t texts = 0;
  for (const RecordHeader& header : headers) texts += IsUtf8(header.value);
  if (texts > 0) {
    json_.Key("headers").BeginObject();
    WriteHeadersThat(json_, headers, true);
    json_.EndObject();
  }
  if (texts < headers.size()) {
    json_.Key("headers_base64").BeginObject();
    WriteHeadersThat(json_, headers, false);
    json_.EndObject();
  }
}

// ---- Groups ------------------------------------------------------------------------------------

void WriteCommitted(JsonWriter& json, const CommittedOffset& committed) {
  json.BeginObject();
  json.Key("partition").Uint(committed.partition);
  json.Key("committed_offset").Uint(committed.offset);
  json.Key("high_watermark").Uint(committed.high_watermark);
  json.Key("lag").Uint(committed.lag());
  json.Key("committed_at").Time(committed.committed_at);
  if (!committed.metadata.empty()) json.BytesMember("metadata", committed.metadata);
  json.EndObject();
}

void WriteMembership(JsonWriter& json, const Membership& membership) {
  json.BeginObject();
  json.Key("member").Text(membership.member_id);
  json.Key("generation").Uint(membership.generation);
  json.Key("session_timeout_ms").Uint(membership.session_timeout_ms);
  WriteAssignments(json, membership.assignments);
  json.EndObject();
}

void WriteGroup(JsonWriter& json, const GroupInfo& info) {
  json.BeginObject();
  json.Key("group").Text(info.group.name);
  json.Key("created_at").Time(info.group.created_at);
  json.Key("generation").Uint(info.generation);
  json.Key("members").BeginArray();
  for (const GroupMember& member : info.members) {
    json.BeginObject();
    json.Key("member").Text(member.member_id);
    json.Key("client").Text(member.client);
    json.Key("last_seen").Time(member.last_seen);
    json.Key("session_timeout_ms").Uint(member.session_timeout_ms);
    WriteAssignments(json, member.assignments);
    json.EndObject();
  }
  json.EndArray().EndObject();
}

uint64_t LagOf(const GroupOffsets& offsets) {
  uint64_t lag = 0;
  for (const CommittedOffset& committed : offsets.partitions) lag += committed.lag();
  return lag;
}

}  // namespace flashdb
