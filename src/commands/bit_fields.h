// Integers of 1 to 64 bits at any bit of a string, as BITFIELD has them: big-endian, bit 0 is the
// most significant bit of the first byte.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace flashdb {

/// "i" or "u" and the number of bits: i1 to i64, u1 to u63.
struct BitFieldType {
  bool is_signed;
  unsigned bits;
};

/// Nothing if `text` names no type.
std::optional<BitFieldType> ParseBitFieldType(std::string_view text);

/// The bytes that a field touches; a field of 64 bits may straddle 9.
inline constexpr size_t kMaxFieldBytes = 9;
struct FieldWindow {
  uint8_t bytes[kMaxFieldBytes] = {};
  size_t size;      // of them that belong to the field
  unsigned offset;  // of the field, in bits from bytes[0]
};

/// Copies what surrounds the field at bit `offset`; what lies beyond the end counts as zeros.
FieldWindow OpenWindow(std::string_view bytes, uint64_t offset, BitFieldType type);
int64_t ReadField(const FieldWindow& window, BitFieldType type);
void WriteField(FieldWindow& window, BitFieldType type, int64_t value);

enum class BitOverflow : uint8_t { kWrap, kSaturate, kFail };

/// What is stored for `base` + `increment` in a field of `type`; nothing if it does not fit and
/// `overflow` says to fail. An unsigned field takes a negative `base` for its two's complement.
std::optional<int64_t> FitField(int64_t base, int64_t increment, BitFieldType type,
                                BitOverflow overflow);

}  // namespace flashdb
