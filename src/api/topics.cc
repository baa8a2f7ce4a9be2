// Topics: list, create, describe, change, delete.
#include "api/exchange.h"
#include "api/json_object.h"
#include "api/route.h"
#include "api/run_command.h"
#include "api/topic_json.h"

namespace flashdb {
namespace {

// `parse` gives the choice that a word stands for.
template <typename T>
std::optional<T> ReadChoice(JsonObject& object, std::string_view name,
                            std::optional<T> (*parse)(std::string_view), std::string_view choices) {
  const std::optional<std::string_view> word = object.Text(name);
  if (!word.has_value()) return std::nullopt;
  const std::optional<T> choice = parse(*word);
  if (!choice.has_value()) {
    object.Fail(absl::InvalidArgumentError(fmt::format("\"{}\" is one of {}", name, choices)));
  }
  return choice;
}

StatusOr<TopicChange> ReadSettings(std::string_view body) {
  TopicChange change;
  if (body.empty()) return change;
  JsonBody json;
  FLASHDB_ASSIGN_OR_RETURN(simdjson::dom::element root, json.Parse(body));
  JsonObject object(root, "a topic's settings");
  change.partitions = object.Number("partitions", 1, kMaxPartitions);
  change.storage = ReadChoice(object, "storage", &ParseStorageKind, "memory, file");
  change.cleanup = ReadChoice(object, "cleanup", &ParseCleanup, "delete, compact, both");
  change.retention_ms = object.Number("retention_ms", 0, INT64_MAX);
  change.retention_bytes = object.Number("retention_bytes", 0, INT64_MAX);
  change.cache_records = object.Number("cache_records", 0, UINT32_MAX);
  FLASHDB_RETURN_IF_ERROR(object.Finish());
  return change;
}

// Whether the topic is what `wanted` asks for, as far as it asks.
bool HasSettings(const TopicConfig& config, const TopicChange& wanted) {
  return wanted.partitions.value_or(config.partitions) == config.partitions &&
         wanted.storage.value_or(config.storage) == config.storage &&
         wanted.cleanup.value_or(config.cleanup) == config.cleanup &&
         wanted.retention_ms.value_or(config.retention.max_age_ms) == config.retention.max_age_ms &&
         wanted.retention_bytes.value_or(config.retention.max_bytes) ==
             config.retention.max_bytes &&
         wanted.cache_records.value_or(config.cache_records) == config.cache_records;
}

Task<void> ShowTopic(HttpExchange& exchange, int status) {
  StatusOr<TopicInfo> info = co_await DescribeTopic(exchange.Path("topic"), exchange.gates);
  if (!info.ok()) co_return exchange.Fail(info.status());
  JsonWriter json = exchange.Json(status);
  WriteTopicInfo(json, *info);
}

Task<void> GetTopics(HttpExchange& exchange) {
  std::vector<Topic> topics = co_await ListTopics(exchange.gates);
  JsonWriter json = exchange.Json();
  json.BeginObject().Key("topics").BeginArray();
  for (const Topic& topic : topics) {
    json.BeginObject();
    WriteTopicMembers(json, topic);
    json.EndObject();
  }
  json.EndArray().EndObject();
}

Task<void> GetTopic(HttpExchange& exchange) { co_await ShowTopic(exchange, 200); }

// Repeated with the same settings it changes nothing and succeeds: a client that has lost the
// answer may ask again.
Task<void> PutTopic(HttpExchange& exchange) {
  if (auto refusal = RefusesTopicCommand("create", exchange.engine, exchange.session)) {
    co_return exchange.FailWithLine(*refusal);
  }
  StatusOr<TopicChange> settings = ReadSettings(exchange.request.body);
  if (!settings.ok()) co_return exchange.Fail(settings.status());
  const std::string& name = exchange.Path("topic");
  StatusOr<Topic> created = co_await CreateTopic(name, *settings, exchange.gates);
  if (created.ok()) {
    co_await ShowTopic(exchange, 201);
    co_return;
  }
  if (!absl::IsAlreadyExists(created.status())) co_return exchange.Fail(created.status());
  StatusOr<TopicInfo> info = co_await DescribeTopic(name, exchange.gates);
  if (!info.ok()) co_return exchange.Fail(info.status());
  if (!HasSettings(info->topic.config, *settings)) {
    co_return exchange.Fail(
        409, "already_exists",
        fmt::format("topic '{}' exists with other settings; PATCH changes them", name));
  }
  JsonWriter json = exchange.Json();
  WriteTopicInfo(json, *info);
}

Task<void> PatchTopic(HttpExchange& exchange) {
  StatusOr<TopicChange> change = ReadSettings(exchange.request.body);
  if (!change.ok()) co_return exchange.Fail(change.status());
  StatusOr<Topic> altered = co_await AlterTopic(exchange.Path("topic"), *change, exchange.gates);
  if (!altered.ok()) co_return exchange.Fail(altered.status());
  co_await ShowTopic(exchange, 200);
}

Task<void> RemoveTopic(HttpExchange& exchange) {
  Status status = co_await DeleteTopic(exchange.Path("topic"), exchange.gates);
  if (!status.ok()) co_return exchange.Fail(status);
  exchange.NoContent();
}

}  // namespace

std::vector<Route> TopicRoutes() {
  const std::vector<BodySpec> topic = {{kJsonType, "Topic"}};
  const std::vector<BodySpec> settings = {{kJsonType, "TopicSettings"}};
  return {
      {.method = HttpMethod::kGet,
       .path = "/topics",
       .handler = &GetTopics,
       .id = "listTopics",
       .tag = "topics",
       .summary = "All topics with their settings, by name.",
       .responses = {{200, "The topics.", {{kJsonType, "TopicList"}}}}},
      {.method = HttpMethod::kPut,
       .path = "/topics/{topic}",
       .handler = &PutTopic,
       .id = "createTopic",
       .tag = "topics",
       .summary = "Creates a topic. The body, its settings, may be left out.",
       .bodies = settings,
       .responses = {{201, "Created.", topic}, {200, "It was there with these settings.", topic}}},
      {.method = HttpMethod::kGet,
       .path = "/topics/{topic}",
       .handler = &GetTopic,
       .id = "getTopic",
       .tag = "topics",
       .summary = "A topic's settings, and offsets and size of each partition.",
       .responses = {{200, "The topic.", topic}}},
      {.method = HttpMethod::kPatch,
       .path = "/topics/{topic}",
       .handler = &PatchTopic,
       .id = "alterTopic",
       .tag = "topics",
       .summary = "Changes settings; partitions can only be added, the storage stays.",
       .bodies = settings,
       .body_required = true,
       .responses = {{200, "The topic as it is now.", topic}}},
      {.method = HttpMethod::kDelete,
       .path = "/topics/{topic}",
       .handler = &RemoveTopic,
       .id = "deleteTopic",
       .tag = "topics",
       .summary = "Deletes a topic with its records and what groups have committed in it.",
       .responses = {{204, "Deleted."}}},
  };
}

}  // namespace flashdb
