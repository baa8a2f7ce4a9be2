// What runs ask of their shard's lock table. Used on the thread of the shard concerned.
#pragma once

#include "commands/run.h"

namespace flashdb {

class Shard;

/// Whether the request would have to wait for a lock of `here`, its owner.
bool Blocked(Shard& here, const Request& request);
/// Queues the run behind the locks of its requests [begin, end), which `here` owns, and of its
/// watched keys; true if it may go on at once. If not, `on_granted` will be called. Either way the
/// run is to be released.
bool QueueForLocks(Shard& here, Run& run, size_t begin, size_t end,
                   void (*on_granted)(LockRequest& self));
/// Holds the slots of those requests [begin, end) that `here` owns; false (and nothing is held) if
/// one of them is in use. They are `run.holds` then.
bool HoldSlots(Shard& here, Run& run, size_t begin, size_t end);

}  // namespace flashdb
