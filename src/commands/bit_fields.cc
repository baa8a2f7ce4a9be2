#include "commands/bit_fields.h"

#include <algorithm>

#include "base/numbers.h"

namespace flashdb {
namespace {

using Wide = __int128;

/// The low bits of `raw` as a number of `type`.
int64_t Interpret(uint64_t raw, BitFieldType type) {
  const unsigned unused = 64 - type.bits;
  if (type.is_signed) return static_cast<int64_t>(raw << unused) >> unused;
  return static_cast<int64_t>(raw << unused >> unused);
}

}  // namespace

std::optional<BitFieldType> ParseBitFieldType(std::string_view text) {
  if (text.empty() || (text[0] != 'i' && text[0] != 'u')) return std::nullopt;
  const bool is_signed = text[0] == 'i';
  const std::optional<int64_t> bits = ParseInt64(text.substr(1));
  if (!bits || *bits < 1 || *bits > (is_signed ? 64 : 63)) return std::nullopt;
  return BitFieldType{is_signed, static_cast<unsigned>(*bits)};
}

FieldWindow OpenWindow(std::string_view bytes, uint64_t offset, BitFieldType type) {
  FieldWindow window;
  window.offset = static_cast<unsigned>(offset % 8);
  window.size = (window.offset + type.bits + 7) / 8;
  const size_t first = static_cast<size_t>(offset / 8);
  if (first < bytes.size()) {
    std::string_view there = bytes.substr(first, window.size);
    std::copy(there.begin(), there.end(), window.bytes);
  }
  return window;
}

int64_t ReadField(const FieldWindow& window, BitFieldType type) {
  uint64_t raw = 0;
  for (unsigned bit = window.offset; bit < window.offset + type.bits; ++bit) {
    raw = raw << 1 | (window.bytes[bit / 8] >> (7 - bit % 8) & 1u);
  }
  return Interpret(raw, type);
}

void WriteField(FieldWindow& window, BitFieldType type, int64_t value) {
  auto raw = static_cast<uint64_t>(value);
  for (unsigned bit = window.offset + type.bits; bit-- > window.offset; raw >>= 1) {
    const unsigned mask = 0x80u >> (bit % 8);
    unsigned byte = window.bytes[bit / 8];
    byte = (raw & 1) != 0 ? byte | mask : byte & ~mask;
    window.bytes[bit / 8] = static_cast<uint8_t>(byte);
  }
}

std::optional<int64_t> FitField(int64_t base, int64_t increment, BitFieldType type,
                                BitOverflow overflow) {
  const Wide start = type.is_signed ? Wide{base} : Wide{static_cast<uint64_t>(base)};
  const Wide sum = start + increment;
  const Wide max = (Wide{1} << (type.is_signed ? type.bits - 1 : type.bits)) - 1;
  const Wide min = type.is_signed ? -max - 1 : Wide{0};
  if (sum >= min && sum <= max) return static_cast<int64_t>(sum);
  switch (overflow) {
    case BitOverflow::kWrap:
      return Interpret(static_cast<uint64_t>(sum), type);
    case BitOverflow::kSaturate:
      return static_cast<int64_t>(sum > max ? max : min);
    case BitOverflow::kFail:
      break;
  }
  return std::nullopt;
}

}  // namespace flashdb
