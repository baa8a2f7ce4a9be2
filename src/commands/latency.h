// The latency monitor's way in; LATENCY reads it from all shards.
#pragma once

#include <cstdint>
#include <string_view>

#include "commands/engine.h"

namespace flashdb {

/// Notes that `event` ("command", "event-loop", "log-commit") kept this shard busy for `millis`, if
/// latency-monitor-threshold is set and reached. Keeps 160 samples per event, at most one a second.
void NoteLatency(Engine& engine, std::string_view event, uint32_t millis);

}  // namespace flashdb
