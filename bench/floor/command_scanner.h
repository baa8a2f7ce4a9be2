// Finds where RESP commands end, and which of three kinds they are: the least parsing that a server
// can do.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace flashdb::bench {

enum class CommandKind : uint8_t { kGet, kSet, kPing, kOther };

namespace internal {

/// Reads "<mark><digits>\r\n" at `*at` and moves behind it. `*number` is -1 if the line is not
/// whole.
inline bool ScanHeader(std::string_view input, char mark, size_t* at, int64_t* number) {
  *number = -1;
  size_t i = *at;
  if (i == input.size()) return true;
  if (input[i++] != mark) return false;
  int64_t value = 0;
  size_t digits = i;
  while (i < input.size() && input[i] >= '0' && input[i] <= '9' && value < (int64_t{1} << 40)) {
    value = value * 10 + (input[i++] - '0');
  }
  if (i + 1 >= input.size()) return i == input.size() || input[i] == '\r';
  if (i == digits || input[i] != '\r' || input[i + 1] != '\n') return false;
  *at = i + 2;
  *number = value;
  return true;
}

inline CommandKind KindOf(std::string_view name) {
  if (name.size() == 3 && (name[0] | 0x20) == 'g') return CommandKind::kGet;
  if (name.size() == 3 && (name[0] | 0x20) == 's') return CommandKind::kSet;
  if (name.size() == 4 && (name[0] | 0x20) == 'p') return CommandKind::kPing;
  return CommandKind::kOther;
}

}  // namespace internal

/// The command at the front of `input`: its kind, and its length in bytes through `*length`; 0 if
/// it is not whole yet. False if the bytes are no command.
inline bool ScanCommand(std::string_view input, CommandKind* kind, size_t* length) {
  *length = 0;
  if (input.empty()) return true;
  if (input[0] != '*') {  // an inline command: a line
    size_t end = input.find('\n');
    *kind = internal::KindOf(input.substr(0, input.find_first_of(" \r\n")));
    if (end != std::string_view::npos) *length = end + 1;
    return true;
  }
  size_t at = 0;
  int64_t args = 0;
  if (!internal::ScanHeader(input, '*', &at, &args)) return false;
  if (args < 0) return true;
  *kind = CommandKind::kOther;
  for (int64_t i = 0; i < args; ++i) {
    int64_t size = 0;
    if (!internal::ScanHeader(input, '$', &at, &size)) return false;
    if (size < 0 || input.size() - at < static_cast<size_t>(size) + 2) return true;
    if (i == 0) *kind = internal::KindOf(input.substr(at, static_cast<size_t>(size)));
    at += static_cast<size_t>(size) + 2;
  }
  *length = at;
  return true;
}

}  // namespace flashdb::bench
