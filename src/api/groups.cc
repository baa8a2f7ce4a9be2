// Consumer groups: what they have committed, how far they are behind, who is in them.
#include "api/exchange.h"
#include "api/json_object.h"
#include "api/route.h"
#include "api/topic_json.h"
#include "api/topic_records.h"

namespace flashdb {
namespace {

using simdjson::dom::element;

// ---- Groups ------------------------------------------------------------------------------------

Task<void> ShowGroup(HttpExchange& exchange, int status) {
  StatusOr<GroupInfo> info = co_await DescribeGroup(exchange.Path("group"), exchange.gates);
  if (!info.ok()) co_return exchange.Fail(info.status());
  JsonWriter json = exchange.Json(status);
  WriteGroup(json, *info);
}

Task<void> GetGroups(HttpExchange& exchange) {
  std::vector<Group> groups = co_await ListGroups(exchange.gates);
  std::vector<GroupInfo> infos;
  for (const Group& group : groups) {
    StatusOr<GroupInfo> info = co_await DescribeGroup(group.name, exchange.gates);
    if (info.ok()) infos.push_back(std::move(*info));  // else it has been deleted meanwhile
  }
  JsonWriter json = exchange.Json();
  json.BeginObject().Key("groups").BeginArray();
  for (const GroupInfo& info : infos) WriteGroup(json, info);
  json.EndArray().EndObject();
}

Task<void> GetGroup(HttpExchange& exchange) { co_await ShowGroup(exchange, 200); }

Task<void> PutGroup(HttpExchange& exchange) {
  StatusOr<Group> created = co_await CreateGroup(exchange.Path("group"), exchange.gates);
  if (!created.ok() && !absl::IsAlreadyExists(created.status())) {
    co_return exchange.Fail(created.status());
  }
  co_await ShowGroup(exchange, created.ok() ? 201 : 200);
}

Task<void> RemoveGroup(HttpExchange& exchange) {
  Status status = co_await DeleteGroup(exchange.Path("group"), exchange.gates);
  if (!status.ok()) co_return exchange.Fail(status);
  exchange.NoContent();
}

// ---- Committed offsets -------------------------------------------------------------------------

void WriteOffsetMembers(JsonWriter& json, const GroupOffsets& offsets) {
  json.Key("topic").Text(offsets.topic);
  json.Key("partitions").BeginArray();
  for (const CommittedOffset& committed : offsets.partitions) WriteCommitted(json, committed);
  json.EndArray();
  json.Key("lag").Uint(LagOf(offsets));
}

void ShowOffsets(HttpExchange& exchange, const GroupOffsets& offsets) {
  JsonWriter json = exchange.Json();
  json.BeginObject();
  json.Key("group").Text(exchange.Path("group"));
  WriteOffsetMembers(json, offsets);
  json.EndObject();
}

// What the group has committed in the path's topic.
Task<StatusOr<GroupOffsets>> OffsetsOfTopic(HttpExchange& exchange) {
  const std::string& topic = exchange.Path("topic");
  StatusOr<std::vector<GroupOffsets>> all =
      co_await ReadOffsets(exchange.Path("group"), topic, exchange.gates);
  if (!all.ok()) co_return all.status();
  if (all->empty()) co_return GroupOffsets{.topic = topic, .partitions = {}};
  co_return std::move(all->front());
}

Task<void> GetOffsets(HttpExchange& exchange) {
  StatusOr<GroupOffsets> offsets = co_await OffsetsOfTopic(exchange);
  if (!offsets.ok()) co_return exchange.Fail(offsets.status());
  ShowOffsets(exchange, *offsets);
}

struct CommitBody {
  std::vector<OffsetCommit> commits;
  std::optional<MemberStamp> member;
};

void ReadCommit(JsonObject& object, CommitBody& body) {
  OffsetCommit commit;
  const auto partition = object.Number("partition", 0, kMaxPartitions - 1);
  commit.partition = static_cast<PartitionNumber>(partition.value_or(0));
  const auto offset = object.Number("offset", 0, INT64_MAX);
  if (!offset.has_value()) {
    object.Fail(absl::InvalidArgumentError(
        "a commit needs an \"offset\": that of the next record to read"));
  }
  commit.offset = offset.value_or(0);
  commit.metadata = object.Text("metadata").value_or("");
  body.commits.push_back(std::move(commit));
}

// {"offset": 5, "partition": 0, "metadata": "..."} or {"offsets": [such, ...]}, both perhaps with
// "member" and "generation".
StatusOr<CommitBody> ReadCommits(std::string_view text) {
  JsonBody json;
  FLASHDB_ASSIGN_OR_RETURN(element root, json.Parse(text));
  CommitBody body;
  JsonObject object(root, "a commit");
  const auto member = object.Text("member");
  const auto generation = object.Number("generation", 0, INT64_MAX);
  if (member.has_value()) body.member = {std::string(*member), generation.value_or(0)};
  if (const auto list = object.Array("offsets")) {
    for (element each : *list) {
      JsonObject commit(each, "a commit");
      ReadCommit(commit, body);
      FLASHDB_RETURN_IF_ERROR(commit.Finish());
    }
  } else if (object.problem().ok()) {
    ReadCommit(object, body);
  }
  FLASHDB_RETURN_IF_ERROR(object.Finish());
  return body;
}

Task<void> PostOffsets(HttpExchange& exchange) {
  StatusOr<CommitBody> body = ReadCommits(exchange.request.body);
  if (!body.ok()) co_return exchange.Fail(body.status());
  StatusOr<GroupOffsets> offsets =
      co_await CommitOffsets(exchange.Path("group"), exchange.Path("topic"),
                             std::move(body->commits), std::move(body->member), exchange.gates);
  if (!offsets.ok()) co_return exchange.Fail(offsets.status());
  ShowOffsets(exchange, *offsets);
}

Task<void> GetLag(HttpExchange& exchange) {
  StatusOr<std::vector<GroupOffsets>> all =
      co_await ReadOffsets(exchange.Path("group"), "", exchange.gates);
  if (!all.ok()) co_return exchange.Fail(all.status());
  uint64_t lag = 0;
  JsonWriter json = exchange.Json();
  json.BeginObject();
  json.Key("group").Text(exchange.Path("group"));
  json.Key("topics").BeginArray();
  for (const GroupOffsets& offsets : *all) {
    json.BeginObject();
    WriteOffsetMembers(json, offsets);
    json.EndObject();
    lag += LagOf(offsets);
  }
  json.EndArray();
  json.Key("lag").Uint(lag);
  json.EndObject();
}

// ---- A group's records -------------------------------------------------------------------------

// The partitions of the topic that are the member's at present.
Task<StatusOr<std::vector<PartitionNumber>>> ShareOf(HttpExchange& exchange,
                                                     std::string_view member_id) {
  StatusOr<GroupInfo> info = co_await DescribeGroup(exchange.Path("group"), exchange.gates);
  if (!info.ok()) co_return info.status();
  for (const GroupMember& member : info->members) {
    if (member.member_id != member_id) continue;
    for (const Assignment& assignment : member.assignments) {
      if (assignment.topic == exchange.Path("topic")) co_return assignment.partitions;
    }
    co_return std::vector<PartitionNumber>{};
  }
  co_return absl::NotFoundError(
      fmt::format("'{}' is no member of group '{}' (any more): it has to join", member_id,
                  exchange.Path("group")));
}

// How many records of a fetched partition the group has still to commit.
uint64_t LagOfPart(const FetchedPart& part, const GroupOffsets& offsets) {
  for (const CommittedOffset& committed : offsets.partitions) {
    if (committed.partition == part.partition) return committed.lag();
  }
  return part.high_watermark - part.start;
}

void ShowGroupRecords(HttpExchange& exchange, const std::vector<FetchedPart>& parts,
                      const GroupOffsets& offsets) {
  JsonWriter json = exchange.Json();
  json.BeginObject();
  json.Key("group").Text(exchange.Path("group"));
  json.Key("topic").Text(exchange.Path("topic"));
  WriteFetched(json, parts, exchange.Flag("include_headers"));
  json.Key("committed").BeginArray();
  for (const CommittedOffset& committed : offsets.partitions) WriteCommitted(json, committed);
  json.EndArray();
  uint64_t lag = 0;
  for (const FetchedPart& part : parts) lag += LagOfPart(part, offsets);
  json.Key("lag").Uint(lag);
  json.EndObject();
}

Task<void> GetGroupRecords(HttpExchange& exchange) {
  StatusOr<FetchQuery> query = ReadFetchQuery(exchange, exchange.Path("topic"));
  if (!query.ok()) co_return exchange.Fail(query.status());
  query->group = exchange.Path("group");
  bool has_share = true;
  if (const auto member = exchange.Text("member")) {
    StatusOr<std::vector<PartitionNumber>> share = co_await ShareOf(exchange, *member);
    if (!share.ok()) co_return exchange.Fail(share.status());
    has_share = !share->empty();
    query->only = std::move(*share);
  }
  std::vector<FetchedPart> parts;
  if (has_share) {
    StatusOr<std::vector<FetchedPart>> fetched =
        co_await FetchRecords(std::move(*query), exchange.gates);
    if (!fetched.ok()) co_return exchange.Fail(fetched.status());
    parts = std::move(*fetched);
  }
  // A group that has committed nothing need not exist.
  StatusOr<GroupOffsets> offsets = co_await OffsetsOfTopic(exchange);
  if (!offsets.ok() && !absl::IsNotFound(offsets.status())) {
    co_return exchange.Fail(offsets.status());
  }
  ShowGroupRecords(exchange, parts, offsets.ok() ? *offsets : GroupOffsets{});
}

}  // namespace

std::vector<Route> GroupRoutes() {
  const std::vector<BodySpec> group = {{kJsonType, "Group"}};
  const std::vector<BodySpec> offsets = {{kJsonType, "Offsets"}};
  std::vector<QuerySpec> fetch = FetchParameters();
  fetch.push_back(
      {.name = "member", .doc = "Only of the partitions that are this member's at present."});
  return {
      {.method = HttpMethod::kGet,
       .path = "/groups",
       .handler = &GetGroups,
       .id = "listGroups",
       .tag = "groups",
       .summary = "All groups with their members, by name.",
       .responses = {{200, "The groups.", {{kJsonType, "GroupList"}}}}},
      {.method = HttpMethod::kPut,
       .path = "/groups/{group}",
       .handler = &PutGroup,
       .id = "createGroup",
       .tag = "groups",
       .summary = "Creates a group. (A first commit, or a member that joins, does so, too.)",
       .responses = {{201, "Created.", group}, {200, "It was there.", group}}},
      {.method = HttpMethod::kGet,
       .path = "/groups/{group}",
       .handler = &GetGroup,
       .id = "getGroup",
       .tag = "groups",
       .summary = "A group's members and their partitions.",
       .responses = {{200, "The group.", group}}},
      {.method = HttpMethod::kDelete,
       .path = "/groups/{group}",
       .handler = &RemoveGroup,
       .id = "deleteGroup",
       .tag = "groups",
       .summary = "Deletes a group with what it has committed.",
       .responses = {{204, "Deleted."}}},
      {.method = HttpMethod::kGet,
       .path = "/groups/{group}/lag",
       .handler = &GetLag,
       .id = "getLag",
       .tag = "groups",
       .summary = "How many records the group is behind, in each topic it has committed in.",
       .responses = {{200, "The lag.", {{kJsonType, "Lag"}}}}},
      {.method = HttpMethod::kGet,
       .path = "/groups/{group}/topics/{topic}/records",
       .handler = &GetGroupRecords,
       .id = "fetchGroupRecords",
       .tag = "groups",
       .summary = "Reads on from what the group has committed (from the beginning, where it has "
                  "committed nothing). Commits nothing.",
       .query = std::move(fetch),
       .responses = {{200, "The records.", {{kJsonType, "GroupFetched"}}}}},
      {.method = HttpMethod::kGet,
       .path = "/groups/{group}/topics/{topic}/offsets",
       .handler = &GetOffsets,
       .id = "getOffsets",
       .tag = "groups",
       .summary = "What the group has committed in a topic.",
       .responses = {{200, "The partitions with a commit.", offsets}}},
      {.method = HttpMethod::kPost,
       .path = "/groups/{group}/topics/{topic}/offsets",
       .handler = &PostOffsets,
       .id = "commitOffsets",
       .tag = "groups",
       .summary = "Commits: all offsets or none, none above the high watermark. Creates the group.",
       .bodies = {{kJsonType, "Commit"}},
       .body_required = true,
       .responses = {{200, "What is committed now.", offsets}}},
  };
}

}  // namespace flashdb
