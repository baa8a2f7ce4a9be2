// The slow log's way in; SLOWLOG reads it from all shards.
#pragma once

#include <cstdint>

#include "commands/engine.h"

namespace flashdb {

/// Notes a command that took `micros` on this shard, if slowlog-log-slower-than says so. Arguments
/// are shortened as in Redis (32 arguments, 128 bytes each); passwords are left out. Costs one
/// comparison for a command that is fast enough.
void NoteIfSlow(Engine& engine, const Session& session, ArgView args, uint64_t micros);

}  // namespace flashdb
