// CRC-32C (Castagnoli, RFC 3720), computed by ISA-L with the processor's instructions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace flashdb {

/// The CRC of `bytes`, continuing from `crc`, the CRC of the bytes before (0 at the beginning).
uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc = 0);
inline uint32_t Crc32c(std::string_view bytes) {
  return Crc32c({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

}  // namespace flashdb
