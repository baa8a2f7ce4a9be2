// Finds requests in what a client sends, piece by piece. The grammar of heads and chunks is Boost.
// Beast's (boost::beast::http::basic_parser); what it leaves to others is here: limits, framing
// that two readers could understand differently, bodies without a copy.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "http/request.h"

namespace flashdb {

struct HttpLimits {
  size_t max_head_bytes = 16 * 1024;
  uint64_t max_body_bytes = uint64_t{32} << 20;
};

/// Why a request was refused; the connection cannot go on, for nobody knows where the next begins.
struct HttpParseError {
  int status = 400;
  std::string_view code;  // "bad_request"
  std::string message;
};

/// One connection's parser. Not thread-safe.
class HttpRequestParser {
 public:
  enum class Result : uint8_t {
    kNeedMore,  // what is there is no whole request yet
    kRequest,   // request() is whole
    kError,     // error() says why
  };

  HttpRequestParser();
  ~HttpRequestParser();

  /// Goes on with `input`, which begins with what earlier calls have not consumed. Adds to
  /// `*consumed` how many bytes are done with; of a body with a Content-Length they are not
  /// consumed before all of it is there, for request().body is a view of them. After kRequest the
  /// next call begins another request; after kError there is nothing more to parse.
  Result Parse(std::string_view input, const HttpLimits& limits, size_t* consumed);

  /// Whole after kRequest. After kNeedMore its head is there if head_done().
  const HttpRequest& request() const { return request_; }
  const HttpParseError& error() const { return error_; }
  /// Gives the memory of a large body back. request() has none any more.
  void ReleaseBody();
  /// The Content-Length of the request whose body is awaited; 0 if it has none.
  uint64_t sized_body_bytes() const { return length_; }
  /// The head of a request is there, its body is not.
  bool head_done() const { return state_ == State::kSizedBody || state_ == State::kChunks; }

 private:
  enum class State : uint8_t { kHead, kSizedBody, kChunks, kFailed };
  class Beast;

  Result ParseHead(std::string_view input, const HttpLimits& limits, size_t* consumed);
  Result ReadHead(const HttpLimits& limits);
  bool ReadTarget(std::string_view target);
  Result ReadFraming(const HttpLimits& limits);
  Result ParseSizedBody(std::string_view input, size_t* consumed);
  Result ParseChunks(std::string_view input, const HttpLimits& limits, size_t* consumed);
  Result Fail(int status, std::string_view code, std::string message);

  State state_ = State::kHead;
  std::unique_ptr<Beast> beast_;
  HttpRequest request_;
  HttpParseError error_;
  std::string head_;     // of the current request; the request's views are into it
  size_t searched_ = 0;  // no end of the head in so many bytes
  uint64_t length_ = 0;  // of a sized body
  std::string body_;     // decoded chunks
};

}  // namespace flashdb
