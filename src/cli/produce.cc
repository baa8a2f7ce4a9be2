// flashq produce: records from words, lines, NDJSON and files.
#include <fstream>
#include <limits>
#include <map>
#include <optional>
#include <sstream>
#include <thread>

#include "base/random.h"
#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/line_reader.h"
#include "cli/record.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

// A request's size, well under the server's limit for a body even with a few large records.
constexpr size_t kMaxBatchBytes = 1 << 20;
// How long a line waits for more of them to share its request.
constexpr std::chrono::milliseconds kLinger(50);
// Between two tries to reach a server that is gone.
constexpr std::chrono::milliseconds kPause(200);

struct ProduceOptions {
  std::string topic;
  std::vector<std::string> values;
  std::vector<std::string> files;
  std::vector<std::string> headers;
  std::optional<std::string> key;
  std::optional<std::string> key_separator;
  std::optional<int64_t> partition;
  std::optional<std::string> producer_id;
  uint64_t sequence = 0;  // of the first request with a producer id
  double retry_seconds = 0;
  size_t batch = 100;
  bool ndjson = false;
  bool tombstone = false;
};

struct Range {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = -1;
  int64_t count = 0;
};

// Nobody else's, so that a request that is sent again is told from all others.
std::string FreshProducerId() { return fmt::format("flashq-{:016x}", EntropySeed()); }

// Gathers records into requests. With a producer id each goes to one partition and has a number, so
// that it can be sent again if its answer is lost.
class Producer {
 public:
  Producer(Context& context, const ProduceOptions& options, Headers headers)
      : context_(context),
        options_(options),
        headers_(std::move(headers)),
        producer_id_(options.producer_id),
        sequence_(options.sequence) {
    if (!producer_id_ && options.retry_seconds > 0) producer_id_ = FreshProducerId();
  }

  // Adds what the options say of every record.
  Status Add(NewRecord record) {
    if (!record.key) record.key = options_.key;
    if (!record.partition) record.partition = options_.partition;
    record.headers.insert(record.headers.end(), headers_.begin(), headers_.end());
    if (producer_id_ && !records_.empty() && !SharesPartition(record)) {
      FLASHDB_RETURN_IF_ERROR(Send());
    }
    last_key_ = record.key;
    last_partition_ = record.partition;
    Json json = ToJson(record);
    const size_t size = ToText(json).size();
    if (bytes_ + size > kMaxBatchBytes) FLASHDB_RETURN_IF_ERROR(Send());
    bytes_ += size;
    records_.push_back(std::move(json));
    return records_.size() >= options_.batch ? Send() : OkStatus();
  }

  Status Send() {
    if (records_.empty()) return OkStatus();
    Json body;
    body["records"] = std::move(records_);
    records_ = Json::array();
    bytes_ = 0;
    if (producer_id_) {
      body["producer_id"] = *producer_id_;
      body["sequence"] = sequence_;
    }
    auto answer = CallPatiently(body);
    if (!answer.ok()) return WithProgress(answer.status());
    ++sequence_;
    Remember(*answer);
    if (context_.output().json()) context_.output().PrintJson(*answer);
    return context_.output().Flush();
  }

  void PrintSummary() {
    if (context_.output().json()) return;
    for (const auto& [partition, range] : ranges_) {
      context_.output().Line(fmt::format(
          "{} {} appended to {}, partition {}, {}", FormatCount(static_cast<uint64_t>(range.count)),
          range.count == 1 ? "record" : "records", options_.topic, partition,
          range.first == range.last ? fmt::format("offset {}", range.first)
                                    : fmt::format("offsets {} to {}", range.first, range.last)));
    }
    if (!options_.producer_id) return;
    context_.output().Line(
        fmt::format("the next --sequence of {} is {}", *options_.producer_id, sequence_));
  }

 private:
  bool SharesPartition(const NewRecord& record) const {
    if (record.partition || last_partition_) return record.partition == last_partition_;
    return record.key == last_key_;
  }

  // Whether the server did what it was asked is not known when the connection breaks; the number
  // tells it.
  StatusOr<Json> CallPatiently(const Json& body) {
    using Clock = std::chrono::steady_clock;
    const auto end = Clock::now() + std::chrono::duration<double>(options_.retry_seconds);
    while (true) {
      auto answer = context_.client().Call("POST", RecordsPath(options_.topic), body);
      const bool lost =
          absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
      if (!lost || Clock::now() + kPause >= end) return answer;
      std::this_thread::sleep_for(kPause);
    }
  }

  Status WithProgress(const Status& status) {
    int64_t count = 0;
    for (const auto& [partition, range] : ranges_) count += range.count;
    if (count == 0) return status;
    return Status(status.code(), fmt::format("{} (before that, {} records were appended)",
                                             MessageOf(status), count));
  }

  void RememberPart(const Json& part) {
    Range& range = ranges_[IntOf(part, "partition")];
    range.first = std::min(range.first, IntOf(part, "offset"));
    range.last = std::max(range.last, IntOf(part, "last_offset", IntOf(part, "offset")));
    range.count += IntOf(part, "count", 1);
  }

  // Records of one request may have gone to several partitions.
  void Remember(const Json& answer) {
    const Json& parts = Member(answer, "partitions");
    if (!parts.is_array()) return RememberPart(answer);
    for (const Json& part : parts) RememberPart(part);
  }

  Context& context_;
  const ProduceOptions& options_;
  Headers headers_;
  std::optional<std::string> producer_id_;
  uint64_t sequence_;
  std::optional<std::string> last_key_;  // of the record added last
  std::optional<int64_t> last_partition_;
  Json records_ = Json::array();
  size_t bytes_ = 0;
  std::map<int64_t, Range> ranges_;
};

StatusOr<std::string> BytesOfFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  if (file.peek() != std::char_traits<char>::eof()) bytes << file.rdbuf();
  if (!file.is_open() || file.bad()) {
    return UsageError(fmt::format("the file '{}' can't be read: {}", path, std::strerror(errno)));
  }
  return std::move(bytes).str();
}

StatusOr<NewRecord> RecordOfLine(const std::string& line, const ProduceOptions& options) {
  if (options.ndjson) return NewRecordOf(line);
  NewRecord record;
  if (!options.key_separator) {
    record.value = line;
    return record;
  }
  const size_t at = line.find(*options.key_separator);
  if (at == std::string::npos) {
    return UsageError(
        fmt::format("has no '{}' between key and value", Escape(*options.key_separator)));
  }
  record.key = line.substr(0, at);
  record.value = line.substr(at + options.key_separator->size());
  return record;
}

Status ProduceLines(Context& context, const ProduceOptions& options, Producer& producer) {
  if (context.streams().in_terminal) {
    context.output().Note("Type records, one on each line; Ctrl-D ends.");
  }
  LineReader reader(context.streams().in);
  std::string line;
  while (true) {
    auto result = reader.Next(&line, kLinger);
    if (!result.ok()) return result.status();
    if (*result == LineReader::Result::kEnd) return OkStatus();
    if (*result == LineReader::Result::kNothingYet) {
      FLASHDB_RETURN_IF_ERROR(producer.Send());
      continue;
    }
    if (options.ndjson && line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto record = RecordOfLine(line, options);
    if (!record.ok()) {
      // What came before the bad line is appended, so that the message's number is where to go on.
      FLASHDB_RETURN_IF_ERROR(producer.Send());
      return UsageError(fmt::format("line {} of the input: {}; the lines before it are appended",
                                    reader.number(), MessageOf(record.status())));
    }
    FLASHDB_RETURN_IF_ERROR(producer.Add(*std::move(record)));
  }
}

Status ProduceAll(Context& context, const ProduceOptions& options, Producer& producer) {
  if (options.tombstone) return producer.Add({});
  for (const std::string& value : options.values) {
    FLASHDB_RETURN_IF_ERROR(
        producer.Add({.key = {}, .value = value, .headers = {}, .partition = {}}));
  }
  for (const std::string& file : options.files) {
    NewRecord record;
    FLASHDB_ASSIGN_OR_RETURN(record.value, BytesOfFile(file));
    FLASHDB_RETURN_IF_ERROR(producer.Add(std::move(record)));
  }
  if (!options.values.empty() || !options.files.empty()) return OkStatus();
  return ProduceLines(context, options, producer);
}

Status CheckOptions(const ProduceOptions& options) {
  const bool given = !options.values.empty() || !options.files.empty();
  if (options.tombstone && (given || !options.key)) {
    return UsageError("--tombstone marks a key as deleted: give --key and no value");
  }
  if (given && (options.ndjson || options.key_separator)) {
    return UsageError(
        "--ndjson and --key-separator are for lines of the standard input, but values or "
        "files are given too; leave out one or the other");
  }
  if (options.key_separator && (options.ndjson || options.key || options.key_separator->empty())) {
    return UsageError(
        "--key-separator takes a text that ends the key at the start of each line; it goes "
        "with neither --key nor --ndjson");
  }
  if (options.sequence != 0 && !options.producer_id) {
    return UsageError("--sequence counts the requests of a --producer-id; give both");
  }
  return OkStatus();
}

Status Produce(Context& context, const ProduceOptions& options) {
  FLASHDB_RETURN_IF_ERROR(CheckOptions(options));
  Headers headers;
  for (const std::string& text : options.headers) {
    FLASHDB_ASSIGN_OR_RETURN(auto header, ParseHeader(text));
    headers.push_back(std::move(header));
  }
  Producer producer(context, options, std::move(headers));
  Status status = ProduceAll(context, options, producer);
  if (status.ok()) status = producer.Send();
  producer.PrintSummary();
  return status;
}

}  // namespace

void AddProduceCommand(CLI::App& root, Command* chosen) {
  CLI::App* produce = root.add_subcommand("produce", "append records to a topic");
  auto options = std::make_shared<ProduceOptions>();
  produce->add_option("topic", options->topic, "the topic's name")->required()->type_name("TOPIC");
  produce
      ->add_option(
          "value", options->values,
          "a record each (after --, they may start with -); none: one for each line of the "
          "standard input")
      ->type_name("VALUE");
  produce->add_option("--file", options->files, "a file whose bytes are one record (repeatable)")
      ->allow_extra_args(false)
      ->type_name("FILE");
  produce->add_flag("--ndjson", options->ndjson,
                    "lines are JSON objects with key, value, headers, partition");
  produce->add_option("--key", options->key, "the key of each record that has none of its own");
  produce->add_option("--key-separator", options->key_separator, "lines are KEY, this text, VALUE");
  produce->add_option("--header", options->headers, "a header of each record (repeatable)")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  produce->add_option("--partition", options->partition,
                      "where to append; else the key decides, or they take turns");
  produce->add_option("--batch", options->batch, "records in a request, 1 to 1000")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  produce
      ->add_option("--retry", options->retry_seconds,
                   "seconds to try to reach a server that is gone; nothing is appended twice")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SECONDS")
      ->capture_default_str();
  produce
      ->add_option("--producer-id", options->producer_id,
                   "who appends: a request that is sent again, in a later run too, is not appended "
                   "again")
      ->type_name("ID");
  produce
      ->add_option("--sequence", options->sequence,
                   "number of the first request of --producer-id; rises by one with each")
      ->type_name("N")
      ->capture_default_str();
  produce->add_flag("--tombstone", options->tombstone, "append a record without a value for --key");
  Choose(produce, chosen, options, &Produce);
}

}  // namespace flashdb::cli
