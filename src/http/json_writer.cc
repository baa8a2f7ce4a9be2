#include "http/json_writer.h"

#include <emmintrin.h>
#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>

#include "base/base64.h"

namespace flashdb {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

bool NeedsEscape(char c) { return static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\'; }

// How many bytes at the front need no escape.
size_t PlainPrefix(std::string_view text) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i last_control = _mm_set1_epi8(0x1f);
  size_t i = 0;
  for (; i + 16 <= text.size(); i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    const __m128i control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, last_control), last_control);
    const __m128i special =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash));
    const int found = _mm_movemask_epi8(_mm_or_si128(control, special));
    if (found != 0) return i + static_cast<size_t>(std::countr_zero(static_cast<unsigned>(found)));
  }
  while (i < text.size() && !NeedsEscape(text[i])) ++i;
  return i;
}

void AppendEscape(std::string& out, char c) {
  constexpr std::string_view kFrom = "\"\\\b\f\n\r\t";
  constexpr std::string_view kTo = "\"\\bfnrt";
  if (const size_t at = kFrom.find(c); at != std::string_view::npos) {
    out += '\\';
    out += kTo[at];
  } else {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

// The length of the UTF-8 sequence at the front, or 0.
size_t SequenceLength(std::string_view bytes) {
  const auto lead = static_cast<uint8_t>(bytes[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return size <= bytes.size() && IsUtf8(bytes.substr(0, size)) ? size : 0;
}

std::string Repaired(std::string_view bytes) {
  std::string out;
  while (!bytes.empty()) {
    const size_t size = SequenceLength(bytes);
    out.append(size == 0 ? kReplacement : bytes.substr(0, size));
    bytes.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace

bool IsUtf8(std::string_view bytes) { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

void JsonWriter::Quote(std::string_view utf8) {
  out_ += '"';
  while (true) {
    const size_t plain = PlainPrefix(utf8);
    out_.append(utf8.substr(0, plain));
    if (plain == utf8.size()) break;
    AppendEscape(out_, utf8[plain]);
    utf8.remove_prefix(plain + 1);
  }
  out_ += '"';
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  out_.append("\"").append(name).append("\":");
  return *this;
}

JsonWriter& JsonWriter::TextKey(std::string_view name) {
  Text(name);
  return Put(':');
}

JsonWriter& JsonWriter::String(std::string_view utf8) {
  Separate();
  Quote(utf8);
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view bytes) {
  return IsUtf8(bytes) ? String(bytes) : String(Repaired(bytes));
}

JsonWriter& JsonWriter::Base64(std::string_view bytes) {
  Separate();
  out_ += '"';
  AppendBase64(out_, bytes);
  return Put('"');
}

JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  AppendInt64(out_, value);
  return *this;
}

JsonWriter& JsonWriter::Uint(uint64_t value) {
  Separate();
  AppendUint64(out_, value);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return String(FormatDouble(value));
  Separate();
  out_.append(FormatDouble(value));
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) { return Raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_.append(json);
  return *this;
}

JsonWriter& JsonWriter::Time(int64_t unix_millis) { return String(FormatTime(unix_millis)); }

JsonWriter& JsonWriter::BytesMember(std::string_view name, std::string_view bytes) {
  if (IsUtf8(bytes)) return Key(name).String(bytes);
  Separate();
  out_.append("\"").append(name).append("_base64\":");
  return Base64(bytes);
}

// ---- Times -------------------------------------------------------------------------------------

std::string FormatTime(int64_t unix_millis) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::milliseconds> time{
      std::chrono::milliseconds(unix_millis)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string text = "0000-00-00T00:00:00.000Z";
  auto put = [&text](size_t at, size_t digits, uint64_t value) {
    for (size_t i = digits; i > 0; --i, value /= 10) {
      text[at + i - 1] = static_cast<char>('0' + value % 10);
    }
  };
  put(0, 4, static_cast<uint64_t>(std::clamp(static_cast<int>(date.year()), 0, 9999)));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(11, 2, static_cast<uint64_t>(clock.hours().count()));
  put(14, 2, static_cast<uint64_t>(clock.minutes().count()));
  put(17, 2, static_cast<uint64_t>(clock.seconds().count()));
  put(20, 3, static_cast<uint64_t>(clock.subseconds().count()));
  return text;
}

namespace {

// Takes `digits` digits and the separator after them (0: none) off `text`.
std::optional<int> TakeNumber(std::string_view& text, size_t digits, char separator) {
  if (text.size() < digits + (separator == '\0' ? 0 : 1)) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  if (separator == '\0') return value;
  if (ToLower(text[0]) != separator) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

// ".123" at the front, if it is there.
std::optional<int> TakeMillis(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  int millis = 0;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    if (digits < 3) millis = millis * 10 + (text[digits] - '0');
  }
  if (digits == 0) return std::nullopt;
  for (size_t i = digits; i < 3; ++i) millis *= 10;
  text.remove_prefix(digits);
  return millis;
}

// "Z" or "+hh:mm": minutes east of Greenwich.
std::optional<int> TakeZone(std::string_view text) {
  if (EqualsIgnoreCase(text, "z")) return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const std::optional<int> hours = TakeNumber(text, 2, ':');
  const std::optional<int> minutes = TakeNumber(text, 2, '\0');
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 60 + *minutes);
}

}  // namespace

std::optional<int64_t> ParseTime(std::string_view text) {
  if (const std::optional<int64_t> millis = ParseInt64(text)) return millis;
  const auto year = TakeNumber(text, 4, '-');
  const auto month = year ? TakeNumber(text, 2, '-') : std::nullopt;
  const auto day = month ? TakeNumber(text, 2, 't') : std::nullopt;
  const auto hour = day ? TakeNumber(text, 2, ':') : std::nullopt;
  const auto minute = hour ? TakeNumber(text, 2, ':') : std::nullopt;
  const auto second = minute ? TakeNumber(text, 2, '\0') : std::nullopt;
  const auto millis = second ? TakeMillis(text) : std::nullopt;
  const auto zone = millis ? TakeZone(text) : std::nullopt;
  if (!zone || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t minutes = days * 1440 + *hour * 60 + *minute - *zone;
  return (minutes * 60 + *second) * 1000 + *millis;
}

}  // namespace flashdb
