#include "e2e/history_graph.h"

#include <algorithm>
#include <deque>
#include <map>

#include "base/check.h"

namespace flashdb::e2e {
namespace {

// Cycle() looks for the shortest one through so many operations.
constexpr size_t kCandidates = 100;

}  // namespace

HistoryGraph::HistoryGraph(const History& history, const std::vector<bool>& included)
    : history_(history),
      operations_(static_cast<uint32_t>(history.operations.size())),
      nodes_(operations_),
      chain_of_(operations_),
      place_of_(operations_) {
  AddSessions(included);
  AddRealTime(included);
}

void HistoryGraph::AddSessions(const std::vector<bool>& included) {
  std::map<uint32_t, uint32_t> chains;  // by client
  std::vector<OpId> last;
  for (OpId op = 0; op < operations_; ++op) {
    if (!included[op]) continue;
    const auto [at, fresh] = chains.try_emplace(history_.operations[op].client, chains.size());
    if (fresh) {
      last.push_back(op);
      chain_sizes_.push_back(0);
    } else {
      Add({last[at->second], op, Why::kSession});
    }
    last[at->second] = op;
    chain_of_[op] = at->second;
    place_of_[op] = chain_sizes_[at->second]++;
  }
}

void HistoryGraph::AddRealTime(const std::vector<bool>& included) {
  std::vector<OpId> by_end;
  for (OpId op = 0; op < operations_; ++op) {
    if (included[op]) by_end.push_back(op);
  }
  auto ended = [this](OpId op) { return history_.operations[op].ended; };
  std::sort(by_end.begin(), by_end.end(),
            [&](OpId a, OpId b) { return std::pair(ended(a), a) < std::pair(ended(b), b); });
  nodes_ = operations_ + static_cast<uint32_t>(by_end.size());
  for (uint32_t i = 0; i < by_end.size(); ++i) {
    const uint32_t node = operations_ + i;
    Add({by_end[i], node, Why::kRealTime});
    if (i > 0) Add({node - 1, node, Why::kRealTime});
  }
  for (OpId op : by_end) {
    const auto later =
        std::lower_bound(by_end.begin(), by_end.end(), history_.operations[op].began,
                         [&](OpId other, int64_t began) { return ended(other) < began; });
    if (later == by_end.begin()) continue;
    Add({operations_ + static_cast<uint32_t>(later - by_end.begin()) - 1, op, Why::kRealTime});
  }
}

void HistoryGraph::IndexEdges() {
  first_out_.assign(nodes_ + 1, 0);
  for (const Edge& edge : edges_) ++first_out_[edge.from + 1];
  for (uint32_t node = 0; node < nodes_; ++node) first_out_[node + 1] += first_out_[node];
  out_.resize(edges_.size());
  std::vector<uint32_t> next = first_out_;
  for (uint32_t i = 0; i < edges_.size(); ++i) out_[next[edges_[i].from]++] = i;
}

bool HistoryGraph::Sort() {
  IndexEdges();
  left_.assign(nodes_, 0);
  for (const Edge& edge : edges_) ++left_[edge.to];
  clocks_.assign(size_t{nodes_} * chains(), 0);
  std::vector<uint32_t> ready;
  for (uint32_t node = 0; node < nodes_; ++node) {
    if (left_[node] == 0) ready.push_back(node);
  }
  size_t sorted = 0;
  for (; !ready.empty(); ++sorted) {
    const uint32_t node = ready.back();
    ready.pop_back();
    uint32_t* const clock = &clocks_[size_t{node} * chains()];
    // An operation that takes no part has no edges, and a clock that nobody asks for.
    if (IsOperation(node) && chains() > 0) {
      clock[chain_of_[node]] = std::max(clock[chain_of_[node]], place_of_[node] + 1);
    }
    for (uint32_t i = first_out_[node]; i < first_out_[node + 1]; ++i) {
      const uint32_t to = edges_[out_[i]].to;
      uint32_t* const theirs = &clocks_[size_t{to} * chains()];
      for (uint32_t c = 0; c < chains(); ++c) theirs[c] = std::max(theirs[c], clock[c]);
      if (--left_[to] == 0) ready.push_back(to);
    }
  }
  return sorted == nodes_;
}

std::vector<HistoryGraph::Edge> HistoryGraph::ShortestPath(OpId from, OpId to,
                                                           size_t edge_limit) const {
  constexpr uint32_t kUnseen = UINT32_MAX;
  std::vector<uint32_t> came_by(nodes_, kUnseen);  // the edge
  std::vector<uint32_t> hops(nodes_, kUnseen);
  std::deque<uint32_t> queue = {from};
  while (!queue.empty() && came_by[to] == kUnseen) {
    const uint32_t node = queue.front();
    queue.pop_front();
    const uint32_t here = node == from ? 0 : hops[node];
    for (uint32_t i = first_out_[node]; i < first_out_[node + 1]; ++i) {
      const Edge& edge = edges_[out_[i]];
      // Ends cost nothing, operations one.
      const uint32_t cost = here + (IsOperation(edge.to) ? 1 : 0);
      if (out_[i] >= edge_limit || cost >= hops[edge.to]) continue;
      hops[edge.to] = cost;
      came_by[edge.to] = out_[i];
      IsOperation(edge.to) ? queue.push_back(edge.to) : queue.push_front(edge.to);
    }
  }
  std::vector<Edge> path;
  if (came_by[to] == kUnseen) return path;
  uint32_t node = to;
  do {
    Edge edge = edges_[came_by[node]];
    while (!IsOperation(edge.from)) edge.from = edges_[came_by[edge.from]].from;
    path.push_back(edge);
    node = edge.from;
  } while (node != from);
  std::reverse(path.begin(), path.end());
  return path;
}

std::vector<OpId> HistoryGraph::Core() const {
  // What Sort() could not take away, less what leads to no cycle.
  std::vector<std::vector<uint32_t>> into(nodes_);
  std::vector<uint32_t> leaves_to(nodes_, 0);
  for (const Edge& edge : edges_) {
    if (left_[edge.from] == 0 || left_[edge.to] == 0) continue;
    into[edge.to].push_back(edge.from);
    ++leaves_to[edge.from];
  }
  std::vector<uint32_t> ready;
  for (uint32_t node = 0; node < nodes_; ++node) {
    if (left_[node] > 0 && leaves_to[node] == 0) ready.push_back(node);
  }
  std::vector<bool> out(nodes_, false);
  while (!ready.empty()) {
    const uint32_t node = ready.back();
    ready.pop_back();
    out[node] = true;
    for (uint32_t before : into[node]) {
      if (--leaves_to[before] == 0) ready.push_back(before);
    }
  }
  std::vector<OpId> core;
  for (OpId op = 0; op < operations_; ++op) {
    if (left_[op] > 0 && !out[op]) core.push_back(op);
  }
  return core;
}

std::vector<HistoryGraph::Edge> HistoryGraph::Cycle() const {
  std::vector<OpId> core = Core();
  std::sort(core.begin(), core.end(), [this](OpId a, OpId b) {
    return history_.operations[a].began < history_.operations[b].began;
  });
  std::vector<Edge> best;
  size_t tried = 0;
  for (OpId op : core) {
    if ((tried++ >= kCandidates && !best.empty()) || best.size() == 2) break;
    std::vector<Edge> cycle = ShortestPath(op, op, edges_.size());
    if (!cycle.empty() && (best.empty() || cycle.size() < best.size())) best = std::move(cycle);
  }
  FLASHDB_CHECK(!best.empty(), "no cycle in a graph that could not be sorted");
  return best;
}

}  // namespace flashdb::e2e
