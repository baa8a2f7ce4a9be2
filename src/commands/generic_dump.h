// The payload of DUMP and RESTORE. It is FlashDB's own, not Redis's:
//
//   u8 ValueType | image (Keyspace::EncodeValue) | u16 version | u32 CRC-32C of all before
//
// Integers are little-endian. The version counts up when an image changes its meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shards/entry.h"

namespace flashdb::generic {

inline constexpr uint16_t kDumpVersion = 1;

struct DumpedValue {
  uint8_t type;            // of a ValueType, not checked yet
  std::string_view image;  // within the payload
};

/// The payload of `entry`.
std::string EncodeDump(const Entry& entry);
/// Nothing if the payload is too short, of a later version, or its checksum is wrong.
std::optional<DumpedValue> DecodeDump(std::string_view payload);

}  // namespace flashdb::generic
