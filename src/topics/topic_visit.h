// Visits to the owners of partitions, from coroutines on a client's shard.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/slots.h"
#include "shards/remote.h"
#include "shards/shard.h"
#include "shards/transaction.h"
#include "topics/topic_store.h"

namespace flashdb {

/// What a function returned on another shard, and the LSN there that it depends on (0: none).
template <typename R>
struct Visited {
  R result{};
  Lsn gate = 0;
};

/// `co_await VisitUnlocked(slots, write, bytes, function)`: runs `function(TopicStore&)` on the
/// shard that owns all of `slots`, in one go and as one log record, if none of them is locked and
/// (write) the log takes `bytes` more. Nullopt if that is not so: use a Transaction then.
template <typename F>
auto VisitUnlocked(std::span<const SlotId> slots, bool write, uint64_t bytes, F function) {
  using R = std::invoke_result_t<F&, TopicStore&>;
  const ShardId owner = OwnerOf(slots.front(), ShardCount());
  const ShardId home = CurrentShardId();
  return On(owner, [=, function = std::move(function)]() mutable -> std::optional<Visited<R>> {
    Shard& here = Shard::Current();
    for (SlotId slot : slots) {
      if (here.locks().Blocks(slot, write)) return std::nullopt;
    }
    if (write && here.RefusesWrite(bytes).has_value()) return std::nullopt;
    Visited<R> visited{.result = function(TopicStore::Here())};
    here.CommitEffects();
    visited.gate = here.TakeGateFor(home);
    return visited;
  });
}

/// The status of a write that a shard's log refuses; `line` is what Transaction::Lock returned.
Status RefusedStatus(const std::string& line);

}  // namespace flashdb
