// flashq fetch: records once, by offset, time or a group's place.
#include <chrono>
#include <optional>

#include "base/clock.h"
#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/partitions.h"
#include "cli/record.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// With several partitions to wait for, each is waited for this long in turn.
constexpr milliseconds kTurn(200);

struct FetchOptions {
  std::string topic;
  std::optional<int64_t> partition;
  std::optional<int64_t> offset;
  std::optional<std::string> from_time;
  std::optional<std::string> group;
  int64_t max = 100;
  double wait_seconds = 0;
  bool commit = false;
  PrintOptions print;
};

class Fetcher {
 public:
  Fetcher(Context& context, const FetchOptions& options) : context_(context), options_(options) {}

  Status Run() {
    FLASHDB_RETURN_IF_ERROR(FindStart());
    FLASHDB_ASSIGN_OR_RETURN(std::vector<int64_t> partitions, Partitions());
    const auto deadline =
        Clock::now() + milliseconds(static_cast<int64_t>(options_.wait_seconds * 1000));
    while (true) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      const auto wait =
          std::clamp(left, milliseconds(0), partitions.size() == 1 ? milliseconds::max() : kTurn);
      for (int64_t partition : partitions) FLASHDB_RETURN_IF_ERROR(FetchFrom(partition, wait));
      if (count_ > 0 || Clock::now() >= deadline) return OkStatus();
    }
  }

  void PrintSummary() {
    Output& output = context_.output();
    if (output.json() || options_.print.raw) return;
    output.Note(fmt::format("{} {}{}", count_, count_ == 1 ? "record" : "records", rest_));
  }

 private:
  Status FindStart() {
    if (!options_.from_time) return OkStatus();
    FLASHDB_ASSIGN_OR_RETURN(UnixMillis time,
                             ParseTime(*options_.from_time, SystemClock().NowMillis()));
    from_time_ = FormatTime(time);
    return OkStatus();
  }

  StatusOr<std::vector<int64_t>> Partitions() {
    if (options_.partition) return std::vector<int64_t>{*options_.partition};
    FLASHDB_ASSIGN_OR_RETURN(auto bounds, FetchBounds(context_.client(), options_.topic));
    if (bounds.size() > 1 && options_.offset) {
      return UsageError(fmt::format(
          "{} has {} partitions, each with offsets of its own; name one with --partition",
          options_.topic, bounds.size()));
    }
    std::vector<int64_t> partitions;
    for (const PartitionBounds& each : bounds) partitions.push_back(each.partition);
    return partitions;
  }

  std::string TargetFor(int64_t partition, milliseconds wait) const {
    Query query;
    query.Add("partition", partition).Add("offset", options_.offset);
    if (!from_time_.empty()) query.Add("from_time", from_time_);
    query.Add("max_records", options_.max - count_).Add("include_headers", "true");
    if (wait.count() > 0) query.Add("wait_ms", int64_t{wait.count()});
    return (options_.group ? GroupRecordsPath(*options_.group, options_.topic)
                           : RecordsPath(options_.topic)) +
           query.text();
  }

  Status FetchFrom(int64_t partition, milliseconds wait) {
    if (count_ >= options_.max) return OkStatus();
    FLASHDB_ASSIGN_OR_RETURN(
        Json answer,
        context_.client().Call({.target = TargetFor(partition, wait), .extra_time = wait}));
    const Json& records = Member(answer, "records");
    for (const Json& record : records) {
      FLASHDB_RETURN_IF_ERROR(PrintRecord(context_.output(), record, partition, options_.print));
    }
    FLASHDB_RETURN_IF_ERROR(context_.output().Flush());
    if (records.empty()) return OkStatus();
    count_ += static_cast<int64_t>(records.size());
    const int64_t next = IntOf(answer, "next_offset");
    rest_ += fmt::format("; partition {}: next is offset {} of {}", partition, next,
                         IntOf(answer, "high_watermark"));
    if (!options_.commit) return OkStatus();
    return CommitOffset(context_.client(), *options_.group, options_.topic,
                        {.partition = partition, .offset = next});
  }

  Context& context_;
  const FetchOptions& options_;
  std::string from_time_;
  int64_t count_ = 0;
  std::string rest_;
};

Status Fetch(Context& context, const FetchOptions& options) {
  if (options.commit && !options.group) return UsageError("--commit needs --group");
  if (options.offset && options.from_time) {
    return UsageError("--offset and --from-time both say where to start; give one");
  }
  Fetcher fetcher(context, options);
  FLASHDB_RETURN_IF_ERROR(fetcher.Run());
  fetcher.PrintSummary();
  return OkStatus();
}

}  // namespace

void AddFetchCommand(CLI::App& root, Command* chosen) {
  CLI::App* fetch = root.add_subcommand("fetch", "read records once");
  auto options = std::make_shared<FetchOptions>();
  fetch->add_option("topic", options->topic, "the topic's name")->required()->type_name("TOPIC");
  fetch->add_option("--partition", options->partition,
                    "only this one; else all, one after another");
  fetch->add_option("--offset", options->offset, "the first to read; else the oldest there is");
  fetch
      ->add_option(
          "--from-time", options->from_time,
          "the first of this time or later: ISO 8601, Unix milliseconds, or an age (15m, 2h)")
      ->type_name("TIME");
  fetch->add_option("--group", options->group, "start at this group's committed offset");
  fetch->add_option("--max", options->max, "how many records at most, 1 to 10000")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  fetch
      ->add_option("--wait", options->wait_seconds,
                   "if there is none, wait for the first this long")
      ->check(CLI::Range(0.0, 3600.0))
      ->type_name("SECONDS");
  fetch->add_flag("--commit", options->commit, "commit what was printed for --group");
  fetch->add_flag("--raw", options->print.raw, "print the values' bytes and nothing else");
  fetch->add_option("--separator", options->print.separator,
                    "after each value of --raw (a line feed)");
  Choose(fetch, chosen, options, &Fetch);
}

}  // namespace flashdb::cli
