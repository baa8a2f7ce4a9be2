#include "commands/run_locks.h"

#include <algorithm>

#include "shards/shard.h"

namespace flashdb {
namespace {

template <typename F>
void ForEachSlot(const Request& request, F visit) {
  if (!request.many_keys) {
    visit(request.key.slot);
    return;
  }
  ForEachKey(*request.command, request.args.size(),
             [&](size_t i) { visit(SlotOf(request.args[i])); });
}

// One hold for each slot: exclusive if any of them is.
void Unite(absl::InlinedVector<SlotHold, 16>& holds) {
  std::sort(holds.begin(), holds.end(),
            [](const SlotHold& a, const SlotHold& b) { return a.slot < b.slot; });
  size_t kept = 0;
  for (const SlotHold& hold : holds) {
    if (kept > 0 && holds[kept - 1].slot == hold.slot) {
      holds[kept - 1].exclusive |= hold.exclusive;
    } else {
      holds[kept++] = hold;
    }
  }
  holds.resize(kept);
}

}  // namespace

bool Blocked(Shard& here, const Request& request) {
  if (here.locks().idle()) [[likely]] {
    return false;
  }
  bool blocked = false;
  const bool write = request.command->has(kWrite);
  ForEachSlot(request, [&](SlotId slot) { blocked |= here.locks().Blocks(slot, write); });
  return blocked;
}

bool QueueForLocks(Shard& here, Run& run, size_t begin, size_t end,
                   void (*on_granted)(LockRequest& self)) {
  run.slots.clear();
  run.all = false;
  run.exclusive = false;
  for (size_t i = begin; i < end; ++i) {
    ForEachSlot(run.requests[i], [&](SlotId slot) { run.slots.push_back(slot); });
    run.exclusive |= run.requests[i].command->has(kWrite);
  }
  for (const auto& [watch, slot] : run.watches) run.slots.push_back(slot);
  std::sort(run.slots.begin(), run.slots.end());
  run.slots.erase(std::unique(run.slots.begin(), run.slots.end()), run.slots.end());
  run.on_granted = on_granted;
  return here.locks().Acquire(run);
}

bool HoldSlots(Shard& here, Run& run, size_t begin, size_t end) {
  run.holds.clear();
  for (size_t i = begin; i < end; ++i) {
    const Request& request = run.requests[i];
    if (request.owner != here.id()) continue;
    const bool write = request.command->has(kWrite);
    ForEachSlot(request, [&](SlotId slot) { run.holds.push_back({slot, write}); });
  }
  Unite(run.holds);
  return here.locks().TryHold(run.holds);
}

}  // namespace flashdb
