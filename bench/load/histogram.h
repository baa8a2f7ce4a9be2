// Latencies in logarithmic buckets with linear steps inside, after HdrHistogram (Gil Tene, public
// domain): constant memory, constant time per value, and an error of at most 1 in 128.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace flashdb::bench {

/// Counts non-negative values (here: nanoseconds). Not thread-safe.
class Histogram {
 public:
  void Record(uint64_t value) {
    ++counts_[IndexOf(value)];
    ++count_;
    if (value > max_) max_ = value;
  }

  uint64_t count() const { return count_; }
  /// The largest value recorded, exactly; 0 if there is none.
  uint64_t max() const { return max_; }
  /// The upper end of the bucket below which `percent` of 100 of the values are, at most max();
  /// 0 if there is none.
  uint64_t Percentile(double percent) const;
  void Clear() { *this = Histogram(); }

 private:
  // Values below kSteps have a bucket each; above, every power of two has kSteps / 2 of them.
  static constexpr int kStepBits = 8;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr size_t kBuckets = (64 - kStepBits + 2) * (kSteps / 2);

  static size_t IndexOf(uint64_t value) {
    if (value < kSteps) return static_cast<size_t>(value);
    int shift = std::bit_width(value) - kStepBits;
    return static_cast<size_t>(shift) * (kSteps / 2) + static_cast<size_t>(value >> shift);
  }
  static uint64_t UpperEnd(size_t index);

  std::array<uint64_t, kBuckets> counts_{};
  uint64_t count_ = 0;
  uint64_t max_ = 0;
};

}  // namespace flashdb::bench
