#include "commands/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace flashdb {

uint64_t LatencyHistogram::UpperBound(size_t index) {
  if (index < kSub) return index;
  const uint64_t shift = index / kSub - 1;
  return ((kSub + index % kSub + 1) << shift) - 1;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  total_ += other.total_;
  for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
}

uint64_t LatencyHistogram::Percentile(double percent) const {
  if (total_ == 0) return 0;
  const double share = std::ceil(static_cast<double>(total_) * percent / 100);
  const uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(share), 1, total_);
  uint64_t seen = 0;
  size_t index = 0;
  while ((seen += counts_[index]) < wanted) ++index;
  return UpperBound(index);
}

uint64_t LatencyHistogram::CountUpTo(uint64_t value) const {
  uint64_t count = 0;
  for (size_t i = 0; i < kBuckets && UpperBound(i) <= value; ++i) count += counts_[i];
  return count;
}

}  // namespace flashdb
