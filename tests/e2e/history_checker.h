// Is a history strictly serializable? That is, could all its operations have taken effect one after
// the other, each at an instant between its request and its reply, so that every reply is right?
// Operations of unknown outcome may have taken effect up to the crash, or never.
//
// The idea is Elle's (Kingsbury, Alvaro: "Elle: Inferring Isolation Anomalies from Experimental
// Observations", VLDB 2020): values that are written once only tell who was read, so dependencies
// are known instead of searched for. An operation comes before another if
//  - it ended before the other began (real time), or the same client sent it earlier;
//  - the other read what it wrote (write-read), or overwrote it (write-write);
//  - the other overwrote what it had read (read-write).
// A cycle is a violation. For logs and counters the order of versions is known from the replies;
// for registers it is derived until nothing new follows, by the rules of Biswas and Enea ("On the
// Complexity of Checking Transactional Consistency", OOPSLA 2019), see history_graph.h.
//
// Every violation reported is one. The converse holds for single-key operations on registers, and
// on logs that are read in the end. Deciding the rest exactly is NP-complete: a violation may be
// missed that follows only from trying out several orders of writes, or several authors of an
// increment whose reply was lost.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "e2e/history.h"

namespace flashdb::e2e {

struct Violation {
  std::string name;  // e.g. "stale read", "fractured read", "write skew"
  std::string text;  // all of it for people: the operations, and why each comes before the next
  std::vector<OpId> operations;  // those in the text's cycle, in its order
};

/// Nothing if no violation is found. Time and memory grow with operations x clients.
std::optional<Violation> FindViolation(const History& history);

}  // namespace flashdb::e2e
