// The history checker's findings as text for people.
#pragma once

#include <string>
#include <vector>

#include "e2e/history_checker.h"
#include "e2e/history_graph.h"

namespace flashdb::e2e {

/// One that needs no cycle: `sentence` and the operations that it speaks of.
Violation ReportOperations(const History& history, std::string name, std::string sentence,
                           std::vector<OpId> operations);

/// Names the kind of violation after the reasons in the cycle, and explains each.
Violation ReportCycle(const History& history, const HistoryGraph& graph,
                      const std::vector<HistoryGraph::Edge>& cycle);

}  // namespace flashdb::e2e
