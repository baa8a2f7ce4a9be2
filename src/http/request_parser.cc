#include "http/request_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/basic_parser.hpp>
#include <optional>

#include "base/check.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::beast::error_code;
using BeastView = boost::beast::string_view;

constexpr std::string_view kEndOfHead = "\r\n\r\n";
// A decoded body larger than this gives its memory back.
constexpr size_t kBodyKeep = 64 * 1024;

std::string_view View(BeastView text) { return {text.data(), text.size()}; }

HttpMethod MethodOf(std::string_view name) {
  for (HttpMethod method : {HttpMethod::kGet, HttpMethod::kHead, HttpMethod::kPost,
                            HttpMethod::kPut, HttpMethod::kPatch, HttpMethod::kDelete}) {
    if (NameOf(method) == name) return method;
  }
  return HttpMethod::kOther;
}

bool IsLetter(char c) { return ToLower(c) >= 'a' && ToLower(c) <= 'z'; }

// Empty lines before a request are ignored (RFC 9112, 2.2).
size_t EmptyLines(std::string_view input) {
  size_t size = 0;
  while (input.substr(size).starts_with("\r\n")) size += 2;
  return size;
}

}  // namespace

// The views that Beast hands over point into head_.
class HttpRequestParser::Beast final {
 public:
  class Message final : public http::basic_parser<true> {
   public:
    explicit Message(Beast& owner) : owner_(owner) {
      eager(false);
      header_limit(UINT32_MAX);  // limits are the caller's
      body_limit(UINT64_MAX);
    }

   private:
    void on_request_impl(http::verb, BeastView method, BeastView target, int version,
                         ErrorCode&) override {
      owner_.method = View(method);
      owner_.target = View(target);
      owner_.version = version;
    }
    void on_response_impl(int, BeastView, int, ErrorCode&) override {}
    void on_field_impl(http::field, BeastView name, BeastView value, ErrorCode& ec) override {
      if (is_header_done()) return;  // a trailer
      const char* begin = owner_.head.data();
      const bool folded =
          !value.empty() && (value.data() < begin || value.data() >= begin + owner_.head.size());
      if (folded) {
        ec = http::error::bad_value;  // continued over several lines: obsolete
        return;
      }
      owner_.headers->push_back({View(name), View(value)});
    }
    void on_header_impl(ErrorCode&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
    std::size_t on_body_impl(BeastView body, ErrorCode&) override { return body.size(); }
    void on_chunk_header_impl(std::uint64_t, BeastView, ErrorCode&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, ErrorCode& ec) override {
      if (owner_.body->size() + body.size() > owner_.max_body_bytes) {
        ec = http::error::body_limit;
        return 0;
      }
      owner_.body->append(body.data(), body.size());
      return body.size();
    }
    void on_finish_impl(ErrorCode&) override {}

    Beast& owner_;
  };

  std::optional<Message> message;  // of one request each
  std::string_view head;
  std::string_view method;
  std::string_view target;
  int version = 11;
  std::vector<HttpHeader>* headers = nullptr;
  std::string* body = nullptr;
  uint64_t max_body_bytes = 0;
};

HttpRequestParser::HttpRequestParser() : beast_(std::make_unique<Beast>()) {
  beast_->headers = &request_.headers;
  beast_->body = &body_;
}

HttpRequestParser::~HttpRequestParser() = default;

HttpRequestParser::Result HttpRequestParser::Fail(int status, std::string_view code,
                                                  std::string message) {
  state_ = State::kFailed;
  error_ = {status, code, std::move(message)};
  return Result::kError;
}

HttpRequestParser::Result HttpRequestParser::Parse(std::string_view input, const HttpLimits& limits,
                                                   size_t* consumed) {
  FLASHDB_CHECK(state_ != State::kFailed, "a parser goes on after an error");
  if (state_ == State::kHead) {
    const size_t before = *consumed;
    const Result result = ParseHead(input, limits, consumed);
    if (result != Result::kNeedMore || !head_done()) return result;
    input.remove_prefix(*consumed - before);
  }
  return state_ == State::kSizedBody ? ParseSizedBody(input, consumed)
                                     : ParseChunks(input, limits, consumed);
}

// ---- The head ----------------------------------------------------------------------------------

HttpRequestParser::Result HttpRequestParser::ParseHead(std::string_view input,
                                                       const HttpLimits& limits, size_t* consumed) {
  if (searched_ == 0) {
    const size_t empty = EmptyLines(input);
    *consumed += empty;
    input.remove_prefix(empty);
  }
  if (!input.empty() && !IsLetter(input.front())) {
    return Fail(400, "bad_request", "this port speaks HTTP/1.1, without TLS");
  }
  const size_t end = input.find(kEndOfHead, searched_);
  const size_t head_bytes = end == std::string_view::npos ? input.size() : end + kEndOfHead.size();
  if (head_bytes > limits.max_head_bytes) {
    return Fail(431, "head_too_large",
                fmt::format("the request line and headers are longer than {} bytes",
                            limits.max_head_bytes));
  }
  if (end == std::string_view::npos) {
    searched_ = input.size() < kEndOfHead.size() ? 0 : input.size() - (kEndOfHead.size() - 1);
    return Result::kNeedMore;
  }
  searched_ = 0;
  head_.assign(input.substr(0, head_bytes));
  *consumed += head_bytes;
  return ReadHead(limits);
}

HttpRequestParser::Result HttpRequestParser::ReadHead(const HttpLimits& limits) {
  request_.headers.clear();
  request_.body = {};
  beast_->head = head_;
  Beast::Message& message = beast_->message.emplace(*beast_);
  ErrorCode ec;
  message.put(boost::asio::const_buffer(head_.data(), head_.size()), ec);
  if (ec == http::error::bad_version) {
    return Fail(505, "version_not_supported", "only HTTP/1.1 and HTTP/1.0 are spoken here");
  }
  if (ec || !message.is_header_done()) {
    return Fail(400, "bad_request", "malformed request: " + ec.message());
  }
  request_.http11 = beast_->version == 11;
  request_.method = MethodOf(beast_->method);
  request_.keep_alive = message.keep_alive();
  if (!ReadTarget(beast_->target)) {
    return Fail(400, "bad_request", "the request's target is neither a path nor an http:// URL");
  }
  return ReadFraming(limits);
}

// "/path?query", or the same behind "http://host", which a proxy may send.
bool HttpRequestParser::ReadTarget(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (EqualsIgnoreCase(target.substr(0, kScheme.size()), kScheme)) {
    target.remove_prefix(kScheme.size());
    const size_t path = target.find_first_of("/?");
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  if (target.empty() || (target[0] != '/' && target != "*")) return false;
  const size_t question = target.find('?');
  request_.path = target.substr(0, question);
  request_.query =
      question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  return true;
}

// Where the body ends. What a proxy in front might read otherwise is refused (RFC 9112, 6.3 and
// 11.2): somebody else's request could be hidden in it.
HttpRequestParser::Result HttpRequestParser::ReadFraming(const HttpLimits& limits) {
  size_t hosts = 0;
  size_t encodings = 0;
  bool sized = false;
  for (const HttpHeader& header : request_.headers) {
    hosts += EqualsIgnoreCase(header.name, "host");
    sized = sized || EqualsIgnoreCase(header.name, "content-length");
    encodings += EqualsIgnoreCase(header.name, "transfer-encoding");
  }
  if (hosts > 1 || (hosts == 0 && request_.http11)) {
    return Fail(400, "bad_request", "an HTTP/1.1 request has exactly one Host header");
  }
  if (encodings != 0 && (encodings > 1 || sized || !request_.http11)) {
    return Fail(400, "bad_request",
                "the body's length is ambiguous: give one Content-Length or one "
                "`Transfer-Encoding: chunked`");
  }
  if (encodings != 0 && !EqualsIgnoreCase(request_.Header("transfer-encoding"), "chunked")) {
    return Fail(501, "not_implemented", "of transfer encodings only `chunked` is understood");
  }
  request_.expects_continue = EqualsIgnoreCase(request_.Header("expect"), "100-continue");
  Beast::Message& message = *beast_->message;
  length_ = sized ? message.content_length().value_or(0) : 0;
  if (length_ > limits.max_body_bytes) {
    return Fail(413, "body_too_large",
                fmt::format("the body of {} bytes is larger than http-max-body ({} bytes)", length_,
                            limits.max_body_bytes));
  }
  body_.clear();
  state_ = encodings != 0 ? State::kChunks : State::kSizedBody;
  return Result::kNeedMore;
}

// ---- The body ----------------------------------------------------------------------------------

void HttpRequestParser::ReleaseBody() {
  request_.body = {};
  body_.clear();
  if (body_.capacity() > kBodyKeep) std::string().swap(body_);
}

HttpRequestParser::Result HttpRequestParser::ParseSizedBody(std::string_view input,
                                                            size_t* consumed) {
  if (input.size() < length_) return Result::kNeedMore;
  request_.body = input.substr(0, length_);
  *consumed += length_;
  state_ = State::kHead;
  return Result::kRequest;
}

HttpRequestParser::Result HttpRequestParser::ParseChunks(std::string_view input,
                                                         const HttpLimits& limits,
                                                         size_t* consumed) {
  Beast::Message& message = *beast_->message;
  beast_->max_body_bytes = limits.max_body_bytes;
  ErrorCode ec;
  while (!ec && !message.is_done() && !input.empty()) {
    const size_t taken = message.put(boost::asio::const_buffer(input.data(), input.size()), ec);
    *consumed += taken;
    input.remove_prefix(taken);
  }
  if (ec == http::error::body_limit) {
    return Fail(
        413, "body_too_large",
        fmt::format("the body is larger than http-max-body ({} bytes)", limits.max_body_bytes));
  }
  if (ec && ec != http::error::need_more) {
    return Fail(400, "bad_request", "malformed chunked body: " + ec.message());
  }
  if (!message.is_done()) {
    if (input.size() <= limits.max_head_bytes) return Result::kNeedMore;
    return Fail(400, "bad_request", "a chunk's header or the trailers are too long");
  }
  const size_t size = body_.size();
  body_.append(HttpRequest::kBodyPadding, '\0');
  request_.body = std::string_view(body_).substr(0, size);
  state_ = State::kHead;
  return Result::kRequest;
}

}  // namespace flashdb
