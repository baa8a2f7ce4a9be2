// flashq bench: how fast produce and fetch are here.
#include <optional>

#include "base/numbers.h"
#include "base/random.h"
#include "cli/api_paths.h"
#include "cli/bench_load.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/interrupt.h"
#include "cli/partitions.h"
#include "cli/progress.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

struct BenchOptions {
  std::string topic;
  std::string mode = "both";
  std::string storage = "file";
  uint64_t records = 100'000;
  uint64_t size = 1024;
  uint64_t batch = 100;
  int connections = 20;
  int64_t partitions = 1;
  std::optional<double> seconds;
  bool keep = false;
};

// Text of no repeating pattern, so that nothing on the way compresses it to nothing.
std::string ValueOf(size_t size) {
  Random random(size);
  std::string value;
  for (size_t i = 0; i < size; ++i) value += static_cast<char>('a' + random.Below(26));
  return value;
}

std::string BodyOf(const BenchOptions& options) {
  const std::string value = ValueOf(options.size);
  Json records = Json::array();
  for (uint64_t i = 0; i < options.batch; ++i) records.push_back({{"value", value}});
  return ToText({{"records", std::move(records)}});
}

LoadStep ProduceStep(const BenchOptions& options, const std::string& topic, const std::string& body,
                     std::atomic<int64_t>& left) {
  return [&, topic](ApiClient& client) -> StatusOr<uint64_t> {
    const int64_t before = left.fetch_sub(static_cast<int64_t>(options.batch));
    if (before <= 0 && !options.seconds) return 0;
    const ApiRequest request = {.method = "POST", .target = RecordsPath(topic), .body = body};
    FLASHDB_ASSIGN_OR_RETURN(ApiReply reply, client.Send(request));
    if (reply.status != 200 && reply.status != 201) return RefusalOf(request, reply);
    return options.batch;
  };
}

// The number after "next_offset" near the end: parsing all of the answer would measure the parser.
std::optional<int64_t> NextOffsetIn(const std::string& body) {
  constexpr std::string_view kName = "\"next_offset\":";
  const size_t at = body.rfind(kName);
  if (at == std::string::npos) return {};
  const size_t start = body.find_first_not_of(' ', at + kName.size());
  const size_t end = body.find_first_not_of("0123456789", start);
  return ParseInt64(std::string_view(body).substr(start, end - start));
}

// Where the readers of one partition are: each takes the next piece.
struct Cursor {
  PartitionBounds bounds;
  std::atomic<int64_t> next{0};
};

// One reader; a piece that came in part is asked for again.
class FetchStep {
 public:
  FetchStep(const BenchOptions& options, const std::string& topic, std::shared_ptr<Cursor> cursor)
      : options_(options), topic_(topic), cursor_(std::move(cursor)) {}

  StatusOr<uint64_t> operator()(ApiClient& client) {
    if (offset_ == piece_end_ && !TakePiece()) return 0;
    Query query;
    query.Add("partition", cursor_->bounds.partition).Add("offset", offset_);
    query.Add("max_records", piece_end_ - offset_);
    const ApiRequest request = {.target = RecordsPath(topic_) + query.text()};
    FLASHDB_ASSIGN_OR_RETURN(ApiReply reply, client.Send(request));
    if (reply.status != 200) return RefusalOf(request, reply);
    const int64_t next = NextOffsetIn(reply.body).value_or(offset_);
    if (next <= offset_ || next > piece_end_) {
      return absl::DataLossError(
          fmt::format("{}: no records where there should be some; was the topic deleted or "
                      "trimmed meanwhile?",
                      request.target));
    }
    const int64_t records = next - offset_;
    offset_ = next;
    return static_cast<uint64_t>(records);
  }

 private:
  bool TakePiece() {
    const int64_t batch = static_cast<int64_t>(options_.batch);
    const PartitionBounds& bounds = cursor_->bounds;
    const int64_t length = bounds.end - bounds.start;
    const int64_t place = cursor_->next.fetch_add(batch);
    if (length == 0 || (place >= length && !options_.seconds)) return false;
    // With a time to fill, the reading starts over at the end.
    const int64_t pieces = (length + batch - 1) / batch;
    offset_ = bounds.start + place / batch % pieces * batch;
    piece_end_ = std::min(offset_ + batch, bounds.end);
    return true;
  }

  const BenchOptions& options_;
  std::string topic_;
  std::shared_ptr<Cursor> cursor_;
  int64_t offset_ = 0;
  int64_t piece_end_ = 0;
};

class Bench {
 public:
  Bench(Context& context, const BenchOptions& options)
      : context_(context), options_(options), topic_(options.topic) {}

  Status Run() {
    FLASHDB_RETURN_IF_ERROR(MakeTopic());
    Status status = Measure();
    if (own_topic_ && !options_.keep) status.Update(DeleteTopic());
    FLASHDB_RETURN_IF_ERROR(status);
    Print();
    return OkStatus();
  }

 private:
  Status MakeTopic() {
    if (!topic_.empty()) return OkStatus();
    own_topic_ = true;
    topic_ = fmt::format("flashq-bench-{:08x}", static_cast<uint32_t>(EntropySeed()));
    return context_.client()
        .Call("PUT", TopicPath(topic_),
              {{"partitions", options_.partitions}, {"storage", options_.storage}})
        .status();
  }

  Status DeleteTopic() {
    return context_.client()
        .Call({.method = "DELETE", .target = TopicPath(topic_), .finishing = true})
        .status();
  }

  Status Measure() {
    if (options_.mode != "fetch") FLASHDB_RETURN_IF_ERROR(MeasureProduce());
    if (options_.mode != "produce" && !Interrupt::requested()) return MeasureFetch();
    return OkStatus();
  }

  Status MeasureProduce() {
    const std::string body = BodyOf(options_);
    std::atomic<int64_t> left{static_cast<int64_t>(options_.records)};
    std::vector<LoadStep> steps;
    for (int i = 0; i < options_.connections; ++i) {
      steps.push_back(ProduceStep(options_, topic_, body, left));
    }
    return MeasureOne("produce", options_.records, std::move(steps));
  }

  Status MeasureFetch() {
    FLASHDB_ASSIGN_OR_RETURN(auto bounds, FetchBounds(context_.client(), topic_));
    std::vector<std::shared_ptr<Cursor>> cursors;
    uint64_t total = 0;
    for (const PartitionBounds& each : bounds) {
      if (each.end == each.start) continue;
      cursors.push_back(std::make_shared<Cursor>());
      cursors.back()->bounds = each;
      total += static_cast<uint64_t>(each.end - each.start);
    }
    if (cursors.empty()) {
      return UsageError(fmt::format("{} has no records to fetch; produce some first", topic_));
    }
    std::vector<LoadStep> steps;
    const auto count = std::max(static_cast<size_t>(options_.connections), cursors.size());
    for (size_t i = 0; i < count; ++i) {
      steps.push_back(FetchStep(options_, topic_, cursors[i % cursors.size()]));
    }
    return MeasureOne("fetch", total, std::move(steps));
  }

  Status MeasureOne(const std::string& name, uint64_t total, std::vector<LoadStep> steps) {
    ProgressBar bar(context_.streams().err, name,
                    context_.streams().err_terminal && !context_.output().json());
    LoadOptions load = {
        .api = context_.api_options(), .record_bytes = options_.size, .seconds = options_.seconds};
    load.progress = [&](uint64_t records, double seconds) {
      const double done =
          options_.seconds ? seconds / *options_.seconds : static_cast<double>(records) / total;
      const auto rate = static_cast<uint64_t>(seconds > 0 ? records / seconds : 0);
      bar.Show(done, FormatCount(rate) + " records/s");
    };
    FLASHDB_ASSIGN_OR_RETURN(LoadResult result, RunLoad(load, std::move(steps)));
    results_.emplace_back(name, result);
    return OkStatus();
  }

  void Print() {
    if (context_.output().json()) return PrintJson();
    Table table({"", "RECORDS", "SECONDS", "RECORDS/S", "MIB/S", "P50 MS", "P99 MS", "P99.9 MS"});
    for (const auto& [name, result] : results_) {
      auto millis = [&, &latency = result.latency](double percent) {
        return fmt::format("{:.2f}", static_cast<double>(latency.Percentile(percent)) / 1000);
      };
      table.Add({name, FormatCount(result.records), fmt::format("{:.2f}", result.seconds),
                 FormatCount(static_cast<uint64_t>(result.records_per_second())),
                 fmt::format("{:.1f}", result.bytes_per_second() / (1 << 20)), millis(50),
                 millis(99), millis(99.9)});
    }
    context_.output().Print(table);
    context_.output().Line(
        fmt::format("{}-byte values, {} to a request, {} connections; latency is that of a request",
                    options_.size, options_.batch, options_.connections));
  }

  void PrintJson() {
    Json json = {{"topic", topic_},
                 {"size", options_.size},
                 {"batch", options_.batch},
                 {"connections", options_.connections}};
    for (const auto& [name, result] : results_) json[name] = result.ToJson();
    context_.output().PrintJson(json);
  }

  Context& context_;
  const BenchOptions& options_;
  std::string topic_;
  bool own_topic_ = false;
  std::vector<std::pair<std::string, LoadResult>> results_;
};

Status RunBench(Context& context, const BenchOptions& options) {
  Interrupt interrupt;  // Ctrl-C ends the measuring; the topic is deleted, what was seen is printed
  return Bench(context, options).Run();
}

}  // namespace

void AddBenchCommand(CLI::App& root, Command* chosen) {
  CLI::App* bench = root.add_subcommand("bench", "measure produce and fetch");
  auto options = std::make_shared<BenchOptions>();
  bench
      ->add_option("topic", options->topic, "a topic that stays; else one that is made and deleted")
      ->type_name("TOPIC");
  bench->add_option("--mode", options->mode, "what to measure")
      ->check(CLI::IsMember({"produce", "fetch", "both"}))
      ->capture_default_str();
  bench->add_option("--records", options->records, "how many to produce")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1'000'000'000'000}))
      ->capture_default_str();
  bench->add_option("--seconds", options->seconds, "measure each for this long instead")
      ->check(CLI::Range(0.1, 86400.0));
  bench->add_option("--size", options->size, "bytes of a value")
      ->check(CLI::Range(uint64_t{0}, uint64_t{64 << 20}))
      ->capture_default_str();
  bench->add_option("--batch", options->batch, "records in a request")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1000}))
      ->capture_default_str();
  bench->add_option("--connections", options->connections, "threads, each with a connection")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  bench->add_option("--partitions", options->partitions, "of the topic that is made")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  bench->add_option("--storage", options->storage, "of the topic that is made")
      ->check(CLI::IsMember({"memory", "file"}))
      ->capture_default_str();
  bench->add_flag("--keep", options->keep, "don't delete the topic that is made");
  Choose(bench, chosen, options, &RunBench);
}

}  // namespace flashdb::cli
