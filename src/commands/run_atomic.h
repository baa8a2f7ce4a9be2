// MULTI/EXEC whose keys have one owner: a run that is one step there and one log record.
#pragma once

#include "commands/run.h"

namespace flashdb {

/// Executes it on its owner, where it must be called; true when it is done, false if it waits for a
/// lock. When it has waited, `on_executed` is called.
bool ExecuteAtomicRun(Run& run, void (*on_executed)(Run& self));

}  // namespace flashdb
