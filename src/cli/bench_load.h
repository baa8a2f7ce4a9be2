// The load of flashq bench: many connections that do one thing, and what was measured.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "cli/api_client.h"
#include "cli/json.h"

namespace flashdb::cli {

/// Microseconds, to about 1 %.
using LatencyHistogram = LogHistogram<7, 40>;

struct LoadResult {
  uint64_t records = 0;
  uint64_t requests = 0;
  uint64_t bytes = 0;  // of the records' values
  double seconds = 0;
  LatencyHistogram latency;

  double records_per_second() const { return seconds > 0 ? records / seconds : 0; }
  double bytes_per_second() const { return seconds > 0 ? bytes / seconds : 0; }
  Json ToJson() const;
};

/// Records of one request; 0: the work is done.
using LoadStep = std::function<StatusOr<uint64_t>(ApiClient&)>;

struct LoadOptions {
  ApiOptions api;
  uint64_t record_bytes = 0;
  std::optional<double> seconds;  // stop then, whatever is left
  /// Called now and then from the caller's thread with what is done so far; may be empty.
  std::function<void(uint64_t records, double seconds)> progress;
};

/// Runs a thread with a connection of its own for each step of `steps`, until all are done, the
/// time is over, an Interrupt is requested, or one has failed: the first error is returned.
StatusOr<LoadResult> RunLoad(const LoadOptions& options, std::vector<LoadStep> steps);

}  // namespace flashdb::cli
