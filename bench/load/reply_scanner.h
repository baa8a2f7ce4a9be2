// Counts RESP replies in a stream of bytes and looks no closer than that needs.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace flashdb::bench {

enum class Reply : uint8_t { kValue, kNil, kError };

/// Knows the replies that GET, SET and their like can have: + - : _ $ and nil arrays.
/// For one connection; not thread-safe.
class ReplyScanner {
 public:
  /// Calls `on_reply(Reply)` for each reply that ends in `bytes`, which are the next ones of the
  /// stream. False if they are no such replies; the scanner is of no use any more then.
  template <typename F>
  bool Scan(std::span<const char> bytes, F on_reply) {
    const char* at = bytes.data();
    const char* end = at + bytes.size();
    while (at < end) {
      if (body_left_ > 0) {
        uint64_t taken = std::min<uint64_t>(body_left_, static_cast<uint64_t>(end - at));
        at += taken;
        body_left_ -= taken;
        if (body_left_ == 0) on_reply(Reply::kValue);
        continue;
      }
      const auto* line_end = static_cast<const char*>(std::memchr(at, '\n', end - at));
      std::string_view piece(at, line_end == nullptr ? end : line_end + 1);
      at += piece.size();
      if (!line_.empty() || line_end == nullptr) {
        line_ += piece;
        if (line_end == nullptr) return line_.size() < kLongestLine;
        piece = line_;
      }
      if (!OnLine(piece, on_reply)) return false;
      line_.clear();
    }
    return true;
  }

  /// The line of the first error reply, without its end; empty if there was none.
  const std::string& first_error() const { return first_error_; }

 private:
  static constexpr size_t kLongestLine = 64 * 1024;

  template <typename F>
  bool OnLine(std::string_view line, F& on_reply) {
    if (line.size() < 3 || line[line.size() - 2] != '\r') return false;
    line.remove_suffix(2);
    switch (line[0]) {
      case '+':
      case ':':
        on_reply(Reply::kValue);
        return true;
      case '_':
        on_reply(Reply::kNil);
        return true;
      case '-':
        if (first_error_.empty()) first_error_ = line.substr(1);
        on_reply(Reply::kError);
        return true;
      case '$':
      case '*':
        return OnSize(line, on_reply);
      default:
        return false;
    }
  }

  template <typename F>
  bool OnSize(std::string_view line, F& on_reply) {
    int64_t size = 0;
    auto [end, error] = std::from_chars(line.data() + 1, line.data() + line.size(), size);
    if (error != std::errc() || end != line.data() + line.size()) return false;
    if (size == -1) {
      on_reply(Reply::kNil);
      return true;
    }
    body_left_ = static_cast<uint64_t>(size) + 2;
    return size >= 0 && line[0] == '$';
  }

  uint64_t body_left_ = 0;  // of a bulk string, with its line end
  std::string line_;        // a line that has begun in earlier bytes
  std::string first_error_;
};

}  // namespace flashdb::bench
