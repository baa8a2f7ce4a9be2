// MULTI/EXEC whose keys have one owner: a run that is one step there and one log record.
#pragma once

#include "commands/run.h"

namespace flashdb {

/// As StartRun, for an atomic run.
bool StartAtomicRun(Run& run);

}  // namespace flashdb
