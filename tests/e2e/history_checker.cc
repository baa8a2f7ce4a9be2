#include "e2e/history_checker.h"

#include <algorithm>

#include "e2e/history_graph.h"
#include "e2e/history_index.h"
#include "e2e/history_report.h"

namespace flashdb::e2e {
namespace {

using Edge = HistoryGraph::Edge;
using Why = HistoryGraph::Why;

class Checker {
 public:
  explicit Checker(const History& history)
      : history_(history), index_(history), graph_(history, index_.included()) {}

  std::optional<Violation> Check() {
    if (index_.violation().has_value()) return index_.violation();
    for (KeyId key = 0; key < history_.keys.size(); ++key) {
      AddVersions(key);
      AddReads(key);
    }
    while (graph_.Sort()) {
      // The second rule only when the first gives nothing new: its reasons are harder to read.
      if (!Derive(&Checker::DeriveOverwritten) && !Derive(&Checker::DeriveWrittenBefore)) {
        return std::nullopt;
      }
    }
    return ReportCycle(history_, graph_, graph_.Cycle());
  }

 private:
  void AddUnlessSame(const Edge& edge) {
    if (edge.from != edge.to) graph_.Add(edge);
  }

  // The known order of versions of logs and counters.
  void AddVersions(KeyId key) {
    const auto& versions = index_.versions(key);
    for (auto at = versions.begin(); at != versions.end(); ++at) {
      if (at == versions.begin()) continue;
      AddUnlessSame({std::prev(at)->second, at->second, Why::kWriteWrite, key});
    }
  }

  void AddReads(KeyId key) {
    const auto& versions = index_.versions(key);
    for (const HistoryIndex::Read& read : index_.reads(key)) {
      if (read.writer != HistoryGraph::kNone) {
        AddUnlessSame({read.writer, read.op, Why::kWriteRead, key});
      }
      if (!index_.ordered(key)) continue;
      const auto next = versions.upper_bound(read.version);
      if (next == versions.end()) continue;
      AddUnlessSame({read.op, next->second, Why::kReadWrite, key, read.writer});
    }
  }

  using Rule = void (Checker::*)(KeyId, const HistoryIndex::Read&, const std::vector<OpId>&);

  // What follows for registers from the paths found so far; whether anything does. Of each client
  // it is enough to look at one write, as its others come before or after that.
  bool Derive(Rule rule) {
    const size_t before = graph_.edges().size();
    for (KeyId key = 0; key < history_.keys.size(); ++key) {
      if (index_.ordered(key)) continue;
      const std::vector<std::vector<OpId>> writers = WritersByChain(key);
      for (const HistoryIndex::Read& read : index_.reads(key)) {
        for (const std::vector<OpId>& chain : writers) (this->*rule)(key, read, chain);
      }
    }
    return graph_.edges().size() != before;
  }

  std::vector<std::vector<OpId>> WritersByChain(KeyId key) const {
    std::vector<std::vector<OpId>> writers(graph_.chains());
    for (OpId op : index_.writers(key)) writers[graph_.chain_of(op)].push_back(op);
    std::erase_if(writers, [](const std::vector<OpId>& chain) { return chain.empty(); });
    return writers;
  }

  // The first write after the one that was read comes after the reader.
  void DeriveOverwritten(KeyId key, const HistoryIndex::Read& read,
                         const std::vector<OpId>& chain) {
    const bool initial = read.writer == HistoryGraph::kNone;
    auto first = std::partition_point(chain.begin(), chain.end(), [&](OpId op) {
      return !initial && !graph_.Before(read.writer, op);
    });
    if (first != chain.end() && *first == read.op) ++first;
    if (first == chain.end() || graph_.Before(read.op, *first)) return;
    graph_.Add({read.op, *first, Why::kReadWrite, key, read.writer});
  }

  // The last write before the reader comes before the one that was read.
  void DeriveWrittenBefore(KeyId key, const HistoryIndex::Read& read,
                           const std::vector<OpId>& chain) {
    if (read.writer == HistoryGraph::kNone) return;
    auto after = std::partition_point(chain.begin(), chain.end(),
                                      [&](OpId op) { return graph_.Before(op, read.op); });
    if (after == chain.begin()) return;
    const OpId last = *std::prev(after);
    if (last == read.writer || graph_.Before(last, read.writer)) return;
    graph_.Add({last, read.writer, Why::kWriteOrder, key, read.op});
  }

  const History& history_;
  const HistoryIndex index_;
  HistoryGraph graph_;
};

}  // namespace

std::optional<Violation> FindViolation(const History& history) { return Checker(history).Check(); }

}  // namespace flashdb::e2e
