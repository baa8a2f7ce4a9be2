#include "bench/load/histogram.h"

#include <algorithm>
#include <cmath>

namespace flashdb::bench {

uint64_t Histogram::UpperEnd(size_t index) {
  if (index < kSteps) return index;
  // Inverts IndexOf: the leading step of a bucket is in [kSteps / 2, kSteps).
  uint64_t shift = index / (kSteps / 2) - 1;
  uint64_t step = index % (kSteps / 2) + kSteps / 2;
  return ((step + 1) << shift) - 1;
}

uint64_t Histogram::Percentile(double percent) const {
  auto wanted = static_cast<uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_)));
  wanted = std::clamp<uint64_t>(wanted, 1, std::max<uint64_t>(count_, 1));
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) return std::min(UpperEnd(i), max_);
  }
  return 0;
}

}  // namespace flashdb::bench
