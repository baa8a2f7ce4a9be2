// How long the calls of one command took.
#pragma once

#include "base/histogram.h"

namespace flashdb {

/// Counts cycles (see base/cycles.h): bounds at most 6.25% apart, up to 2^38 - 1 cycles.
using LatencyHistogram = LogHistogram<4, 38>;

}  // namespace flashdb
