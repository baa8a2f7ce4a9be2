// Records as the API carries them, and as they are printed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/json.h"
#include "cli/output.h"

namespace flashdb::cli {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// What is produced. Without a value it is a tombstone: compaction removes its key.
struct NewRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
  std::optional<int64_t> partition;
};

/// The record in a body for POST /topics/{t}/records; bytes that are no UTF-8 travel in base64.
Json ToJson(const NewRecord& record);
/// One NDJSON line: an object with key, value, headers and partition (or key_base64, value_base64).
/// A value that is neither text nor null stands for its JSON text. InvalidArgument names what is
/// wrong.
StatusOr<NewRecord> NewRecordOf(std::string_view line);
/// "NAME=VALUE".
StatusOr<std::pair<std::string, std::string>> ParseHeader(std::string_view text);

/// What was read.
struct Record {
  int64_t partition = 0;
  int64_t offset = 0;
  std::string timestamp;
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
};
/// DataLoss if `json` is no record of the API.
StatusOr<Record> RecordOf(const Json& json);

struct PrintOptions {
  bool raw = false;              // the value's bytes and nothing else
  std::string separator = "\n";  // after each value, if raw
};
/// One line for people, the API's JSON with output.json(), or the raw value.
Status PrintRecord(Output& output, const Json& json, const PrintOptions& options);

}  // namespace flashdb::cli
