// What the load generator prints.
#pragma once

#include <optional>
#include <string>

#include "bench/load/client.h"

namespace flashdb::bench {

struct LoadResult {
  std::optional<PhaseTimes> fill;
  std::optional<PhaseTimes> run;
};

/// One JSON object with a line end. Latencies are in microseconds, CPU use in cores (1 is one core
/// fully used).
std::string JsonReport(const LoadOptions& options, const LoadClient& client,
                       const LoadResult& result);
/// The same for people.
std::string TextReport(const LoadClient& client, const LoadResult& result);

}  // namespace flashdb::bench
