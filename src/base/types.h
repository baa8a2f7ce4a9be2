// Ids shared by all layers.
#pragma once

#include <cstdint>

namespace flashdb {

/// Index of a shard (= core = event loop), 0 .. shards-1.
using ShardId = uint16_t;

/// Redis Cluster slot of a key, 0 .. kSlotCount-1.
using SlotId = uint16_t;
inline constexpr uint32_t kSlotCount = 16384;

/// Log sequence number: counts the records of one shard's log. 0 means "before the first record".
using Lsn = uint64_t;

/// Place of a multi-shard transaction in the sequencer's global order. 0 means "none".
using TxnId = uint64_t;

/// Wall-clock time in milliseconds since the Unix epoch.
using UnixMillis = int64_t;

/// Number of logical databases (SELECT 0 .. 15).
inline constexpr uint32_t kDatabaseCount = 16;

}  // namespace flashdb
