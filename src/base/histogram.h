// Counts in buckets whose width grows with the value: a power of two is cut into equally wide
// buckets, always the same number of them. Constant memory, constant time per value, a bounded
// relative error. The idea is HdrHistogram's (Gil Tene, public domain).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace flashdb {

/// The bucket in which `percent` (0 to 100) of all that is counted have been reached. `total` is
/// the sum of `counts` and not 0.
size_t PercentileBucket(std::span<const uint64_t> counts, uint64_t total, double percent);

/// 2^kSubBits buckets per power of two: a bucket's bounds are at most one part in 2^kSubBits apart.
/// Values of more than kMaxBits bits count as the largest with as many. Not thread-safe.
template <unsigned kSubBits, unsigned kMaxBits>
class LogHistogram {
 public:
  void Record(uint64_t value) {
    ++total_;
    ++counts_[IndexOf(value)];
  }
  void Merge(const LogHistogram& other) {
    total_ += other.total_;
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
  }

  uint64_t total() const { return total_; }
  /// The largest value of the bucket in which `percent` (0 to 100) of the values have been reached;
  /// 0 if there is none.
  uint64_t Percentile(double percent) const {
    return total_ == 0 ? 0 : UpperBound(PercentileBucket(counts_, total_, percent));
  }
  /// How many values are in buckets that end at or below `value`.
  uint64_t CountUpTo(uint64_t value) const {
    uint64_t count = 0;
    for (size_t i = 0; i < kBuckets && UpperBound(i) <= value; ++i) count += counts_[i];
    return count;
  }

 private:
  static constexpr uint64_t kSub = uint64_t{1} << kSubBits;
  static constexpr uint64_t kMaxValue = ~uint64_t{0} >> (64 - kMaxBits);
  static constexpr size_t kBuckets = (kMaxBits - kSubBits + 1) * kSub;

  static size_t IndexOf(uint64_t value) {
    if (value < kSub) return value;
    if (value > kMaxValue) [[unlikely]] {
      return kBuckets - 1;
    }
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - 1 - kSubBits;
    return (shift + 1) * kSub + (value >> shift) % kSub;
  }
  static uint64_t UpperBound(size_t index) {
    if (index < kSub) return index;
    const uint64_t shift = index / kSub - 1;
    return ((kSub + index % kSub + 1) << shift) - 1;
  }

  uint64_t total_ = 0;
  std::array<uint64_t, kBuckets> counts_{};
};

}  // namespace flashdb
