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

/// Committed offsets by partition; partitions without one are left out, and a group that does not
/// exist has none.
StatusOr<std::map<int64_t, int64_t>> FetchCommitted(ApiClient& client, const std::string& group,
                                                    const std::string& topic);

struct OffsetCommit {
  int64_t partition = 0;
  int64_t offset = 0;  // of the next record to read
  std::string metadata = {};
};
/// On whose behalf a commit is done: it is refused if the partitions are no longer the member's.
struct MemberStamp {
  std::string member;
  int64_t generation = 0;
};
/// Commits all or nothing. Goes through although an Interrupt is requested: it ends what was begun.
Status CommitOffsets(ApiClient& client, const std::string& group, const std::string& topic,
                     const std::vector<OffsetCommit>& commits,
                     const std::optional<MemberStamp>& member = std::nullopt);

/// Whether a commit with a MemberStamp was refused because others have the partitions now.
bool IsNoLongerOurs(const Status& status);

/// Where each partition's reading goes on: what an answer with records says of those that it has
/// records of.
std::vector<OffsetCommit> NextOffsetsIn(const Json& answer);

}  // namespace flashdb::cli
