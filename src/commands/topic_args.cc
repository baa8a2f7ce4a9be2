#include "commands/topic_args.h"

#include <limits>

#include "base/numbers.h"
#include "topics/append_plan.h"

namespace flashdb {
namespace {

constexpr size_t kShownBytes = 64;

Status Syntax(std::string_view what) {
  return absl::InvalidArgumentError(fmt::format("syntax error: {}. See TOPIC HELP", what));
}

Status UnknownOption(std::string_view word) {
  return Syntax(
      fmt::format("'{}' is no option here, or its value is missing", word.substr(0, kShownBytes)));
}

// A number that an option or argument gives.
template <typename T>
Status ReadNumber(std::string_view name, std::string_view text, T& value) {
  std::optional<uint64_t> number = ParseUint64(text);
  if (!number || *number > std::numeric_limits<T>::max()) {
    return Syntax(
        fmt::format("{} '{}' is not a number in range", name, text.substr(0, kShownBytes)));
  }
  value = static_cast<T>(*number);
  return OkStatus();
}

template <typename T>
Status ReadNumber(std::string_view name, std::string_view text, std::optional<T>& value) {
  value.emplace();
  return ReadNumber(name, text, *value);
}

// The same for numbers that are signed further on: times, and what is taken from them.
Status ReadSigned(std::string_view name, std::string_view text, std::optional<uint64_t>& value) {
  FLASHDB_RETURN_IF_ERROR(ReadNumber(name, text, value));
  if (*value <= uint64_t{INT64_MAX}) return OkStatus();
  return Syntax(fmt::format("{} '{}' is more than {}", name, *value, INT64_MAX));
}

bool Is(std::string_view word, std::string_view option) { return EqualsIgnoreCase(word, option); }

}  // namespace

// ---- APPEND ------------------------------------------------------------------------------------

namespace {

// One record, from args[at] on; `at` is behind it afterwards.
Status ReadRecord(ArgView args, size_t& at, NewRecord& record) {
  while (at < args.size()) {
    const std::string_view word = args[at];
    if (Is(word, "TOMBSTONE")) {
      ++at;
      return OkStatus();
    }
    const size_t values = Is(word, "HEADER") ? 2 : 1;
    if (at + values >= args.size()) return UnknownOption(word);
    if (Is(word, "VALUE")) {
      record.record.value = args[at + 1];
      at += 2;
      return OkStatus();
    }
    if (Is(word, "KEY")) {
      record.record.key = args[at + 1];
    } else if (values == 2) {
      record.record.headers.push_back({args[at + 1], args[at + 2]});
    } else {
      return UnknownOption(word);
    }
    at += 1 + values;
  }
  return Syntax("a record ends with VALUE value, or with TOMBSTONE");
}

}  // namespace

StatusOr<TopicAppendArgs> ParseTopicAppend(ArgView args) {
  TopicAppendArgs parsed{.topic = args[2], .records = {}, .stamp = {}};
  std::optional<PartitionNumber> partition;
  size_t at = 3;
  for (; at + 1 < args.size(); at += 2) {
    if (Is(args[at], "PARTITION")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber("PARTITION", args[at + 1], partition));
    } else if (Is(args[at], "PRODUCER") && at + 2 < args.size()) {
      parsed.stamp.emplace();
      parsed.stamp->producer_id = args[at + 1];
      FLASHDB_RETURN_IF_ERROR(ReadNumber("sequence", args[at + 2], parsed.stamp->sequence));
      ++at;
    } else {
      break;
    }
  }
  while (at < args.size()) {
    parsed.records.emplace_back().partition = partition;
    FLASHDB_RETURN_IF_ERROR(ReadRecord(args, at, parsed.records.back()));
  }
  FLASHDB_RETURN_IF_ERROR(CheckBatch(parsed.records.size(), parsed.stamp_or_null()));
  return parsed;
}

// ---- COMMIT, READ ------------------------------------------------------------------------------

StatusOr<TopicCommitArgs> ParseTopicCommit(ArgView args) {
  TopicCommitArgs parsed{.group = args[2], .topic = args[3], .commit = {}};
  FLASHDB_RETURN_IF_ERROR(ReadNumber("partition", args[4], parsed.commit.partition));
  FLASHDB_RETURN_IF_ERROR(ReadNumber("offset", args[5], parsed.commit.offset));
  if (args.size() == 6) return parsed;
  if (args.size() != 8 || !Is(args[6], "METADATA")) return UnknownOption(args[6]);
  FLASHDB_RETURN_IF_ERROR(CheckMetadata(args[7]));
  parsed.commit.metadata = args[7];
  return parsed;
}

StatusOr<FetchQuery> ParseTopicRead(ArgView args) {
  FetchQuery query{.topic = std::string(args[2])};
  std::optional<uint64_t> time;
  for (size_t at = 3; at < args.size(); at += 2) {
    const std::string_view word = args[at];
    if (at + 1 == args.size()) return UnknownOption(word);
    const std::string_view value = args[at + 1];
    if (Is(word, "PARTITION")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.partition));
    } else if (Is(word, "OFFSET")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.offset));
    } else if (Is(word, "TIME")) {
      FLASHDB_RETURN_IF_ERROR(ReadSigned(word, value, time));
    } else if (Is(word, "GROUP")) {
      query.group = value;
    } else if (Is(word, "COUNT")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.max_records));
    } else if (Is(word, "BYTES")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.max_bytes));
    } else if (Is(word, "MINBYTES")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.min_bytes));
    } else if (Is(word, "BLOCK")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, query.wait_ms));
    } else {
      return UnknownOption(word);
    }
  }
  if (time.has_value()) query.from_time = static_cast<UnixMillis>(*time);
  return query;
}

std::optional<PartitionNumber> PartitionOption(ArgView args) {
  for (size_t at = 3; at + 1 < args.size(); ++at) {
    if (Is(args[at], "KEY") || Is(args[at], "HEADER") || Is(args[at], "VALUE")) break;
    PartitionNumber partition = 0;
    if (Is(args[at], "PARTITION") && ReadNumber("", args[at + 1], partition).ok()) return partition;
  }
  return std::nullopt;
}

// ---- CREATE, ALTER -----------------------------------------------------------------------------

StatusOr<TopicChange> ParseTopicChange(ArgView args) {
  TopicChange change;
  for (size_t at = 3; at < args.size(); at += 2) {
    const std::string_view word = args[at];
    if (at + 1 == args.size()) return UnknownOption(word);
    const std::string_view value = args[at + 1];
    if (Is(word, "PARTITIONS")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, change.partitions));
    } else if (Is(word, "RETENTION-MS")) {
      FLASHDB_RETURN_IF_ERROR(ReadSigned(word, value, change.retention_ms));
    } else if (Is(word, "RETENTION-BYTES")) {
      FLASHDB_RETURN_IF_ERROR(ReadSigned(word, value, change.retention_bytes));
    } else if (Is(word, "CACHE-RECORDS")) {
      FLASHDB_RETURN_IF_ERROR(ReadNumber(word, value, change.cache_records));
    } else if (Is(word, "STORAGE")) {
      change.storage = ParseStorageKind(value);
      if (!change.storage) return Syntax("STORAGE is memory or file");
    } else if (Is(word, "CLEANUP")) {
      change.cleanup = ParseCleanup(value);
      if (!change.cleanup) return Syntax("CLEANUP is delete, compact or both");
    } else {
      return UnknownOption(word);
    }
  }
  return change;
}

std::string ErrorLineOf(const Status& status) {
  const std::string message = MessageOf(status);
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return "NOTFOUND " + message;
    case absl::StatusCode::kAlreadyExists:
      return "EXISTS " + message;
    case absl::StatusCode::kOutOfRange:
      return "OUTOFRANGE " + message;
    case absl::StatusCode::kFailedPrecondition:
      return "CONFLICT " + message;
    case absl::StatusCode::kUnavailable:  // the log's refusals bring their code
      return message.starts_with("MISCONF") ? message : "TRYAGAIN " + message;
    case absl::StatusCode::kDataLoss:
      return "DATALOSS " + message;
    default:
      return "ERR " + message;
  }
}

}  // namespace flashdb
