// How a command ends: Status inside, exit codes outside.
#pragma once

#include <string>

#include "base/status.h"

namespace flashdb::cli {

enum ExitCode : int {
  kExitOk = 0,
  kExitRefused = 1,      // the server, or this machine, said no; the message says why
  kExitUsage = 2,        // InvalidArgument: what the user gave can't be right
  kExitUnreachable = 3,  // Unavailable: no server there, or the connection broke
  kExitTimeout = 4,      // DeadlineExceeded
  kExitInterrupted = 130,
};

/// Cancelled is kExitInterrupted; any code not named above is kExitRefused.
ExitCode ExitCodeOf(const Status& status);

inline Status UsageError(std::string message) { return absl::InvalidArgumentError(message); }

}  // namespace flashdb::cli
