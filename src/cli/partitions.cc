#include "cli/partitions.h"

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
  FLASHDB_ASSIGN_OR_RETURN(Json answer, client.Call({.target = GroupOffsetsPath(group, topic)}));
  std::map<int64_t, int64_t> committed;
  for (const Json& each : Member(answer, "partitions")) {
    const Json& offset = Member(each, "committed_offset");
    if (offset.is_number_integer()) committed[IntOf(each, "partition")] = offset.get<int64_t>();
  }
  return committed;
}

StatusOr<FetchedRecords> FetchForGroup(ApiClient& client, const std::string& group,
                                       const std::string& topic, int64_t partition) {
  const std::string query = Query().Add("partition", partition).text();
  FLASHDB_ASSIGN_OR_RETURN(Json answer,
                           client.Call({.target = GroupRecordsPath(group, topic) + query}));
  return FetchedRecords{.records = Member(answer, "records"),
                        .next_offset = IntOf(answer, "next_offset")};
}

Status CommitOffset(ApiClient& client, const std::string& group, const std::string& topic,
                    const CommitRequest& commit) {
  Json body = {{"partition", commit.partition}, {"offset", commit.offset}};
  if (!commit.metadata.empty()) body["metadata"] = commit.metadata;
  return client
      .Call({.method = "POST",
             .target = GroupOffsetsPath(group, topic),
             .body = ToText(body),
             .finishing = true})
      .status();
}

}  // namespace flashdb::cli
