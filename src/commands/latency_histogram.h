// How long the calls of one command took: counts in buckets whose width grows with the time,
// sixteen per power of two (so a bucket's bounds are at most 6.25% apart). The same idea as
// HdrHistogram's.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace flashdb {

/// Counts values (cycles, see base/cycles.h). Not thread-safe.
class LatencyHistogram {
 public:
  void Record(uint64_t value) {
    ++total_;
    ++counts_[IndexOf(value)];
  }
  void Merge(const LatencyHistogram& other);

  uint64_t total() const { return total_; }
  /// The largest value of the bucket in which `percent` (0 to 100) of the values have been reached;
  /// 0 if there is none.
  uint64_t Percentile(double percent) const;
  /// How many values are in buckets that end at or below `value`.
  uint64_t CountUpTo(uint64_t value) const;

 private:
  static constexpr unsigned kSubBits = 4;
  static constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  static constexpr unsigned kMaxBits = 38;  // values above are counted as 2^38 - 1
  static constexpr size_t kBuckets = (kMaxBits - kSubBits + 1) * kSub;

  static size_t IndexOf(uint64_t value) {
    if (value < kSub) return value;
    if (value >> kMaxBits != 0) [[unlikely]] {
      return kBuckets - 1;
    }
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    return (shift + 1) * kSub + (value >> shift) % kSub;
  }
  static uint64_t UpperBound(size_t index);

  uint64_t total_ = 0;
  std::array<uint64_t, kBuckets> counts_{};
};

}  // namespace flashdb
