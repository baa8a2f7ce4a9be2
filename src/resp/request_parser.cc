#include "resp/request_parser.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/numbers.h"
#include "resp/inline_split.h"

namespace flashdb {
namespace {

/// Memory for arguments that a parser keeps between commands, in elements and bytes.
constexpr size_t kKeptSpans = 64;
constexpr size_t kKeptUnquoted = 1024;

/// Reads `T<digits>\r\n` at input[at] where it is whole and plain, as almost always. Leaves `at`
/// alone and returns false for anything else, which may be fine all the same.
inline bool ReadPlainHeader(std::string_view input, size_t& at, int64_t& value) {
  constexpr size_t kMaxDigits = 10;
  if (input.size() < at + 4) return false;
  const char* const first = input.data() + at + 1;
  const char* const stop = std::min(input.data() + input.size() - 1, first + kMaxDigits + 1);
  const char* p = first;
  uint64_t number = 0;
  for (; p < stop; ++p) {
    const auto digit = static_cast<unsigned char>(*p - '0');
    if (digit > 9) break;
    number = number * 10 + digit;
  }
  if (p == stop || p == first || *p != '\r') return false;
  if (*first == '0' && p - first > 1) return false;
  value = static_cast<int64_t>(number);
  at = static_cast<size_t>(p + 2 - input.data());
  return true;
}

/// The same for the header of a bulk string of at most `max_size` bytes; sets neither if it fails.
inline bool ReadPlainBulkSize(std::string_view input, uint64_t max_size, size_t& at,
                              int64_t& size) {
  size_t after = at;
  int64_t announced = 0;
  if (!ReadPlainHeader(input, after, announced) || input[at] != '$' ||
      static_cast<uint64_t>(announced) > max_size) {
    return false;
  }
  at = after;
  size = announced;
  return true;
}

}  // namespace

ParseResult RequestParser::Parse(std::string_view input, const RequestLimits& limits, Args* args,
                                 size_t* consumed) {
  args->clear();
  *consumed = 0;
  if (!error_.empty()) return ParseResult::kError;
  if (unquoted_.capacity() > kKeptUnquoted) [[unlikely]] {
    unquoted_ = {};
  }
  const bool first_piece = position_ == 0 && searched_ == 0;
  if (first_piece && ParsePlain(input, limits, args, consumed)) return ParseResult::kCommand;
  while (*consumed < input.size()) {
    const std::string_view rest = input.substr(*consumed);
    const ParseResult result =
        rest[0] == '*' ? ParseMultibulk(rest, limits, args) : ParseInline(rest, limits, args);
    if (result != ParseResult::kCommand) return result;
    *consumed += position_;
    StartCommand();
    if (!args->empty()) return ParseResult::kCommand;
  }
  return NeedMore(1);
}

// A whole command without anything unusual, as almost all are; leaves no trace of any other.
bool RequestParser::ParsePlain(std::string_view input, const RequestLimits& limits, Args* args,
                               size_t* consumed) {
  size_t at = 0;
  int64_t count = 0;
  if (!limits.authenticated || !ReadPlainHeader(input, at, count) || input[0] != '*') return false;
  if (count == 0 || count > int64_t{limits.max_args}) return false;
  for (int64_t size = 0; count > 0; --count) {
    if (!ReadPlainBulkSize(input, limits.max_bulk_bytes, at, size) ||
        input.size() - at < static_cast<uint64_t>(size) + 2) [[unlikely]] {
      args->clear();
      return false;
    }
    args->emplace_back(input.data() + at, static_cast<size_t>(size));
    at += static_cast<size_t>(size) + 2;
  }
  *consumed = at;
  return true;
}

void RequestParser::Reset() {
  StartCommand();
  error_.clear();
}

void RequestParser::StartCommand() {
  position_ = 0;
  searched_ = 0;
  args_left_ = 0;
  bulk_size_ = kNoBulk;
  spans_.clear();
  if (spans_.capacity() > kKeptSpans) [[unlikely]] {
    spans_ = {};
  }
}

ParseResult RequestParser::NeedMore(size_t bytes) {
  bytes_wanted_ = bytes;
  return ParseResult::kNeedMore;
}

ParseResult RequestParser::Fail(std::string_view what) {
  error_ = "Protocol error: ";
  error_ += what;
  return ParseResult::kError;
}

ParseResult RequestParser::ParseMultibulk(std::string_view input, const RequestLimits& limits,
                                          Args* args) {
  if (position_ == 0) {
    const ParseResult result = ReadArgCount(input, limits);
    if (result != ParseResult::kCommand) return result;
  }
  const ParseResult result = ReadBulks(input, limits, args);
  if (result == ParseResult::kCommand) {
    if (!spans_.empty()) RestoreArgs(input.data(), args);
  } else if (result == ParseResult::kNeedMore) {
    SaveArgs(input.data(), args);
  } else {
    args->clear();
  }
  return result;
}

ParseResult RequestParser::ReadArgCount(std::string_view input, const RequestLimits& limits) {
  size_t at = 0;
  int64_t count = 0;
  const Header header = ReadPlainHeader(input, at, count)
                            ? Header::kRead
                            : ReadAnyHeader(input, limits.max_inline_bytes, at, count);
  if (header == Header::kPartial) return NeedMore(1);
  if (header == Header::kTooLong) return Fail("too big mbulk count string");
  if (header == Header::kMalformed || count > int64_t{limits.max_args}) {
    return Fail("invalid multibulk length");
  }
  if (!limits.authenticated && count > int64_t{RequestLimits::kStrangerArgs}) {
    return Fail("unauthenticated multibulk length");
  }
  position_ = at;
  args_left_ = static_cast<uint32_t>(std::max(count, int64_t{0}));
  return ParseResult::kCommand;
}

ParseResult RequestParser::ReadBulks(std::string_view input, const RequestLimits& limits,
                                     Args* args) {
  const uint64_t max_size =
      limits.authenticated ? limits.max_bulk_bytes
                           : std::min(limits.max_bulk_bytes, RequestLimits::kStrangerBulkBytes);
  size_t at = position_;
  int64_t size = bulk_size_;
  uint32_t left = args_left_;
  ParseResult result = ParseResult::kCommand;
  for (; left > 0; --left) {
    if (size == kNoBulk && !ReadPlainBulkSize(input, max_size, at, size)) [[unlikely]] {
      result = ReadUnusualBulkSize(input, limits, at, size);
      if (result != ParseResult::kCommand) break;
    }
    const uint64_t needed = static_cast<uint64_t>(size) + 2;
    if (input.size() - at < needed) {
      result = NeedMore(needed - (input.size() - at));
      break;
    }
    args->emplace_back(input.data() + at, static_cast<size_t>(size));
    at += needed;
    size = kNoBulk;
  }
  position_ = at;
  bulk_size_ = size;
  args_left_ = left;
  return result;
}

ParseResult RequestParser::ReadUnusualBulkSize(std::string_view input, const RequestLimits& limits,
                                               size_t& at, int64_t& size) {
  const size_t start = at;
  int64_t announced = 0;
  const Header header = ReadAnyHeader(input, limits.max_inline_bytes, at, announced);
  if (header == Header::kPartial) return NeedMore(1);
  if (header == Header::kTooLong) return Fail("too big bulk count string");
  if (input[start] != '$') return Fail(std::string("expected '$', got '") + input[start] + "'");
  if (header == Header::kMalformed || announced < 0 ||
      static_cast<uint64_t>(announced) > limits.max_bulk_bytes) {
    return Fail("invalid bulk length");
  }
  if (!limits.authenticated &&
      static_cast<uint64_t>(announced) > RequestLimits::kStrangerBulkBytes) {
    return Fail("unauthenticated bulk length");
  }
  size = announced;
  return ParseResult::kCommand;
}

/// As Redis does, takes any byte after the `\r` for the `\n`.
RequestParser::Header RequestParser::ReadAnyHeader(std::string_view input, uint32_t max_line,
                                                   size_t& at, int64_t& value) {
  const size_t end = FindInLine(input, at, max_line, '\r');
  if (end == std::string_view::npos) {
    return input.size() - at > max_line ? Header::kTooLong : Header::kPartial;
  }
  if (end + 1 == input.size()) return Header::kPartial;
  // The line of a wrong type may be empty: then there is no number either.
  const std::string_view line = input.substr(at, end - at);
  const std::optional<int64_t> number = ParseInt64(line.substr(line.empty() ? 0 : 1));
  if (!number.has_value()) return Header::kMalformed;
  value = *number;
  at = end + 2;
  return Header::kRead;
}

size_t RequestParser::FindInLine(std::string_view input, size_t start, uint32_t max_line, char c) {
  const size_t from = std::max(start, searched_);
  const size_t to = std::min(input.size(), start + max_line + 1);
  if (from >= to) return std::string_view::npos;
  const auto* found = static_cast<const char*>(std::memchr(input.data() + from, c, to - from));
  searched_ = found == nullptr ? to : static_cast<size_t>(found - input.data());
  return found == nullptr ? std::string_view::npos : searched_;
}

ParseResult RequestParser::ParseInline(std::string_view input, const RequestLimits& limits,
                                       Args* args) {
  const size_t end = FindInLine(input, 0, limits.max_inline_bytes, '\n');
  if (end == std::string_view::npos) {
    if (input.size() > limits.max_inline_bytes) return Fail("too big inline request");
    return NeedMore(1);
  }
  std::string_view line = input.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!SplitInline(line, unquoted_, args)) {
    args->clear();
    return Fail("unbalanced quotes in request");
  }
  position_ = end + 1;
  return ParseResult::kCommand;
}

void RequestParser::SaveArgs(const char* base, Args* args) {
  for (std::string_view arg : *args) {
    spans_.push_back({static_cast<size_t>(arg.data() - base), arg.size()});
  }
  args->clear();
}

void RequestParser::RestoreArgs(const char* base, Args* args) {
  args->insert(args->begin(), spans_.size(), std::string_view());
  for (size_t i = 0; i < spans_.size(); ++i) {
    (*args)[i] = std::string_view(base + spans_[i].offset, spans_[i].size);
  }
}

}  // namespace flashdb
