// Numbers and words as clients write them: strict parsing, and formatting that gives the very
// bytes Redis gives. Everything here is ASCII and independent of the locale's letters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashdb {

/// The whole of `text` as a decimal integer: an optional `-`, then digits without a leading zero.
/// Nothing else passes: no spaces, no `+`, no `-0`, no value outside the type.
std::optional<int64_t> ParseInt64(std::string_view text);
/// The same for unsigned integers: no sign at all.
std::optional<uint64_t> ParseUint64(std::string_view text);

/// The whole of `text` as a floating point number in any form that C's strtold() takes (decimal,
/// exponent, hexadecimal, "inf", "infinity", a leading `+`), but with no leading space. NaN and
/// numbers that overflow or vanish to zero are refused; long doubles of 5120 bytes or more too.
std::optional<long double> ParseLongDouble(std::string_view text);
std::optional<double> ParseDouble(std::string_view text);

/// Enough room for any int64_t or uint64_t in decimal. No zero byte is written.
inline constexpr size_t kMaxIntegerChars = 20;

/// Writes `value` in decimal to `to` (kMaxIntegerChars bytes) and returns how many bytes it took.
size_t FormatInt64(int64_t value, char* to);
size_t FormatUint64(uint64_t value, char* to);
void AppendInt64(std::string& out, int64_t value);
void AppendUint64(std::string& out, uint64_t value);

/// What INCRBYFLOAT stores: never an exponent, up to 17 digits after the point, no trailing zeros,
/// no "-0". Infinities are "inf" and "-inf", NaN is "nan".
std::string FormatLongDouble(long double value);

/// What scores and RESP3 doubles look like: the shortest digits that read back as `value`, "0.1",
/// "3", "1e+20", "1.5e-7", "inf", "-inf", "nan", "-0". Integers up to 2^62 have no exponent.
/// Redis's library (Grisu2) now and then misses the shortest or nearest digits; ours does not, so
/// the last digit of a number with 16 or 17 of them can differ.
std::string FormatDouble(double value);

constexpr char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
std::string ToLower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace flashdb
