#include "resp/reply_reader.h"

#include <cstdint>

#include "base/numbers.h"

namespace flashdb {
namespace {

/// Takes a line off the front of `in`, up to its line end.
std::optional<std::string_view> TakeLine(std::string_view& in) {
  const size_t end = in.find("\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = in.substr(0, end);
  in.remove_prefix(end + 2);
  return line;
}

bool SkipBytes(std::string_view& in, int64_t size) {
  if (size < 0) return size == -1;
  const size_t left = in.size();
  if (left < 2 || static_cast<uint64_t>(size) > left - 2) return false;
  in.remove_prefix(static_cast<size_t>(size) + 2);
  return true;
}

/// How many values follow as part of a value with this header.
std::optional<uint64_t> Elements(char type, int64_t count) {
  if (count < -1 || count > int64_t{UINT32_MAX}) return std::nullopt;
  const auto elements = static_cast<uint64_t>(count < 0 ? 0 : count);
  if (type == '%') return elements * 2;
  if (type == '|') return elements * 2 + 1;
  return elements;
}

/// Takes one value off `in` without its elements. Returns how many elements follow.
std::optional<uint64_t> SkipOne(std::string_view& in) {
  const std::optional<std::string_view> line = TakeLine(in);
  if (!line.has_value() || line->empty()) return std::nullopt;
  const char type = line->front();
  if (std::string_view("+-:_,#(").find(type) != std::string_view::npos) return 0;
  const std::optional<int64_t> count = ParseInt64(line->substr(1));
  if (!count.has_value()) return std::nullopt;
  if (type == '$' || type == '=' || type == '!') {
    if (!SkipBytes(in, *count)) return std::nullopt;
    return 0;
  }
  if (std::string_view("*~>%|").find(type) == std::string_view::npos) return std::nullopt;
  return Elements(type, *count);
}

}  // namespace

bool SkipReply(std::string_view& in) {
  std::string_view rest = in;
  for (uint64_t pending = 1; pending > 0; --pending) {
    const std::optional<uint64_t> elements = SkipOne(rest);
    // Every value takes 3 bytes or more, so a count beyond that is a lie (and could overflow).
    if (!elements.has_value() || *elements > rest.size()) return false;
    pending += *elements;
  }
  in = rest;
  return true;
}

std::optional<size_t> CountReplies(std::string_view in) {
  size_t count = 0;
  for (; !in.empty(); ++count) {
    if (!SkipReply(in)) return std::nullopt;
  }
  return count;
}

}  // namespace flashdb
