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

/// Knows all replies of RESP2 and RESP3 but streamed ones, attributes and pushes. An array with all
/// that is in it is one reply: a value, whatever is in it.
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
        if (body_left_ == 0) End(Reply::kValue, on_reply);
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
  static constexpr int64_t kMostElements = int64_t{1} << 32;

  // A reply or an element of one is complete.
  template <typename F>
  void End(Reply reply, F& on_reply) {
    if (elements_left_ == 0) {
      on_reply(reply);
    } else if (--elements_left_ == 0) {
      on_reply(Reply::kValue);
    }
  }

  template <typename F>
  bool OnLine(std::string_view line, F& on_reply) {
    if (line.size() < 3 || line[line.size() - 2] != '\r') return false;
    line.remove_suffix(2);
    switch (line[0]) {
      case '+':
      case ':':
      case ',':
      case '#':
      case '(':
        End(Reply::kValue, on_reply);
        return true;
      case '_':
        End(Reply::kNil, on_reply);
        return true;
      case '-':
        if (elements_left_ == 0 && first_error_.empty()) first_error_ = line.substr(1);
        End(Reply::kError, on_reply);
        return true;
      case '$':
      case '=':
      case '*':
      case '~':
      case '%':
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
      End(Reply::kNil, on_reply);
      return true;
    }
    if (size < 0) return false;
    if (line[0] == '$' || line[0] == '=') {
      body_left_ = static_cast<uint64_t>(size) + 2;
      return true;
    }
    return size < kMostElements && OnElements(line[0] == '%' ? size * 2 : size, on_reply);
  }

  // An array begins: it is complete when `count` further elements are, and with it the one that it
  // is itself. No stack: what counts is how many are missing, not where.
  template <typename F>
  bool OnElements(int64_t count, F& on_reply) {
    if (count == 0) {
      End(Reply::kValue, on_reply);
    } else {
      elements_left_ += static_cast<uint64_t>(count) - (elements_left_ == 0 ? 0 : 1);
    }
    return true;
  }

  uint64_t body_left_ = 0;      // of a bulk string, with its line end
  uint64_t elements_left_ = 0;  // of the array that has begun, with all that is in it; 0 outside
  std::string line_;            // a line that has begun in earlier bytes
  std::string first_error_;
};

}  // namespace flashdb::bench
