// Key to slot, as Redis Cluster does it: CRC16 (XMODEM) of the key, or of its first non-empty
// `{tag}`, modulo 16384. Source: Redis Cluster specification, "Key distribution model".
#pragma once

#include <string_view>

#include "base/types.h"

namespace flashdb {

/// CRC-16/XMODEM: polynomial 0x1021, initial value 0, no reflection, no final xor.
uint16_t Crc16(std::string_view bytes);

/// The slot of `key`, 0 .. 16383.
SlotId SlotOf(std::string_view key);

/// The first slot of `shard` among `shards`; shard `s` owns [FirstSlot(s), FirstSlot(s + 1)).
constexpr uint32_t FirstSlot(uint32_t shard, uint32_t shards) {
  return static_cast<uint32_t>((static_cast<uint64_t>(shard) * kSlotCount + shards - 1) / shards);
}

/// The shard that owns `slot` among `shards`.
constexpr ShardId OwnerOf(SlotId slot, uint32_t shards) {
  return static_cast<ShardId>(static_cast<uint64_t>(slot) * shards / kSlotCount);
}

}  // namespace flashdb
