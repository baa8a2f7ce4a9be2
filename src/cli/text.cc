#include "cli/text.h"

#include <fmt/chrono.h>
#include <time.h>

#include <array>
#include <cstdio>

#include "base/base64.h"
#include "base/numbers.h"

namespace flashdb::cli {
namespace {

struct Unit {
  std::string_view name;
  int64_t millis;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

bool IsContinuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

std::optional<int64_t> ParseAge(std::string_view text) {
  for (const Unit& unit : {kUnits[4], kUnits[0], kUnits[1], kUnits[2], kUnits[3]}) {
    if (!text.ends_with(unit.name)) continue;
    auto count = ParseInt64(text.substr(0, text.size() - unit.name.size()));
    int64_t millis = 0;
    if (!count || *count < 0 || __builtin_mul_overflow(*count, unit.millis, &millis)) return {};
    return millis;
  }
  return {};
}

// The offset of a zone such as "Z", "+02:00" or "-0530" in minutes.
std::optional<int> ParseZone(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  if (text[0] != '+' && text[0] != '-') return {};
  std::string digits;
  for (char c : text.substr(1)) {
    if (c != ':') digits += c;
  }
  if (digits.size() != 4 || digits.find_first_not_of("0123456789") != std::string::npos) return {};
  const int minutes = std::stoi(digits.substr(0, 2)) * 60 + std::stoi(digits.substr(2));
  return text[0] == '-' ? -minutes : minutes;
}

std::optional<UnixMillis> ParseIso(const std::string& text) {
  tm parts{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%d", &parts);
  if (rest == nullptr) return {};
  if (*rest == 'T' || *rest == ' ') {
    const char* clock = strptime(rest + 1, "%H:%M:%S", &parts);
    rest = clock != nullptr ? clock : strptime(rest + 1, "%H:%M", &parts);
    if (rest == nullptr) return {};
  }
  int64_t millis = 0;
  if (*rest == '.') {
    int64_t scale = 100;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10) millis += (*rest - '0') * scale;
  }
  auto zone = ParseZone(rest);
  if (!zone) return {};
  return (timegm(&parts) - *zone * 60) * 1000 + millis;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  AppendBase64(text, bytes);
  return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  return flashdb::DecodeBase64(text);
}

size_t Utf8Length(std::string_view text) {
  if (text.empty()) return 0;
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (char c : text) width += IsContinuation(c) ? 0 : 1;
  return width;
}

std::string Escape(std::string_view bytes) {
  std::string line;
  while (!bytes.empty()) {
    const char c = bytes[0];
    size_t length = Utf8Length(bytes);
    const bool control = static_cast<uint8_t>(c) < 0x20 || c == 0x7f ||
                         (length == 2 && c == '\xc2' && static_cast<uint8_t>(bytes[1]) < 0xa0);
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (c == '\\') {
      line += "\\\\";
    } else if (length == 0 || control) {
      length = 1;
      line += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    } else {
      line += bytes.substr(0, length);
    }
    bytes.remove_prefix(length);
  }
  return line;
}

std::string UrlEncode(std::string_view text) {
  std::string encoded;
  for (char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return encoded;
}

std::string FormatBytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kNames = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kNames[unit]);
}

std::string FormatDuration(int64_t millis) {
  for (const Unit& unit : kUnits) {
    if (millis != 0 && millis % unit.millis == 0) {
      return fmt::format("{} {}", millis / unit.millis, unit.name);
    }
  }
  return "0 ms";
}

std::string FormatCount(uint64_t count) {
  std::string digits = std::to_string(count);
  for (size_t i = digits.size(); i > 3;) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

std::string FormatTime(UnixMillis time) {
  const int64_t seconds = time >= 0 ? time / 1000 : (time - 999) / 1000;
  const time_t whole = seconds;
  tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", parts, time - seconds * 1000);
}

StatusOr<UnixMillis> ParseTime(std::string_view text, UnixMillis now) {
  if (auto millis = ParseInt64(text)) return *millis;
  if (auto age = ParseAge(text)) return now - *age;
  if (auto time = ParseIso(std::string(text))) return *time;
  return absl::InvalidArgumentError(
      fmt::format("'{}' is no point in time: write 2026-01-31T12:00:00Z, Unix milliseconds, or an "
                  "age such as 15m, 2h or 7d",
                  text));
}

}  // namespace flashdb::cli
