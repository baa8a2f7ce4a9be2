// Just enough of Redis's protocol for the demo to run a transaction as redis-cli would.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace flashdb::cli {

/// Sends the commands at once to 127.0.0.1 and returns their replies, each as redis-cli prints it.
/// Unavailable if the connection breaks, or nothing comes for ten seconds.
StatusOr<std::vector<std::string>> RunRedisCommands(
    uint16_t port, const std::vector<std::vector<std::string>>& commands);

/// One reply at `*at` of `bytes`, as redis-cli prints it, indented by `indent`; `*at` moves behind
/// it. OutOfRange if `bytes` end before it does, DataLoss if it is no RESP2 reply.
StatusOr<std::string> PrintableReply(std::string_view bytes, size_t* at, size_t indent = 0);

}  // namespace flashdb::cli
