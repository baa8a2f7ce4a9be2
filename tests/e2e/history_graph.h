// The order of a history's operations: a graph of who comes before whom, with a fast answer to "is
// there a path", and the shortest cycle if there is one.
//
// Real time would need an edge for each pair of operations one of which ended before the other
// began. Instead there is a node for each end, in a chain: an operation leads to the node of its
// end, and the last end before its beginning leads to it.
// Paths: each client's operations are a chain, so the operations that lead to a node are a prefix
// of each chain, and one number per client and node says which (a vector clock).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "e2e/history.h"

namespace flashdb::e2e {

class HistoryGraph {
 public:
  enum class Why : uint8_t {
    kRealTime,    // ended before the other began
    kSession,     // the same client sent it earlier
    kWriteRead,   // the other read its value of `key`
    kWriteWrite,  // the other wrote the next version of `key`
    kReadWrite,   // the other overwrote the version of `key` that it read, which `by` wrote
    kWriteOrder,  // wrote `key` before the other did: it comes before `by`, who read the other's
  };
  static constexpr OpId kNone = UINT32_MAX;

  struct Edge {
    uint32_t from;
    uint32_t to;
    Why why;
    KeyId key = 0;
    OpId by = kNone;
  };

  /// With the edges of real time and of sessions between those operations for which `included` is
  /// true. The history must stay.
  HistoryGraph(const History& history, const std::vector<bool>& included);

  void Add(Edge edge) { edges_.push_back(edge); }
  const std::vector<Edge>& edges() const { return edges_; }

  /// Brings Before() up to date with all edges. False if there is a cycle.
  bool Sort();
  /// After a Sort() that was true: whether there is a path. Not of an operation to itself.
  bool Before(OpId first, OpId second) const {
    return first != second && Reach(second, chain_of_[first]) > place_of_[first];
  }
  uint32_t chains() const { return static_cast<uint32_t>(chain_sizes_.size()); }
  uint32_t chain_of(OpId op) const { return chain_of_[op]; }
  /// Position among the included operations of its client.
  uint32_t place_of(OpId op) const { return place_of_[op]; }
  /// How many of the chain's operations come before `op` (counting itself).
  uint32_t Reach(uint32_t node, uint32_t chain) const { return clocks_[node * chains() + chain]; }

  /// A path from one operation to another with the fewest operations, of edges with an index below
  /// `edge_limit`; kRealTime edges are merged into one. Empty if there is none. From an operation
  /// to itself: a cycle.
  std::vector<Edge> ShortestPath(OpId from, OpId to, size_t edge_limit) const;
  /// The shortest cycle, or one nearly so. Must not be called if there is none.
  std::vector<Edge> Cycle() const;

 private:
  bool IsOperation(uint32_t node) const { return node < operations_; }
  void AddSessions(const std::vector<bool>& included);
  void AddRealTime(const std::vector<bool>& included);
  void IndexEdges();
  std::vector<OpId> Core() const;

  const History& history_;
  const uint32_t operations_;
  uint32_t nodes_;
  std::vector<Edge> edges_;
  std::vector<uint32_t> chain_of_;
  std::vector<uint32_t> place_of_;
  std::vector<uint32_t> chain_sizes_;
  // Edges by their first node: those of node n are out_[first_out_[n]] to out_[first_out_[n + 1]].
  std::vector<uint32_t> first_out_;
  std::vector<uint32_t> out_;
  std::vector<uint32_t> clocks_;
  std::vector<uint32_t> left_;  // incoming edges that Sort() could not take away
};

}  // namespace flashdb::e2e
