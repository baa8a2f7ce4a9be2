#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace flashdb {

size_t PercentileBucket(std::span<const uint64_t> counts, uint64_t total, double percent) {
  const double share = std::ceil(static_cast<double>(total) * percent / 100);
  const uint64_t wanted = std::clamp<uint64_t>(static_cast<uint64_t>(share), 1, total);
  uint64_t seen = 0;
  size_t index = 0;
  while ((seen += counts[index]) < wanted) ++index;
  return index;
}

}  // namespace flashdb
