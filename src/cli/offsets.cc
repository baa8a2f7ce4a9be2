// flashq commit, offsets, lag: how far groups have come.
#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/partitions.h"

namespace flashdb::cli {
namespace {

struct CommitOptions {
  std::string group;
  std::string topic;
  OffsetCommit request;
};

struct OffsetsOptions {
  std::string group;
  std::string topic;
};

std::string NumberOr(const Json& object, const char* name, const char* otherwise) {
  const Json& number = Member(object, name);
  return number.is_number_integer() ? ToText(number) : otherwise;
}

Status Commit(Context& context, const CommitOptions& options) {
  FLASHDB_RETURN_IF_ERROR(
      CommitOffsets(context.client(), options.group, options.topic, {options.request}));
  if (context.output().json()) {
    context.output().PrintJson({{"group", options.group},
                                {"topic", options.topic},
                                {"partition", options.request.partition},
                                {"committed_offset", options.request.offset}});
  } else {
    context.output().Line(fmt::format("{} reads {}, partition {}, from offset {}", options.group,
                                      options.topic, options.request.partition,
                                      options.request.offset));
  }
  return OkStatus();
}

void AddRows(Table& table, const std::string& topic, const Json& partitions) {
  for (const Json& each : partitions) {
    table.Add({StringOf(each, "topic", topic), NumberOr(each, "partition", ""),
               NumberOr(each, "committed_offset", "-"), NumberOr(each, "high_watermark", ""),
               NumberOr(each, "lag", "-"), StringOf(each, "committed_at", "-"),
               StringOf(each, "metadata")});
  }
}

Table OffsetsTable() {
  return Table(
      {"TOPIC", "PARTITION", "COMMITTED", "HIGH WATERMARK", "LAG", "COMMITTED AT", "METADATA"});
}

Status PrintOrNote(Context& context, const Json& answer, const Table& table) {
  Output& output = context.output();
  if (output.json()) {
    output.PrintJson(answer);
  } else if (table.empty()) {
    output.Note("The group has committed nothing yet. See flashq commit, or fetch --commit.");
  } else {
    output.Print(table);
  }
  return OkStatus();
}

Status Lag(Context& context, const OffsetsOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json answer, context.client().Call({.target = LagPath(options.group)}));
  Table table = OffsetsTable();
  for (const Json& topic : Member(answer, "topics")) {
    AddRows(table, StringOf(topic, "topic"), Member(topic, "partitions"));
  }
  FLASHDB_RETURN_IF_ERROR(PrintOrNote(context, answer, table));
  const Json& total = Member(answer, "lag");
  if (!context.output().json() && total.is_number_integer()) {
    context.output().Line(fmt::format("total lag: {}", ToText(total)));
  }
  return OkStatus();
}

Status Offsets(Context& context, const OffsetsOptions& options) {
  if (options.topic.empty()) return Lag(context, options);
  FLASHDB_ASSIGN_OR_RETURN(
      Json answer,
      context.client().Call({.target = GroupOffsetsPath(options.group, options.topic)}));
  Table table = OffsetsTable();
  AddRows(table, options.topic, Member(answer, "partitions"));
  return PrintOrNote(context, answer, table);
}

}  // namespace

void AddOffsetsCommands(CLI::App& root, Command* chosen) {
  CLI::App* commit = root.add_subcommand("commit", "set where a group reads on");
  auto commit_options = std::make_shared<CommitOptions>();
  commit->add_option("group", commit_options->group)->required()->type_name("GROUP");
  commit->add_option("topic", commit_options->topic)->required()->type_name("TOPIC");
  commit->add_option("--partition", commit_options->request.partition)->capture_default_str();
  commit->add_option("--offset", commit_options->request.offset, "the next record to read")
      ->required();
  commit->add_option("--metadata", commit_options->request.metadata, "a text to keep with it");
  Choose(commit, chosen, commit_options, &Commit);

  CLI::App* offsets = root.add_subcommand("offsets", "what a group has committed");
  auto offsets_options = std::make_shared<OffsetsOptions>();
  offsets->add_option("group", offsets_options->group)->required()->type_name("GROUP");
  offsets->add_option("topic", offsets_options->topic)->type_name("TOPIC");
  Choose(offsets, chosen, offsets_options, &Offsets);

  CLI::App* lag = root.add_subcommand("lag", "how far a group is behind, as a table");
  auto lag_options = std::make_shared<OffsetsOptions>();
  lag->add_option("group", lag_options->group)->required()->type_name("GROUP");
  Choose(lag, chosen, lag_options, &Lag);
}

}  // namespace flashdb::cli
