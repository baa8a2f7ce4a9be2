#include "cli/record.h"

#include "cli/errors.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

void PutBytes(Json& object, const std::string& name, const std::string& bytes) {
  if (IsUtf8(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_base64"] = EncodeBase64(bytes);
  }
}

// The bytes of the member `name`, or of its _base64 form; nothing if it is null or absent.
StatusOr<std::optional<std::string>> BytesOf(const Json& object, const std::string& name) {
  const Json& encoded = Member(object, name + "_base64");
  const Json& plain = Member(object, name);
  if (!encoded.is_null() && !plain.is_null()) {
    return UsageError(fmt::format("both {} and {}_base64 are given; leave one out", name, name));
  }
  if (!encoded.is_null()) {
    auto bytes = encoded.is_string() ? DecodeBase64(encoded.get<std::string>()) : std::nullopt;
    if (!bytes) return UsageError(name + "_base64 is no base64");
    return bytes;
  }
  if (plain.is_null()) return std::optional<std::string>();
  return std::optional(plain.is_string() ? plain.get<std::string>() : ToText(plain));
}

Status AddHeaders(const Json& object, const std::string& name, bool base64, Headers& headers) {
  const Json& members = Member(object, name);
  if (members.is_null()) return OkStatus();
  if (!members.is_object()) return UsageError(name + " is no object of names and texts");
  for (const auto& [header, value] : members.items()) {
    if (!value.is_string()) return UsageError(fmt::format("header '{}' is no text", header));
    std::optional<std::string> bytes = value.get<std::string>();
    if (base64) bytes = DecodeBase64(*bytes);
    if (!bytes) return UsageError(fmt::format("header '{}' is no base64", header));
    headers.emplace_back(header, *std::move(bytes));
  }
  return OkStatus();
}

StatusOr<Headers> HeadersOf(const Json& object) {
  Headers headers;
  FLASHDB_RETURN_IF_ERROR(AddHeaders(object, "headers", false, headers));
  FLASHDB_RETURN_IF_ERROR(AddHeaders(object, "headers_base64", true, headers));
  return headers;
}

Status CheckMembers(const Json& object) {
  for (const auto& [name, value] : object.items()) {
    if (name != "key" && name != "key_base64" && name != "value" && name != "value_base64" &&
        name != "headers" && name != "headers_base64" && name != "partition") {
      return UsageError(
          fmt::format("a record has key, value, headers and partition, but no '{}'", Escape(name)));
    }
  }
  return OkStatus();
}

std::string LineOf(const Output& output, const Record& record) {
  std::string line = output.Styled(
      Style::kDim, fmt::format("{}:{:<6} {}  ", record.partition, record.offset, record.timestamp));
  if (record.key) line += output.Styled(Style::kCyan, Escape(*record.key)) + "  ";
  line += record.value ? Escape(*record.value) : output.Styled(Style::kDim, "(deleted)");
  for (const auto& [name, value] : record.headers) {
    line += output.Styled(Style::kDim, fmt::format("  {}={}", Escape(name), Escape(value)));
  }
  return line;
}

}  // namespace

Json ToJson(const NewRecord& record) {
  Json json = Json::object();
  if (record.key) PutBytes(json, "key", *record.key);
  if (record.value) {
    PutBytes(json, "value", *record.value);
  } else {
    json["value"] = nullptr;
  }
  for (const auto& [name, value] : record.headers) {
    if (IsUtf8(value)) {
      json["headers"][name] = value;
    } else {
      json["headers_base64"][name] = EncodeBase64(value);
    }
  }
  if (record.partition) json["partition"] = *record.partition;
  return json;
}

StatusOr<NewRecord> NewRecordOf(std::string_view line) {
  FLASHDB_ASSIGN_OR_RETURN(Json json, ParseJson(line));
  if (!json.is_object()) return UsageError("a record is a JSON object");
  FLASHDB_RETURN_IF_ERROR(CheckMembers(json));
  NewRecord record;
  FLASHDB_ASSIGN_OR_RETURN(record.key, BytesOf(json, "key"));
  FLASHDB_ASSIGN_OR_RETURN(record.value, BytesOf(json, "value"));
  FLASHDB_ASSIGN_OR_RETURN(record.headers, HeadersOf(json));
  const Json& partition = Member(json, "partition");
  if (partition.is_number_integer()) {
    record.partition = partition.get<int64_t>();
  } else if (!partition.is_null()) {
    return UsageError("partition is no whole number");
  }
  return record;
}

StatusOr<std::pair<std::string, std::string>> ParseHeader(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return UsageError(fmt::format("--header '{}' is not NAME=VALUE", Escape(text)));
  }
  return std::pair(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
}

StatusOr<Record> RecordOf(const Json& json) {
  if (!Member(json, "offset").is_number_integer() ||
      !Member(json, "partition").is_number_integer()) {
    return absl::DataLossError(
        fmt::format("the server sent what is no record: {}", Escape(ToText(json)).substr(0, 200)));
  }
  auto key = BytesOf(json, "key");
  auto value = BytesOf(json, "value");
  auto headers = HeadersOf(json);
  Status status = key.status();
  status.Update(value.status());
  status.Update(headers.status());
  if (!status.ok()) {
    return absl::DataLossError("the server sent what is no record: " + MessageOf(status));
  }
  return Record{.partition = IntOf(json, "partition"),
                .offset = IntOf(json, "offset"),
                .timestamp = StringOf(json, "timestamp"),
                .key = *std::move(key),
                .value = *std::move(value),
                .headers = *std::move(headers)};
}

Status PrintRecord(Output& output, const Json& json, const PrintOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Record record, RecordOf(json));
  if (options.raw) {
    output.Raw(record.value.value_or(""));
    output.Raw(options.separator);
  } else if (output.json()) {
    output.PrintJson(json);
  } else {
    output.Line(LineOf(output, record));
  }
  return OkStatus();
}

}  // namespace flashdb::cli
