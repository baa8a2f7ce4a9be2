// A worker's place in a group: which partitions of a topic are its own, for as long as it lives.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/api_client.h"
#include "cli/partitions.h"

namespace flashdb::cli {

/// The server forgets a member that it has not heard of for the session timeout, and gives its
/// partitions to others. Not thread-safe; the client must outlive it.
class Membership {
 public:
  using Clock = std::chrono::steady_clock;

  Membership(ApiClient& client, std::string group, std::string topic, std::string member,
             std::chrono::milliseconds session_timeout);

  /// Joins. Ok: partitions() is this member's share.
  Status Join();
  /// Tells the server that this member lives, and learns its share. A member that was forgotten
  /// joins anew. True if the share is another than before.
  StatusOr<bool> Heartbeat();
  /// Gives the share back at once. Goes through although an Interrupt is requested.
  Status Leave();

  const std::vector<int64_t>& partitions() const { return partitions_; }
  /// For commits, which are refused when the share has moved.
  MemberStamp stamp() const { return {.member = member_, .generation = generation_}; }
  /// When the next Heartbeat() is due: a third of the session timeout after the latest.
  Clock::time_point due() const { return due_; }

 private:
  void Take(const Json& answer);

  ApiClient& client_;
  std::string group_;
  std::string topic_;
  std::string member_;
  std::chrono::milliseconds session_timeout_;
  std::vector<int64_t> partitions_;
  int64_t generation_ = -1;
  Clock::time_point due_;
};

}  // namespace flashdb::cli
