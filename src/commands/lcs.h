// The longest common subsequence of two byte strings, by the table of all prefixes' answers
// (Wagner and Fischer, 1974). O(a * b) time and memory.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flashdb {

/// A stretch of the subsequence that is contiguous in both strings; bounds are inclusive.
struct LcsMatch {
  uint32_t a_first;
  uint32_t a_last;
  uint32_t b_first;
  uint32_t b_last;
  uint32_t size() const { return a_last - a_first + 1; }
};

class LcsTable {
 public:
  /// Bytes of the table for strings of these sizes, which must be below 2^32 - 2 each.
  static uint64_t BytesFor(size_t a, size_t b) {
    return (uint64_t{a} + 1) * (uint64_t{b} + 1) * sizeof(uint32_t);
  }

  /// The strings must outlive the table.
  LcsTable(std::string_view a, std::string_view b) : a_(a), b_(b) {}
  /// Fills the table; false if there is no memory for it. The rest may be called after it only.
  bool Build();

  uint32_t length() const { return At(a_.size(), b_.size()); }
  /// The stretches of one longest subsequence, the last one first.
  std::vector<LcsMatch> Matches() const;
  /// The subsequence that the stretches make up.
  std::string Text(const std::vector<LcsMatch>& matches) const;

 private:
  uint32_t& At(size_t i, size_t j) { return cells_[i * (b_.size() + 1) + j]; }
  uint32_t At(size_t i, size_t j) const { return cells_[i * (b_.size() + 1) + j]; }

  std::string_view a_;
  std::string_view b_;
  std::unique_ptr<uint32_t[]> cells_;  // [i, j]: the answer for the first i and j bytes
};

}  // namespace flashdb
