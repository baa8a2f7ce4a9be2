// flashq topics: list, create, describe, alter, delete.
#include <optional>

#include "cli/api_paths.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

struct TopicOptions {
  std::string name;
  std::optional<int64_t> partitions;
  std::optional<std::string> storage;
  std::optional<int64_t> retention_ms;
  std::optional<int64_t> retention_bytes;
  std::optional<std::string> cleanup;
  std::optional<int64_t> cache_records;
};

struct ListOptions {
  bool names = false;
};

Json SettingsOf(const TopicOptions& options) {
  Json settings = Json::object();
  if (options.partitions) settings["partitions"] = *options.partitions;
  if (options.storage) settings["storage"] = *options.storage;
  if (options.retention_ms) settings["retention_ms"] = *options.retention_ms;
  if (options.retention_bytes) settings["retention_bytes"] = *options.retention_bytes;
  if (options.cleanup) settings["cleanup"] = *options.cleanup;
  if (options.cache_records) settings["cache_records"] = *options.cache_records;
  return settings;
}

std::string RetentionOf(const Json& topic) {
  std::string text;
  if (int64_t millis = IntOf(topic, "retention_ms"); millis > 0) text = FormatDuration(millis);
  if (int64_t bytes = IntOf(topic, "retention_bytes"); bytes > 0) {
    text += (text.empty() ? "" : ", ") + FormatBytes(static_cast<uint64_t>(bytes));
  }
  return text.empty() ? "forever" : text;
}

Status List(Context& context, const ListOptions& options) {
  FLASHDB_ASSIGN_OR_RETURN(Json answer, context.client().Call({.target = "/topics"}));
  Output& output = context.output();
  const Json& topics = Member(answer, "topics");
  if (options.names) {
    for (const Json& topic : topics) output.Line(StringOf(topic, "topic"));
    return OkStatus();
  }
  if (output.json()) {
    output.PrintJson(answer);
    return OkStatus();
  }
  Table table({"TOPIC", "PARTITIONS", "STORAGE", "CLEANUP", "RETENTION"});
  for (const Json& topic : topics) {
    table.Add({StringOf(topic, "topic"), std::to_string(IntOf(topic, "partition_count")),
               StringOf(topic, "storage"), StringOf(topic, "cleanup"), RetentionOf(topic)});
  }
  if (table.empty()) {
    output.Note("There are no topics yet. Create one: flashq topics create NAME");
  } else {
    output.Print(table);
  }
  return OkStatus();
}

void PrintTopic(Output& output, const Json& topic) {
  output.Line(fmt::format(
      "{}  storage {}, cleanup {}, kept {}", output.Styled(Style::kBold, StringOf(topic, "topic")),
      StringOf(topic, "storage"), StringOf(topic, "cleanup"), RetentionOf(topic)));
  Table table({"PARTITION", "FIRST OFFSET", "HIGH WATERMARK", "RECORDS", "BYTES"});
  for (const Json& partition : Member(topic, "partitions")) {
    table.Add({ToText(Member(partition, "partition")), ToText(Member(partition, "start_offset")),
               ToText(Member(partition, "high_watermark")), ToText(Member(partition, "records")),
               ToText(Member(partition, "bytes"))});
  }
  output.Print(table);
}

Status ShowTopic(Context& context, StatusOr<Json> topic) {
  if (!topic.ok()) return topic.status();
  if (context.output().json()) {
    context.output().PrintJson(*topic);
  } else {
    PrintTopic(context.output(), *topic);
  }
  return OkStatus();
}

Status Create(Context& context, const TopicOptions& options) {
  return ShowTopic(context,
                   context.client().Call("PUT", TopicPath(options.name), SettingsOf(options)));
}

Status Describe(Context& context, const TopicOptions& options) {
  return ShowTopic(context, context.client().Call({.target = TopicPath(options.name)}));
}

Status Alter(Context& context, const TopicOptions& options) {
  const Json settings = SettingsOf(options);
  if (settings.empty()) {
    return UsageError("nothing to alter; name a setting, such as --retention-ms (see --help)");
  }
  return ShowTopic(context, context.client().Call("PATCH", TopicPath(options.name), settings));
}

Status Delete(Context& context, const TopicOptions& options) {
  FLASHDB_RETURN_IF_ERROR(
      context.client().Call({.method = "DELETE", .target = TopicPath(options.name)}).status());
  Output& output = context.output();
  if (output.json()) {
    output.PrintJson({{"topic", options.name}, {"deleted", true}});
  } else {
    output.Line(fmt::format("deleted topic {} with all its records", options.name));
  }
  return OkStatus();
}

std::shared_ptr<TopicOptions> AddTopic(CLI::App* app) {
  auto options = std::make_shared<TopicOptions>();
  app->add_option("topic", options->name, "the topic's name")->required()->type_name("TOPIC");
  return options;
}

void AddSettings(CLI::App* app, TopicOptions* options) {
  app->add_option("--partitions", options->partitions, "how many partitions it has");
  app->add_option("--retention-ms", options->retention_ms,
                  "delete records older than this; 0: keep them");
  app->add_option("--retention-bytes", options->retention_bytes,
                  "delete the oldest records of a partition beyond this size; 0: keep them");
  app->add_option("--cache-records", options->cache_records,
                  "how many of a partition's newest records are kept in memory");
  app->add_option("--cleanup", options->cleanup,
                  "how old records go: by retention, all but the newest of each key, or both")
      ->check(CLI::IsMember({"delete", "compact", "both"}));
}

}  // namespace

void AddTopicsCommands(CLI::App& root, Command* chosen) {
  CLI::App* topics = root.add_subcommand("topics", "list, create, describe, alter, delete topics");
  topics->require_subcommand(0, 1);

  CLI::App* list = topics->add_subcommand("list", "all topics (also: flashq topics)");
  auto list_options = std::make_shared<ListOptions>();
  list->add_flag("--names", list_options->names, "names only, one on each line");
  Choose(list, chosen, list_options, &List);

  CLI::App* create = topics->add_subcommand("create", "make a topic");
  auto create_options = AddTopic(create);
  AddSettings(create, create_options.get());
  create->add_option("--storage", create_options->storage, "where records live")
      ->check(CLI::IsMember({"memory", "file"}));
  Choose(create, chosen, create_options, &Create);

  CLI::App* describe = topics->add_subcommand("describe", "settings and offsets of a topic");
  Choose(describe, chosen, AddTopic(describe), &Describe);

  CLI::App* alter = topics->add_subcommand("alter", "change settings of a topic");
  auto alter_options = AddTopic(alter);
  AddSettings(alter, alter_options.get());
  Choose(alter, chosen, alter_options, &Alter);

  CLI::App* remove = topics->add_subcommand("delete", "delete a topic and its records");
  Choose(remove, chosen, AddTopic(remove), &Delete);

  Choose(topics, chosen, std::make_shared<ListOptions>(), &List);
}

}  // namespace flashdb::cli
