// Records: append them, fetch them.
#include "api/topic_records.h"

#include "api/record_bodies.h"
#include "api/run_command.h"
#include "api/topic_json.h"

namespace flashdb {
namespace {

constexpr QuerySpec kPartition = {.name = "partition",
                                  .kind = QuerySpec::Kind::kNumber,
                                  .doc = "Number of the partition.",
                                  .max = kMaxPartitions - 1};

// ---- Append ------------------------------------------------------------------------------------

void WriteAppendedMembers(JsonWriter& json, const AppendedPart& part) {
  json.Key("partition").Uint(part.partition);
  json.Key("offset").Uint(part.offset);
  json.Key("last_offset").Uint(part.last_offset);
  json.Key("count").Uint(part.count);
  json.Key("timestamp").Time(part.timestamp);
  if (part.duplicate) json.Key("duplicate").Bool(true);
}

// One partition: its members at the top. Several: each in an object of its own.
void WriteAppended(JsonWriter& json, std::string_view topic,
                   const std::vector<AppendedPart>& parts) {
  json.BeginObject().Key("topic").Text(topic);
  if (parts.size() == 1) {
    WriteAppendedMembers(json, parts.front());
  } else {
    uint64_t count = 0;
    json.Key("partitions").BeginArray();
    for (const AppendedPart& part : parts) {
      json.BeginObject();
      WriteAppendedMembers(json, part);
      json.EndObject();
      count += part.count;
    }
    json.EndArray();
    json.Key("count").Uint(count);
    json.Key("timestamp").Time(parts.front().timestamp);
  }
  json.EndObject();
}

Task<void> PostRecords(HttpExchange& exchange) {
  if (auto refusal = RefusesTopicCommand("append", exchange.engine, exchange.session)) {
    co_return exchange.FailWithLine(*refusal);
  }
  RecordBatch batch;
  if (!ReadRecords(exchange, batch)) co_return;
  const std::string& topic = exchange.Path("topic");
  const ProducerStamp* stamp = batch.stamp.has_value() ? &*batch.stamp : nullptr;
  StatusOr<std::vector<AppendedPart>> parts =
      co_await AppendRecords(topic, batch.records, stamp, exchange.gates);
  if (!parts.ok()) co_return exchange.Fail(parts.status());
  JsonWriter json = exchange.Json();
  WriteAppended(json, topic, *parts);
}

// ---- Fetch -------------------------------------------------------------------------------------

void WritePartition(JsonWriter& json, const FetchedPart& part) {
  json.BeginObject();
  json.Key("partition").Uint(part.partition);
  json.Key("start_offset").Uint(part.start);
  json.Key("next_offset").Uint(part.next_offset);
  json.Key("high_watermark").Uint(part.high_watermark);
  json.EndObject();
}

Task<void> GetRecords(HttpExchange& exchange) {
  if (exchange.Flag("follow")) {
    co_await FollowRecords(exchange);
    co_return;
  }
  StatusOr<FetchQuery> query = ReadFetchQuery(exchange, exchange.Path("topic"));
  if (!query.ok()) co_return exchange.Fail(query.status());
  StatusOr<std::vector<FetchedPart>> parts =
      co_await FetchRecords(std::move(*query), exchange.gates);
  if (!parts.ok()) co_return exchange.Fail(parts.status());
  JsonWriter json = exchange.Json();
  json.BeginObject();
  json.Key("topic").Text(exchange.Path("topic"));
  WriteFetched(json, *parts, exchange.Flag("include_headers"));
  json.EndObject();
}

}  // namespace

std::vector<QuerySpec> FetchParameters() {
  using enum QuerySpec::Kind;
  return {
      {.name = "partition",
       .kind = kNumber,
       .doc = "Only this partition. Without it all of them, each from its own place.",
       .max = kMaxPartitions - 1},
      {.name = "offset",
       .kind = kNumber,
       .doc = "Where to begin. Needs a partition if the topic has several."},
      {.name = "from_time",
       .kind = kTime,
       .doc = "Begins with the first record of this time or later (ISO 8601, or milliseconds "
              "since 1970)."},
      {.name = "max_records",
       .kind = kNumber,
       .doc = "Records in the response, of all partitions together, at most.",
       .min = 1,
       .max = kMaxFetchRecords,
       .fallback = "100"},
      {.name = "max_bytes",
       .kind = kNumber,
       .doc = "About so many bytes of records at most, but at least one record.",
       .min = 1,
       .max = kMaxFetchBytes,
       .fallback = "4194304"},
      {.name = "include_headers",
       .kind = kFlag,
       .doc = "Whether records are shown with their headers.",
       .fallback = "true"},
      {.name = "wait_ms",
       .kind = kNumber,
       .doc = "Waits so long at most, until there are min_bytes to give.",
       .max = kMaxFetchWaitMillis,
       .fallback = "0"},
      {.name = "min_bytes",
       .kind = kNumber,
       .doc = "With wait_ms: how many bytes are worth a response.",
       .min = 1,
       .max = kMaxFetchBytes,
       .fallback = "1"},
  };
}

StatusOr<FetchQuery> ReadFetchQuery(HttpExchange& exchange, const std::string& topic) {
  FetchQuery query{.topic = topic, .cancel = &exchange.session.fetch};
  if (exchange.Has("offset") && exchange.Has("from_time")) {
    return absl::InvalidArgumentError("offset and from_time: give one of them");
  }
  query.partition = exchange.MaybeNumber("partition");
  query.offset = exchange.MaybeNumber("offset");
  query.from_time = exchange.Time("from_time");
  query.max_records = static_cast<uint32_t>(exchange.Number("max_records"));
  query.max_bytes = exchange.Number("max_bytes");
  query.min_bytes = exchange.Number("min_bytes");
  query.wait_ms = exchange.Number("wait_ms");
  return query;
}

void WriteFetched(JsonWriter& json, const std::vector<FetchedPart>& parts, bool with_headers) {
  size_t bytes = 0;
  for (const FetchedPart& part : parts) bytes += part.frames.bytes() + part.count * 64;
  json.out().reserve(json.out().size() + bytes + bytes / 8 + 1024);
  RecordJson records(json, with_headers);
  json.Key("records").BeginArray();
  for (const FetchedPart& part : parts) {
    part.frames.ForEach([&](const RecordView& record) { records.Write(part.partition, record); });
  }
  json.EndArray();
  json.Key("partitions").BeginArray();
  for (const FetchedPart& part : parts) WritePartition(json, part);
  json.EndArray();
  if (parts.size() != 1) return;
  json.Key("next_offset").Uint(parts.front().next_offset);
  json.Key("high_watermark").Uint(parts.front().high_watermark);
}

std::vector<Route> RecordRoutes() {
  using enum QuerySpec::Kind;
  std::vector<QuerySpec> fetch = FetchParameters();
  fetch.push_back({.name = "follow",
                   .kind = kFlag,
                   .doc = "Streams records without an end, from `offset` or `from_time`, else new "
                          "ones only: lines of JSON or, by Accept, server-sent events.",
                   .fallback = "false"});
  return {
      {.method = HttpMethod::kPost,
       .path = "/topics/{topic}/records",
       .handler = &PostRecords,
       .id = "appendRecords",
       .tag = "records",
       .summary = "Appends records, all or none. The topic is created if that is switched on.",
       .query = {kPartition,
                 {.name = "key", .doc = "Key of records that have none of their own."},
                 {.name = "header",
                  .doc = "NAME:VALUE, for a record that is sent as bytes. May be repeated.",
                  .repeats = true},
                 {.name = "producer_id",
                  .doc = "Name of the producer: with a sequence, a batch that is sent again is not "
                         "appended again."},
                 {.name = "sequence",
                  .kind = kNumber,
                  .doc = "The batch's number, counted from 0 for each producer and partition."}},
       .bodies = {{kJsonType, "NewRecords"}, {kLinesType, "NewRecord"}, {kBytesType, ""}},
       .body_required = false,
       .responses = {{200, "Where the records are.", {{kJsonType, "Appended"}}}}},
      {.method = HttpMethod::kGet,
       .path = "/topics/{topic}/records",
       .handler = &GetRecords,
       .id = "fetchRecords",
       .tag = "records",
       .summary = "Reads records. They stay; anybody may read them again.",
       .query = std::move(fetch),
       .responses = {{200,
                      "The records, or a stream of them.",
                      {{kJsonType, "Fetched"}, {kLinesType, "Record"}, {kEventsType, ""}}}}},
  };
}

}  // namespace flashdb
