// Strict serializability by trying out: exact, and feasible for a dozen operations only. It checks
// the checker, and shares nothing with it.
#pragma once

#include "e2e/history.h"

namespace flashdb::e2e {

/// Whether there is an order of the operations (those of unknown outcome with or without effect)
/// that agrees with real time, with each client's order, and with every reply. The search of Wing
/// and Gong ("Testing and Verifying Concurrent Objects", 1993), which never visits twice the same
/// set of operations with the same state after it (Lowe, "Testing for Linearizability", 2017).
/// At most 64 operations.
bool IsStrictlySerializable(const History& history);

}  // namespace flashdb::e2e
