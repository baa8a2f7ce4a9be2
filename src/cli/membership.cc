#include "cli/membership.h"

#include <algorithm>

#include "cli/api_paths.h"

namespace flashdb::cli {

Membership::Membership(ApiClient& client, std::string group, std::string topic, std::string member,
                       std::chrono::milliseconds session_timeout)
    : client_(client),
      group_(std::move(group)),
      topic_(std::move(topic)),
      member_(std::move(member)),
      session_timeout_(session_timeout) {}

void Membership::Take(const Json& answer) {
  partitions_.clear();
  for (const Json& each : Member(answer, "assignments")) {
    if (StringOf(each, "topic") != topic_) continue;
    for (const Json& partition : Member(each, "partitions")) {
      if (partition.is_number_integer()) partitions_.push_back(partition.get<int64_t>());
    }
  }
  std::sort(partitions_.begin(), partitions_.end());
  generation_ = IntOf(answer, "generation", -1);
  due_ = Clock::now() + session_timeout_ / 3;
}

Status Membership::Join() {
  const Json body = {
      {"member", member_}, {"topics", {topic_}}, {"session_timeout_ms", session_timeout_.count()}};
  FLASHDB_ASSIGN_OR_RETURN(Json answer, client_.Call("POST", MembersPath(group_), body));
  Take(answer);
  return OkStatus();
}

StatusOr<bool> Membership::Heartbeat() {
  const std::vector<int64_t> before = partitions_;
  auto answer =
      client_.Call({.method = "POST", .target = MemberPath(group_, member_) + "/heartbeat"});
  if (answer.ok()) {
    Take(*answer);
  } else if (absl::IsNotFound(answer.status())) {
    FLASHDB_RETURN_IF_ERROR(Join());
  } else {
    return answer.status();
  }
  return partitions_ != before;
}

Status Membership::Leave() {
  Status status =
      client_.Call({.method = "DELETE", .target = MemberPath(group_, member_), .finishing = true})
          .status();
  return absl::IsNotFound(status) ? OkStatus() : status;
}

}  // namespace flashdb::cli
