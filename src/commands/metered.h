// Running and timing session tasks. What a task executes is counted, on whichever shard; what it
// waits for (mail, locks, the disk) is not.
#pragma once

#include <utility>
#include <vector>

#include "commands/command.h"
#include "shards/remote.h"

namespace flashdb {

/// Runs `command`'s session handler or task to its end; `context.meter` then has the cycles that it
/// executed. Of a task that suspends by other means than MeteredOnAll only what it executes before
/// its first suspension is counted, unless it starts the meter again itself.
Task<void> RunMetered(const Command& command, SessionContext& context);

namespace internal {

template <typename R>
Task<void> Collect(Task<std::vector<R>> gather, std::vector<R>& results, OneShotEvent& done) {
  results = co_await std::move(gather);
  done.Set();
}

}  // namespace internal

/// OnAll for session tasks: what `function` executes on other shards is added to the meter, which
/// stands still meanwhile.
template <typename F>
Task<std::vector<std::invoke_result_t<F&, ShardId>>> MeteredOnAll(SessionContext& context,
                                                                  F function) {
  using Result = std::invoke_result_t<F&, ShardId>;
  using Timed = std::pair<Result, uint64_t>;
  const ShardId home = CurrentShardId();
  auto timed = [&function](ShardId shard) {
    const uint64_t begin = CycleCount();
    Result result = function(shard);
    return Timed(std::move(result), CycleCount() - begin);
  };
  std::vector<Timed> parts;
  OneShotEvent done;
  Detach(internal::Collect(OnAll(timed), parts, done));
  context.meter.Stop();
  co_await done;
  context.meter.Start();
  std::vector<Result> results;
  for (ShardId shard = 0; shard < parts.size(); ++shard) {
    results.push_back(std::move(parts[shard].first));
    if (shard != home) context.meter.Add(parts[shard].second);
  }
  co_return results;
}

}  // namespace flashdb
