#include "base/numbers.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "base/check.h"

namespace flashdb {
namespace {

/// Redis reads and writes long doubles through buffers of this size. The longest text we format is
/// "-", 4933 digits, "." and 17 digits.
constexpr size_t kLongDoubleChars = 5 * 1024;

/// strtod() or strtold() on the whole of `text`, with Redis's rules on what counts as a failure.
template <typename Float>
std::optional<Float> ParseWithLibc(std::string_view text, Float (*parse)(const char*, char**)) {
  if (text.empty() || std::isspace(static_cast<unsigned char>(text[0]))) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const Float value = parse(terminated.c_str(), &end);
  if (static_cast<size_t>(end - terminated.c_str()) != text.size()) return std::nullopt;
  if (std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

/// The significant digits of a finite number other than 0: value = digits * 10^exponent.
struct Decimal {
  std::string digits;
  int exponent;
};

Decimal ShortestDecimal(double positive) {
  char text[32] = {};
  const auto result =
      std::to_chars(text, text + sizeof(text) - 1, positive, std::chars_format::scientific);
  FLASHDB_CHECK(result.ec == std::errc());
  const std::string_view whole(text, static_cast<size_t>(result.ptr - text));
  const size_t e = whole.find('e');
  Decimal decimal{std::string(whole.substr(0, e)), std::atoi(text + e + 1)};
  if (decimal.digits.size() > 1) decimal.digits.erase(1, 1);
  decimal.exponent -= static_cast<int>(decimal.digits.size()) - 1;
  return decimal;
}

std::string Scientific(const Decimal& decimal, int power) {
  std::string out = decimal.digits;
  if (out.size() > 1) out.insert(1, ".");
  out += power < 0 ? "e-" : "e+";
  AppendInt64(out, std::abs(power));
  return out;
}

/// Which numbers get an exponent is fpconv's choice (the library that Redis formats doubles with),
/// which clients can see: few zeros at the end, or few digits after the point, are written out.
std::string Layout(const Decimal& decimal) {
  const int digits = static_cast<int>(decimal.digits.size());
  const int exponent = decimal.exponent;
  const int power = exponent + digits - 1;
  if (exponent >= 0 && exponent < 8) return decimal.digits + std::string(exponent, '0');
  if (exponent < 0 && (exponent > -7 || std::abs(power) < 4)) {
    const int before_point = digits + exponent;
    if (before_point <= 0) return "0." + std::string(-before_point, '0') + decimal.digits;
    return std::string(decimal.digits).insert(before_point, ".");
  }
  return Scientific(decimal, power);
}

}  // namespace

std::optional<uint64_t> ParseUint64(std::string_view text) {
  if (text.empty() || text.size() > kMaxIntegerChars) return std::nullopt;
  if (text[0] == '0' && text.size() > 1) return std::nullopt;
  uint64_t value = 0;
  for (char c : text) {
    const auto digit = static_cast<unsigned char>(c - '0');
    if (digit > 9) return std::nullopt;
    if (__builtin_mul_overflow(value, 10, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, digit, &value)) return std::nullopt;
  }
  return value;
}

std::optional<int64_t> ParseInt64(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  const std::optional<uint64_t> size = ParseUint64(text.substr(negative ? 1 : 0));
  if (!size.has_value()) return std::nullopt;
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!negative) {
    if (*size > kMax) return std::nullopt;
    return static_cast<int64_t>(*size);
  }
  if (*size == 0 || *size > kMax + 1) return std::nullopt;
  return static_cast<int64_t>(~*size + 1);
}

std::optional<long double> ParseLongDouble(std::string_view text) {
  if (text.size() >= kLongDoubleChars) return std::nullopt;
  return ParseWithLibc<long double>(text, std::strtold);
}

std::optional<double> ParseDouble(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (result.ec == std::errc() && result.ptr == end && !std::isnan(value)) return value;
  return ParseWithLibc<double>(text, std::strtod);
}

size_t FormatInt64(int64_t value, char* to) {
  return static_cast<size_t>(std::to_chars(to, to + kMaxIntegerChars, value).ptr - to);
}

size_t FormatUint64(uint64_t value, char* to) {
  return static_cast<size_t>(std::to_chars(to, to + kMaxIntegerChars, value).ptr - to);
}

void AppendInt64(std::string& out, int64_t value) {
  char digits[kMaxIntegerChars];
  out.append(digits, FormatInt64(value, digits));
}

void AppendUint64(std::string& out, uint64_t value) {
  char digits[kMaxIntegerChars];
  out.append(digits, FormatUint64(value, digits));
}

std::string FormatLongDouble(long double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char text[kLongDoubleChars];
  const int length = std::snprintf(text, sizeof(text), "%.17Lf", value);
  FLASHDB_CHECK(length > 0 && static_cast<size_t>(length) < sizeof(text));
  std::string_view trimmed(text, static_cast<size_t>(length));
  while (trimmed.back() == '0') trimmed.remove_suffix(1);
  if (trimmed.back() == '.') trimmed.remove_suffix(1);
  return trimmed == "-0" ? "0" : std::string(trimmed);
}

std::string FormatDouble(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  constexpr double kExactLimit = 4611686018427387904.0;  // 2^62
  if (std::abs(value) <= kExactLimit && value == std::trunc(value)) {
    std::string out;
    AppendInt64(out, static_cast<int64_t>(value));
    return out;
  }
  std::string out = Layout(ShortestDecimal(std::abs(value)));
  if (value < 0) out.insert(out.begin(), '-');
  return out;
}

std::string ToLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = ToLower(c);
  return out;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ToLower(x) == ToLower(y); });
}

}  // namespace flashdb
