#include "server/config_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

namespace flashdb {
namespace {

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<Unit, 8> kUnits = {{{"", 1},
                                         {"b", 1},
                                         {"k", 1000},
                                         {"kb", 1ull << 10},
                                         {"m", 1000 * 1000},
                                         {"mb", 1ull << 20},
                                         {"g", 1000 * 1000 * 1000},
                                         {"gb", 1ull << 30}}};

const Unit* FindUnit(std::string_view name) {
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(),
                                  [name](const Unit& candidate) { return candidate.name == name; });
  return unit == kUnits.end() ? nullptr : unit;
}

Status SizeError(std::string_view text, uint64_t min, uint64_t max) {
  std::string range = max == std::numeric_limits<uint64_t>::max()
                          ? fmt::format("of at least {}", FormatSize(min))
                          : fmt::format("from {} to {}", FormatSize(min), FormatSize(max));
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a size {} (bytes, or a number with kb, mb or gb)", text, range));
}

}  // namespace

StatusOr<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && value >= min && value <= max) return value;
  return absl::InvalidArgumentError(
      fmt::format("'{}' is not a whole number from {} to {}", text, min, max));
}

StatusOr<uint64_t> ParseSize(std::string_view text, uint64_t min, uint64_t max) {
  uint64_t number = 0;
  const char* text_end = text.data() + text.size();
  auto [end, error] = std::from_chars(text.data(), text_end, number);
  if (error != std::errc()) return SizeError(text, min, max);
  const Unit* unit = FindUnit(ToLower(std::string_view(end, text_end - end)));
  uint64_t value = 0;
  if (unit == nullptr || __builtin_mul_overflow(number, unit->bytes, &value) || value < min ||
      value > max) {
    return SizeError(text, min, max);
  }
  return value;
}

StatusOr<bool> ParseYesNo(std::string_view text) {
  std::string word = ToLower(text);
  if (word == "yes" || word == "true" || word == "on" || word == "1") return true;
  if (word == "no" || word == "false" || word == "off" || word == "0") return false;
  return absl::InvalidArgumentError(fmt::format("'{}' is neither yes nor no", text));
}

std::string FormatSize(uint64_t bytes) {
  for (std::string_view name : {"gb", "mb", "kb"}) {
    uint64_t unit = FindUnit(name)->bytes;
    if (bytes != 0 && bytes % unit == 0) return fmt::format("{}{}", bytes / unit, name);
  }
  return std::to_string(bytes);
}

std::vector<std::string_view> SplitWords(std::string_view text) {
  constexpr std::string_view kSeparators = " \t,";
  std::vector<std::string_view> words;
  size_t begin = text.find_first_not_of(kSeparators);
  while (begin != std::string_view::npos) {
    size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    words.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSeparators, end);
  }
  return words;
}

}  // namespace flashdb
