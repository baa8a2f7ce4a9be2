// Walking the keys of all shards slot by slot: the parts of SCAN, KEYS and RANDOMKEY that are plain
// functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "commands/command.h"

namespace flashdb::generic {

/// Where a walk goes on: slots before `slot` are done. `slot` == kSlotCount is the end.
struct ScanPosition {
  uint32_t slot = 0;
  uint64_t slot_cursor = 0;  // of Keyspace::ScanSlot; 0 = the slot's beginning

  bool done() const { return slot >= kSlotCount; }
  bool operator==(const ScanPosition&) const = default;
};

/// SCAN's cursor: the slot in bits 48..61 above the slot's own cursor. The end is 0, as is the
/// beginning, so a walk that was begun with 0 ends with 0.
uint64_t PackScanCursor(ScanPosition position);
/// Nothing if no walk can have given out this cursor.
std::optional<ScanPosition> UnpackScanCursor(uint64_t cursor);

/// What SCAN and KEYS let pass.
struct ScanFilter {
  std::string_view pattern = "*";
  std::string_view type;  // a type's name in any case; empty: all types

  bool Passes(const Entry& entry) const;
};

struct ScanOptions {
  size_t count = 10;
  ScanFilter filter;
};

/// More than this is never looked at in one visit of a shard, whatever COUNT says, so that no
/// client can stall an event loop for more than a few milliseconds.
inline constexpr size_t kMaxScanCount = 16384;

/// Nor are more slots walked in one visit once so many bytes of names have been found.
inline constexpr size_t kMaxScanBytes = size_t{256} << 10;

/// Parses SCAN's options (what follows the cursor) or writes an error.
std::optional<ScanOptions> ParseScanOptions(ArgView options, ReplyWriter& reply);

struct ScanPage {
  std::string encoded;  // the names that pass, as bulk strings
  size_t names = 0;
  size_t seen = 0;  // keys looked at
  ScanPosition next;
};

/// Walks on from `from`, whose slot `keys` owns, until about `count` keys have been looked at or
/// the shard's last slot is done. Empty slots cost next to nothing: there are at most 16384.
ScanPage ScanShard(Keyspace& keys, uint32_t db, ScanPosition from, const ScanFilter& filter,
                   size_t count);

/// The index that `point`, 0 <= point < sum of `weights`, falls on.
size_t PickWeighted(std::span<const size_t> weights, uint64_t point);

}  // namespace flashdb::generic
