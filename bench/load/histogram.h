// Latencies of one kind of command.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/histogram.h"

namespace flashdb::bench {

/// Counts values (here: nanoseconds) with an error of at most 1 in 128. Not thread-safe.
class Histogram {
 public:
  void Record(uint64_t value) {
    counts_.Record(value);
    if (value > max_) max_ = value;
  }

  uint64_t count() const { return counts_.total(); }
  /// The largest value recorded, exactly; 0 if there is none.
  uint64_t max() const { return max_; }
  /// The upper end of the bucket below which `percent` of 100 of the values are, at most max();
  /// 0 if there is none.
  uint64_t Percentile(double percent) const { return std::min(counts_.Percentile(percent), max_); }
  void Clear() { *this = Histogram(); }

 private:
  LogHistogram<7, 64> counts_;
  uint64_t max_ = 0;
};

}  // namespace flashdb::bench
