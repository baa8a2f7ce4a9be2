// What commands need to know of partitions: their bounds, and groups' places in them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/api_client.h"

namespace flashdb::cli {

struct PartitionBounds {
  int64_t partition = 0;
  int64_t start = 0;  // the oldest offset that is kept
  int64_t end = 0;    // the high watermark: the next record's
};

/// By number; never empty.
StatusOr<std::vector<PartitionBounds>> FetchBounds(ApiClient& client, const std::string& topic);

/// Committed offsets by partition; partitions without one are left out.
StatusOr<std::map<int64_t, int64_t>> FetchCommitted(ApiClient& client, const std::string& group,
                                                    const std::string& topic);

struct FetchedRecords {
  Json records = Json::array();  // as the API gives them
  int64_t next_offset = 0;
};
/// What the group has not read of the partition, up to the API's default count. Commits nothing.
StatusOr<FetchedRecords> FetchForGroup(ApiClient& client, const std::string& group,
                                       const std::string& topic, int64_t partition);

struct CommitRequest {
  int64_t partition = 0;
  int64_t offset = 0;
  std::string metadata = {};
};
/// Goes through although an Interrupt is requested: it ends what was begun.
Status CommitOffset(ApiClient& client, const std::string& group, const std::string& topic,
                    const CommitRequest& commit);

}  // namespace flashdb::cli
