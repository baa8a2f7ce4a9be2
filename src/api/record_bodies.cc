#include "api/record_bodies.h"

#include "api/json_object.h"
#include "base/base64.h"

namespace flashdb {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";  // curl -d, unasked

Status NotBase64(std::string_view name) {
  return absl::InvalidArgumentError(fmt::format("a record: \"{}\" is not base64", name));
}

std::optional<std::string_view> Decoded(JsonObject& object, std::string_view name,
                                        RecordBatch& batch) {
  const std::optional<std::string_view> text = object.Text(name);
  if (!text.has_value()) return std::nullopt;
  std::optional<std::string> bytes = DecodeBase64(*text);
  if (bytes.has_value()) return batch.decoded.emplace_back(std::move(*bytes));
  object.Fail(NotBase64(name));
  return std::nullopt;
}

// A string is stored as it is; any other JSON value as its text.
std::string_view TextOf(element value, RecordBatch& batch) {
  std::string_view text;
  if (value.get_string().get(text) == SUCCESS) return text;
  return batch.decoded.emplace_back(simdjson::minify(value));
}

// The bytes of `name`, or of `name`_base64.
std::optional<std::string_view> BytesOf(JsonObject& object, std::string_view name,
                                        std::string_view base64_name, RecordBatch& batch) {
  const std::optional<element> plain = object.Any(name);
  const std::optional<std::string_view> decoded = Decoded(object, base64_name, batch);
  if (plain.has_value() && decoded.has_value()) {
    object.Fail(absl::InvalidArgumentError(
        fmt::format("a record has \"{}\" or \"{}\", not both", name, base64_name)));
  }
  return plain.has_value() ? TextOf(*plain, batch) : decoded;
}

void ReadHeaders(JsonObject& object, std::string_view name, bool base64, RecordBatch& batch,
                 RecordHeaders& headers) {
  const std::optional<element> value = object.Any(name);
  if (!value.has_value()) return;
  simdjson::dom::object members;
  if (value->get_object().get(members) != SUCCESS) {
    return object.Fail(absl::InvalidArgumentError(
        fmt::format("a record: \"{}\" is an object of names and strings", name)));
  }
  for (auto [header, content] : members) {
    std::string_view text;
    if (content.get_string().get(text) != SUCCESS) {
      return object.Fail(absl::InvalidArgumentError(
          fmt::format("a record: the header \"{}\" is a string", header.substr(0, 100))));
    }
    if (base64) {
      std::optional<std::string> bytes = DecodeBase64(text);
      if (!bytes.has_value()) return object.Fail(NotBase64(header.substr(0, 100)));
      text = batch.decoded.emplace_back(std::move(*bytes));
    }
    headers.push_back({header, text});
  }
}

struct Defaults {
  std::optional<std::string_view> key;
  std::optional<PartitionNumber> partition;
};

void ReadMembers(JsonObject& object, const Defaults& defaults, RecordBatch& batch) {
  NewRecord& record = batch.records.emplace_back();
  record.record.value = BytesOf(object, "value", "value_base64", batch);
  record.record.key = BytesOf(object, "key", "key_base64", batch);
  if (!record.record.key.has_value()) record.record.key = defaults.key;
  ReadHeaders(object, "headers", false, batch, record.record.headers);
  ReadHeaders(object, "headers_base64", true, batch, record.record.headers);
  record.partition = defaults.partition;
  if (const auto partition = object.Number("partition", 0, kMaxPartitions - 1)) {
    record.partition = static_cast<PartitionNumber>(*partition);
  }
  if (!record.record.value.has_value() && !record.record.key.has_value()) {
    object.Fail(absl::InvalidArgumentError(
        "a record has a value, or a key alone, which marks it as deleted"));
  }
}

Status ReadList(simdjson::dom::array list, const Defaults& defaults, RecordBatch& batch) {
  if (list.size() > kMaxBatchRecords) {
    return absl::InvalidArgumentError(
        fmt::format("{} records; one request may have 1 to {}", list.size(), kMaxBatchRecords));
  }
  batch.records.reserve(list.size());
  for (element value : list) {
    JsonObject record(value, "a record");
    ReadMembers(record, defaults, batch);
    FLASHDB_RETURN_IF_ERROR(record.Finish());
  }
  return OkStatus();
}

void ReadStamp(JsonObject& object, RecordBatch& batch) {
  const std::optional<std::string_view> producer = object.Text("producer_id");
  const std::optional<uint64_t> sequence = object.Number("sequence", 0, INT64_MAX);
  if (producer.has_value() != sequence.has_value()) {
    object.Fail(absl::InvalidArgumentError("\"producer_id\" and \"sequence\" belong together"));
  } else if (producer.has_value()) {
    batch.stamp = {.producer_id = std::string(*producer), .sequence = *sequence};
  }
}

// {"records": [...]}, or a record by itself; both may name their producer.
Status ReadJson(HttpExchange& exchange, const Defaults& defaults, RecordBatch& batch) {
  FLASHDB_ASSIGN_OR_RETURN(element root, batch.body.Parse(exchange.request.body));
  JsonObject object(root, "the body");
  ReadStamp(object, batch);
  if (const auto list = object.Array("records")) {
    FLASHDB_RETURN_IF_ERROR(ReadList(*list, defaults, batch));
  } else if (object.problem().ok()) {
    ReadMembers(object, defaults, batch);
  }
  return object.Finish();
}

// Lines become one JSON array: they are parsed together.
Status ReadLines(HttpExchange& exchange, const Defaults& defaults, RecordBatch& batch) {
  std::string& joined = batch.joined;
  joined.reserve(exchange.request.body.size() + 2 + HttpRequest::kBodyPadding);
  joined = "[";
  for (std::string_view rest = exchange.request.body; !rest.empty();) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (joined.size() > 1) joined += ',';
    joined += line;
  }
  joined += ']';
  FLASHDB_ASSIGN_OR_RETURN(element root, batch.body.Parse(joined));
  simdjson::dom::array list;
  if (root.get_array().get(list) != SUCCESS || list.size() == 0) {
    return absl::InvalidArgumentError("the body has no record");
  }
  return ReadList(list, defaults, batch);
}

Status ReadBytes(HttpExchange& exchange, const Defaults& defaults, RecordBatch& batch) {
  NewRecord& record = batch.records.emplace_back();
  record.partition = defaults.partition;
  record.record.key = defaults.key;
  record.record.value = exchange.request.body;
  for (const QueryParameter& parameter : exchange.query) {
    if (parameter.name != "header") continue;
    const std::string_view text = parameter.value;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) {
      return absl::InvalidArgumentError("header: give NAME:VALUE");
    }
    record.record.headers.push_back({text.substr(0, colon), text.substr(colon + 1)});
  }
  return OkStatus();
}

Status ReadQueryStamp(HttpExchange& exchange, RecordBatch& batch) {
  const std::optional<std::string_view> producer = exchange.Text("producer_id");
  const std::optional<uint64_t> sequence = exchange.MaybeNumber("sequence");
  if (producer.has_value() != sequence.has_value()) {
    return absl::InvalidArgumentError("producer_id and sequence belong together");
  }
  if (!producer.has_value()) return OkStatus();
  if (batch.stamp.has_value()) {
    return absl::InvalidArgumentError("the producer is named in the body and in the query");
  }
  batch.stamp = {.producer_id = std::string(*producer), .sequence = *sequence};
  return OkStatus();
}

}  // namespace

bool ReadRecords(HttpExchange& exchange, RecordBatch& batch) {
  Defaults defaults{.key = exchange.Text("key"), .partition = std::nullopt};
  if (const auto partition = exchange.MaybeNumber("partition")) {
    defaults.partition = static_cast<PartitionNumber>(*partition);
  }
  const std::string type = exchange.request.MediaType();
  Status status;
  if (type == kJsonType || type.empty() || type == kFormType) {
    status = ReadJson(exchange, defaults, batch);
  } else if (type == kLinesType) {
    status = ReadLines(exchange, defaults, batch);
  } else if (type == kBytesType) {
    status = ReadBytes(exchange, defaults, batch);
  } else {
    exchange.Fail(
        415, "unsupported_type",
        fmt::format("Content-Type {}: send {}, {} or {}", type, kJsonType, kLinesType, kBytesType));
    return false;
  }
  if (status.ok()) status = ReadQueryStamp(exchange, batch);
  if (!status.ok()) exchange.Fail(status);
  return status.ok();
}

}  // namespace flashdb
