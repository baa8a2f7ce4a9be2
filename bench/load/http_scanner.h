// Counts HTTP/1.1 responses in a stream of bytes and looks no closer than that needs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bench/load/reply_scanner.h"

namespace flashdb::bench {

/// Knows responses whose body has a Content-Length; a status of 400 and more is an error. Interim
/// responses (1xx) are passed over. For one connection; not thread-safe.
class HttpScanner {
 public:
  /// Calls `on_reply(Reply)` for each response that ends in `bytes`, which are the next ones of the
  /// stream. False if they are no such responses: problem() says why, and the scanner is of no use
  /// any more.
  template <typename F>
  bool Scan(std::span<const char> bytes, F on_reply) {
    std::string_view rest(bytes.data(), bytes.size());
    while (!rest.empty()) {
      if (body_left_ == 0) {
        if (!TakeHead(rest)) return problem_.empty();
        if (interim_) continue;
      }
      TakeBody(rest);
      if (body_left_ == 0) on_reply(is_error_ ? Reply::kError : Reply::kValue);
    }
    return true;
  }

  /// Status and body (as far as it is short) of the first error response; empty if there was none.
  const std::string& first_error() const { return first_error_; }
  const std::string& problem() const { return problem_; }

 private:
  // Removes a head from `rest`; false if it does not end there, or with problem_ if it is no good.
  bool TakeHead(std::string_view& rest);
  bool ReadHead(std::string_view head);
  bool ReadField(std::string_view line);
  bool Refuse(std::string_view why);
  void TakeBody(std::string_view& rest);

  std::string head_;  // a head that has begun in earlier bytes
  uint64_t body_left_ = 0;
  bool has_length_ = false;
  bool interim_ = false;
  bool is_error_ = false;
  bool noting_ = false;  // the body goes to first_error_
  std::string first_error_;
  std::string problem_;
};

}  // namespace flashdb::bench
