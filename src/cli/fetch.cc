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

using std::chrono::milliseconds;

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

milliseconds WaitOf(const FetchOptions& options) {
  return milliseconds(static_cast<int64_t>(options.wait_seconds * 1000));
}

StatusOr<std::string> TargetOf(const FetchOptions& options) {
  Query query;
  query.Add("partition", options.partition).Add("offset", options.offset);
  if (options.from_time) {
    FLASHDB_ASSIGN_OR_RETURN(UnixMillis time,
                             ParseTime(*options.from_time, SystemClock().NowMillis()));
    query.Add("from_time", FormatTime(time));
  }
  query.Add("max_records", options.max);
  if (WaitOf(options).count() > 0) query.Add("wait_ms", int64_t{WaitOf(options).count()});
  return (options.group ? GroupRecordsPath(*options.group, options.topic)
                        : RecordsPath(options.topic)) +
         query.text();
}

void PrintSummary(Output& output, const Json& answer) {
  const size_t count = Member(answer, "records").size();
  std::string text = fmt::format("{} {}", count, count == 1 ? "record" : "records");
  for (const Json& each : Member(answer, "partitions")) {
    text += fmt::format("; partition {}: next is offset {} of {}", IntOf(each, "partition"),
                        IntOf(each, "next_offset"), IntOf(each, "high_watermark"));
  }
  output.Note(text);
}

Status Fetch(Context& context, const FetchOptions& options) {
  if (options.commit && !options.group) return UsageError("--commit needs --group");
  if (options.offset && options.from_time) {
    return UsageError("--offset and --from-time both say where to start; give one");
  }
  FLASHDB_ASSIGN_OR_RETURN(std::string target, TargetOf(options));
  FLASHDB_ASSIGN_OR_RETURN(Json answer, context.client().Call({.target = std::move(target),
                                                               .extra_time = WaitOf(options)}));
  Output& output = context.output();
  for (const Json& record : Member(answer, "records")) {
    FLASHDB_RETURN_IF_ERROR(PrintRecord(output, record, options.print));
  }
  FLASHDB_RETURN_IF_ERROR(output.Flush());
  if (!output.json() && !options.print.raw) PrintSummary(output, answer);
  const std::vector<OffsetCommit> next = NextOffsetsIn(answer);
  if (!options.commit || next.empty()) return OkStatus();
  return CommitOffsets(context.client(), *options.group, options.topic, next);
}

}  // namespace

void AddFetchCommand(CLI::App& root, Command* chosen) {
  CLI::App* fetch = root.add_subcommand("fetch", "read records once");
  auto options = std::make_shared<FetchOptions>();
  fetch->add_option("topic", options->topic, "the topic's name")->required()->type_name("TOPIC");
  fetch->add_option("--partition", options->partition, "only this one; else all");
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
      ->check(CLI::Range(0.0, 300.0))
      ->type_name("SECONDS");
  fetch->add_flag("--commit", options->commit, "commit what was printed for --group");
  fetch->add_flag("--raw", options->print.raw, "print the values' bytes and nothing else");
  fetch->add_option("--separator", options->print.separator,
                    "after each value of --raw (a line feed)");
  Choose(fetch, chosen, options, &Fetch);
}

}  // namespace flashdb::cli
