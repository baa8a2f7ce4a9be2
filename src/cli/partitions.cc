#include "cli/partitions.h"

#include <set>

#include "cli/api_paths.h"

namespace flashdb::cli {

StatusOr<std::vector<PartitionBounds>> FetchBounds(ApiClient& client, const std::string& topic) {
  FLASHDB_ASSIGN_OR_RETURN(Json answer, client.Call({.target = TopicPath(topic)}));
  std::vector<PartitionBounds> bounds;
  for (const Json& each : Member(answer, "partitions")) {
    bounds.push_back({.partition = IntOf(each, "partition"),
                      .start = IntOf(each, "start_offset"),
                      .end = IntOf(each, "high_watermark")});
  }
  if (!bounds.empty()) return bounds;
  return absl::DataLossError(
      fmt::format("GET {}: the answer names no partitions; is {} a FlashDB server?",
                  TopicPath(topic), client.options().server));
}

StatusOr<std::map<int64_t, int64_t>> FetchCommitted(ApiClient& client, const std::string& group,
                                                    const std::string& topic) {
  auto answer = client.Call({.target = GroupOffsetsPath(group, topic)});
  std::map<int64_t, int64_t> committed;
  if (absl::IsNotFound(answer.status())) return committed;
  FLASHDB_RETURN_IF_ERROR(answer.status());
  for (const Json& each : Member(*answer, "partitions")) {
    const Json& offset = Member(each, "committed_offset");
    if (offset.is_number_integer()) committed[IntOf(each, "partition")] = offset.get<int64_t>();
  }
  return committed;
}

Status CommitOffsets(ApiClient& client, const std::string& group, const std::string& topic,
                     const std::vector<OffsetCommit>& commits,
                     const std::optional<MemberStamp>& member) {
  Json body = {{"offsets", Json::array()}};
  for (const OffsetCommit& commit : commits) {
    Json each = {{"partition", commit.partition}, {"offset", commit.offset}};
    if (!commit.metadata.empty()) each["metadata"] = commit.metadata;
    body["offsets"].push_back(std::move(each));
  }
  if (member) {
    body["member"] = member->member;
    body["generation"] = member->generation;
  }
  return client
      .Call({.method = "POST",
             .target = GroupOffsetsPath(group, topic),
             .body = ToText(body),
             .finishing = true})
      .status();
}

bool IsNoLongerOurs(const Status& status) {
  return absl::IsAlreadyExists(status) || absl::IsNotFound(status);
}

std::vector<OffsetCommit> NextOffsetsIn(const Json& answer) {
  std::set<int64_t> with_records;
  for (const Json& record : Member(answer, "records")) {
    with_records.insert(IntOf(record, "partition"));
  }
  std::vector<OffsetCommit> next;
  for (const Json& each : Member(answer, "partitions")) {
    const int64_t partition = IntOf(each, "partition");
    if (!with_records.contains(partition)) continue;
    next.push_back({.partition = partition, .offset = IntOf(each, "next_offset")});
  }
  return next;
}

}  // namespace flashdb::cli
