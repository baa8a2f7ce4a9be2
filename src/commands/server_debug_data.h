// DEBUG's commands on the data set: POPULATE, DIGEST, DIGEST-VALUE.
#pragma once

#include "commands/command.h"

namespace flashdb {

/// DEBUG POPULATE count [prefix] [size]: makes the keys "prefix:0", "prefix:1", ... that do not
/// exist yet. In pieces of a few hundred keys; each piece is a transaction.
Task<void> DebugPopulate(SessionContext& context);

/// DEBUG DIGEST: 40 hex digits that depend on all keys of all databases, their types, values and
/// whether they expire, but neither on any order nor on how values are kept. Not Redis's digits.
/// All zeros for an empty server. The same after a restart.
Task<void> DebugDigest(SessionContext& context);

/// DEBUG DIGEST-VALUE [key ...]: such digits of each value alone; all zeros for a missing key.
Task<void> DebugDigestValue(SessionContext& context);

}  // namespace flashdb
