// The demo's eighth step: the server is killed while it takes records.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "cli/api_client.h"
#include "cli/demo/screen.h"
#include "cli/demo/server.h"

namespace flashdb::cli {

struct CrashReport {
  int64_t acknowledged = 0;  // records that the topic must have, those before the step included
  int64_t found = 0;         // records that it has after the restart
};

/// Appends records one at a time for a second or so, kills the server in the middle, starts it
/// again and counts. Afterwards the server runs.
StatusOr<CrashReport> KillWhileProducing(Screen& screen, DemoServer& server,
                                         const ApiOptions& options, const std::string& topic);

}  // namespace flashdb::cli
