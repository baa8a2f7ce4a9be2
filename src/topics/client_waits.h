// Waits of one shard's clients, for new records or for room to append: each is a token that owners
// of partitions mail back when it is time, or whose time runs out. Used by its shard's thread only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <map>
#include <optional>

#include "shards/task.h"
#include "topics/partition.h"

namespace flashdb {

class ClientWaits {
 public:
  /// Begins a wait: `event` is set by Wake(token), at the deadline or by EndAll(), once.
  uint64_t Begin(OneShotEvent& event, uint64_t deadline_nanos);
  /// The event will not be set (any more).
  void Forget(uint64_t token);
  /// Does nothing for a token that is no longer waiting.
  void Wake(uint64_t token);
  void WakeDue(uint64_t now_nanos);
  /// Wakes all; from now on nobody shall wait.
  void EndAll();
  bool ended() const { return ended_; }
  size_t count() const { return waiting_.size(); }
  std::optional<uint64_t> NextDeadlineNanos() const;

 private:
  struct Wait {
    OneShotEvent* event;
    std::multimap<uint64_t, uint64_t>::iterator deadline;
  };

  uint64_t next_token_ = 1;
  bool ended_ = false;
  absl::flat_hash_map<uint64_t, Wait> waiting_;
  std::multimap<uint64_t, uint64_t> deadlines_;  // -> token
};

}  // namespace flashdb
