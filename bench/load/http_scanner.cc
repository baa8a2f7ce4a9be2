#include "bench/load/http_scanner.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>

namespace flashdb::bench {
namespace {

constexpr size_t kLongestHead = 64 * 1024;
constexpr size_t kLongestNote = 400;
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::string_view kVersion = "HTTP/1.1 ";

bool IsField(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

}  // namespace

bool HttpScanner::Refuse(std::string_view why) {
  problem_ = why;
  return false;
}

bool HttpScanner::TakeHead(std::string_view& rest) {
  if (head_.empty()) {
    size_t end = rest.find(kHeadEnd);
    if (end != rest.npos) {
      std::string_view head = rest.substr(0, end + 2);
      rest.remove_prefix(end + kHeadEnd.size());
      return ReadHead(head);
    }
  }
  const size_t before = head_.size();
  head_ += rest;
  size_t end = head_.find(kHeadEnd, before < 3 ? 0 : before - 3);
  if (end == head_.npos) {
    rest = {};
    return head_.size() < kLongestHead ? false : Refuse("the head of a response is too long");
  }
  rest.remove_prefix(end + kHeadEnd.size() - before);
  head_.resize(end + 2);
  bool good = ReadHead(head_);
  head_.clear();
  return good;
}

// `head` ends with the line end of its last line.
bool HttpScanner::ReadHead(std::string_view head) {
  int status = 0;
  if (!head.starts_with(kVersion) || head.size() < kVersion.size() + 3) {
    return Refuse("the server sent what is no HTTP/1.1 response");
  }
  std::string_view digits = head.substr(kVersion.size(), 3);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
  if (error != std::errc() || end != digits.data() + digits.size() || status < 100) {
    return Refuse("a response has no status");
  }
  has_length_ = false;
  for (size_t at = head.find('\n') + 1; at < head.size();) {
    size_t line_end = head.find('\n', at);
    if (!ReadField(head.substr(at, line_end - 1 - at))) return false;
    at = line_end + 1;
  }
  interim_ = status < 200;
  if (interim_ || status == 204 || status == 304) body_left_ = 0;
  if (!interim_ && status != 204 && status != 304 && !has_length_) {
    return Refuse("a response has no Content-Length");
  }
  is_error_ = status >= 400;
  noting_ = is_error_ && first_error_.empty();
  if (noting_) first_error_ = fmt::format("status {}: ", status);
  return true;
}

bool HttpScanner::ReadField(std::string_view line) {
  constexpr std::string_view kLength = "Content-Length";
  if (IsField(line, "Transfer-Encoding")) {
    return Refuse("a response has a Transfer-Encoding; only Content-Length is understood");
  }
  if (!IsField(line, kLength)) return true;
  line.remove_prefix(kLength.size() + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), body_left_);
  if (error != std::errc() || end != line.data() + line.size()) {
    return Refuse("a response has a malformed Content-Length");
  }
  has_length_ = true;
  return true;
}

void HttpScanner::TakeBody(std::string_view& rest) {
  const size_t taken = std::min<uint64_t>(body_left_, rest.size());
  if (noting_ && first_error_.size() < kLongestNote) {
    first_error_ += rest.substr(0, std::min(taken, kLongestNote - first_error_.size()));
  }
  rest.remove_prefix(taken);
  body_left_ -= taken;
}

}  // namespace flashdb::bench
