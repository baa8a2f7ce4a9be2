#include "e2e/history_report.h"

#include <algorithm>

#include "base/status.h"

namespace flashdb::e2e {
namespace {

using Edge = HistoryGraph::Edge;
using Why = HistoryGraph::Why;

constexpr size_t kShownBytes = 48;

double Millis(const History& history, int64_t time) {
  const int64_t start = history.operations.empty() ? 0 : history.operations.front().began;
  return static_cast<double>(time - start) / 1e6;
}

// Values of logs get long; their end is what tells.
std::string Quote(const std::string& value) {
  if (value.empty()) return "(nil)";
  if (value.size() <= kShownBytes) return fmt::format("\"{}\"", value);
  return fmt::format("({} bytes) \"...{}\"", value.size(),
                     value.substr(value.size() - kShownBytes));
}

std::string Describe(const History& history, const Access& access) {
  const std::string& key = history.keys[access.key];
  switch (access.kind) {
    case Access::Kind::kGet:
    case Access::Kind::kReadLog:
      return fmt::format("GET {} = {}", key, Quote(access.value));
    case Access::Kind::kSet:
      return fmt::format("SET {} {}", key, Quote(access.value));
    case Access::Kind::kAppend:
      return fmt::format("APPEND {} {}{}", key, Quote(access.value),
                         access.number < 0 ? "" : fmt::format(" = entry {}", access.number));
    case Access::Kind::kReadCounter:
      return fmt::format("GET {} = {}", key, access.number);
    case Access::Kind::kIncrement:
      break;
  }
  return fmt::format("INCR {}{}", key,
                     access.number < 0 ? "" : fmt::format(" = {}", access.number));
}

// The kill between two operations, if there was one.
std::optional<int64_t> CrashBetween(const History& history, OpId first, OpId second) {
  for (int64_t crash : history.crashes) {
    if (history.operations[first].began < crash && history.operations[second].began > crash) {
      return crash;
    }
  }
  return std::nullopt;
}

std::string CrashNote(const History& history, OpId first, OpId second) {
  const auto crash = CrashBetween(history, first, second);
  if (!crash.has_value()) return "";
  return fmt::format("; kill -9 at {:.3f} ms in between", Millis(history, *crash));
}

class CycleReport {
 public:
  CycleReport(const History& history, const HistoryGraph& graph, const std::vector<Edge>& cycle)
      : history_(history), graph_(graph), cycle_(cycle) {}

  Violation Build() {
    violation_.name = Name();
    std::string& text = violation_.text;
    text = fmt::format(
        "not strictly serializable: {}\nEach of these had to take effect before the next, and the "
        "last before the first:\n",
        violation_.name);
    for (const Edge& edge : cycle_) {
      violation_.operations.push_back(edge.from);
      text += "  " + flashdb::e2e::Describe(history_, edge.from) + "\n    " + Reason(edge) + "\n";
    }
    if (!also_.empty()) text += "where\n";
    for (OpId op : also_) text += "  " + flashdb::e2e::Describe(history_, op) + "\n";
    return std::move(violation_);
  }

 private:
  size_t Count(Why why) const {
    return static_cast<size_t>(
        std::count_if(cycle_.begin(), cycle_.end(), [why](const Edge& e) { return e.why == why; }));
  }

  // After Adya's and Elle's kinds of anomalies, in words.
  std::string Name() const {
    const size_t overwritten = Count(Why::kReadWrite);
    const size_t in_time = Count(Why::kRealTime) + Count(Why::kSession);
    if (overwritten == 1 && in_time > 0 && AcrossCrash()) return "lost write after a crash";
    if (overwritten == 1 && in_time > 0) return "stale read";
    if (overwritten == 1) return "fractured read";
    if (overwritten >= 2 && in_time > 0) return "stale reads";
    if (overwritten == cycle_.size()) return SameKey() ? "lost update" : "write skew";
    if (overwritten >= 2) return "long fork";
    return in_time > 0 ? "real time reversed" : "circular dependency";
  }

  bool AcrossCrash() const {
    return std::any_of(cycle_.begin(), cycle_.end(), [this](const Edge& edge) {
      const bool in_time = edge.why == Why::kRealTime || edge.why == Why::kSession;
      return in_time && CrashBetween(history_, edge.from, edge.to).has_value();
    });
  }

  bool SameKey() const {
    return std::all_of(cycle_.begin(), cycle_.end(),
                       [this](const Edge& edge) { return edge.key == cycle_[0].key; });
  }

  std::string Reason(const Edge& edge) {
    const std::string& key = history_.keys[edge.key];
    switch (edge.why) {
      case Why::kRealTime:
        return "ended before the next began" + CrashNote(history_, edge.from, edge.to);
      case Why::kSession:
        return "was sent before the next by the same client" +
               CrashNote(history_, edge.from, edge.to);
      case Why::kWriteRead:
        return fmt::format("wrote {}, as the next one saw", key);
      case Why::kWriteWrite:
        return fmt::format("wrote {}, and the next one wrote the version after that", key);
      case Why::kReadWrite:
        return fmt::format("read {} before the next one wrote it: {}", key, Overwrites(edge));
      case Why::kWriteOrder:
        break;
    }
    also_.push_back(edge.by);
    return fmt::format(
        "wrote {} before the next one did: it came before [{}], who read what the "
        "next one wrote{}",
        key, edge.by, Path(edge, edge.from, edge.by));
  }

  std::string Overwrites(const Edge& edge) {
    if (edge.by == HistoryGraph::kNone) return "it found what was there in the beginning";
    also_.push_back(edge.by);
    return fmt::format("it found what [{}] wrote, which the next one replaced{}", edge.by,
                       Path(edge, edge.by, edge.to));
  }

  // How it is known that `first` came before `second`, when the edge was derived from that.
  std::string Path(const Edge& edge, OpId first, OpId second) {
    size_t limit = 0;
    while (limit < graph_.edges().size() && !Same(graph_.edges()[limit], edge)) ++limit;
    const std::vector<Edge> path = graph_.ShortestPath(first, second, limit);
    if (path.empty()) return "";
    std::string text = fmt::format(" ([{}]", first);
    for (const Edge& step : path) {
      if (step.to != second) also_.push_back(step.to);
      text += fmt::format(" {} [{}]", Arrow(step), step.to);
    }
    return text + ")";
  }

  static bool Same(const Edge& a, const Edge& b) {
    return a.from == b.from && a.to == b.to && a.why == b.why && a.key == b.key;
  }

  std::string Arrow(const Edge& edge) const {
    const char* const kWords[] = {"ended before",       "was sent before", "was read by",
                                  "was overwritten by", "read before",     "wrote before"};
    return kWords[static_cast<size_t>(edge.why)];
  }

  const History& history_;
  const HistoryGraph& graph_;
  const std::vector<Edge>& cycle_;
  Violation violation_;
  std::vector<OpId> also_;  // mentioned, but not in the cycle
};

}  // namespace

std::string Describe(const History& history, OpId op) {
  const Operation& operation = history.operations[op];
  std::string accesses;
  for (const Access& access : operation.accesses) {
    if (!accesses.empty()) accesses += ", ";
    accesses += Describe(history, access);
  }
  const char* const kOutcomes[] = {"", ", outcome unknown", ", aborted"};
  return fmt::format("[{}] client {}, {:.3f}..{:.3f} ms{}: {} {{ {} }}", op, operation.client,
                     Millis(history, operation.began), Millis(history, operation.ended),
                     kOutcomes[static_cast<size_t>(operation.outcome)], operation.command,
                     accesses);
}

Violation ReportOperations(const History& history, std::string name, std::string sentence,
                           std::vector<OpId> operations) {
  std::sort(operations.begin(), operations.end(), [&](OpId a, OpId b) {
    return history.operations[a].began < history.operations[b].began;
  });
  operations.erase(std::unique(operations.begin(), operations.end()), operations.end());
  const auto crash = CrashBetween(history, operations.front(), operations.back());
  if (crash.has_value() && name.starts_with("lost")) name = "lost write after a crash";
  std::string text = fmt::format("not strictly serializable: {}\n{}\n", name, sentence);
  for (OpId op : operations) text += "  " + Describe(history, op) + "\n";
  if (crash.has_value()) {
    text += fmt::format("  (kill -9 at {:.3f} ms in between)\n", Millis(history, *crash));
  }
  return {std::move(name), std::move(text), std::move(operations)};
}

Violation ReportCycle(const History& history, const HistoryGraph& graph,
                      const std::vector<Edge>& cycle) {
  return CycleReport(history, graph, cycle).Build();
}

}  // namespace flashdb::e2e
