// Topics, records and groups as JSON.
#pragma once

#include <string>
#include <vector>

#include "http/json_writer.h"
#include "topics/topic_service.h"

namespace flashdb {

/// Members of a topic's settings, to be written inside an object.
void WriteTopicMembers(JsonWriter& json, const Topic& topic);
/// A whole object with figures of each partition.
void WriteTopicInfo(JsonWriter& json, const TopicInfo& info);

/// One record. Writes many of the same time faster than one by one.
class RecordJson {
 public:
  RecordJson(JsonWriter& json, bool with_headers) : json_(json), with_headers_(with_headers) {}
  void Write(PartitionNumber partition, const RecordView& record);

 private:
  void WriteHeaders(const RecordView& record);
  void WriteTime(UnixMillis time);

  JsonWriter& json_;
  const bool with_headers_;
  UnixMillis time_ = -1;
  std::string time_text_;
};

/// Whole objects.
void WriteCommitted(JsonWriter& json, const CommittedOffset& committed);
void WriteMembership(JsonWriter& json, const Membership& membership);
void WriteGroup(JsonWriter& json, const GroupInfo& info);
/// How many records are behind the commits of one topic.
uint64_t LagOf(const GroupOffsets& offsets);

}  // namespace flashdb
