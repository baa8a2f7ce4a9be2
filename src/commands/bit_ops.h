// Strings as arrays of bits. Bit 0 is the most significant bit of the first byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashdb {

inline bool BitAt(std::string_view bytes, uint64_t bit) {
  return bit / 8 < bytes.size() && ((bytes[bit / 8] >> (7 - bit % 8)) & 1) != 0;
}

/// Counts the ones in bits [first, last]; both must lie within `bytes`, first <= last.
int64_t CountOnes(std::string_view bytes, int64_t first, int64_t last);

/// The first bit in [first, last] that equals `wanted`; -1 if none. Bounds as above.
int64_t FindBit(std::string_view bytes, int64_t first, int64_t last, bool wanted);

enum class BitOperation : uint8_t { kAnd, kOr, kXor, kNot };

/// The operation that `name` names, whatever its letters' case.
std::optional<BitOperation> BitOperationOf(std::string_view name);

void InvertBits(std::string& bytes);
/// Combines `other` into `bytes`; the shorter of both counts as padded with zeros. Not for kNot.
void CombineBits(BitOperation operation, std::string& bytes, std::string_view other);

}  // namespace flashdb
