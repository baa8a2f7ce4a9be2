// One HTTP/1.1 request as its parser found it (RFC 9110, RFC 9112). Bytes only: nothing here knows
// what a request asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flashdb {

enum class HttpMethod : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOther };
std::string_view NameOf(HttpMethod method);

struct HttpHeader {
  std::string_view name;  // as sent; compare without regard to case
  std::string_view value;
};

/// The views belong to the parser and to the input that it was given: they are valid until either
/// changes.
struct HttpRequest {
  HttpMethod method = HttpMethod::kOther;
  std::string_view path;   // as sent, percent-encoded, without the query; begins with '/' or is "*"
  std::string_view query;  // as sent, without its '?'
  bool http11 = true;      // else HTTP/1.0
  bool keep_alive = true;
  bool expects_continue = false;
  std::vector<HttpHeader> headers;
  std::string_view body;  // decoded, if it was chunked; at least kBodyPadding readable bytes follow

  static constexpr size_t kBodyPadding = 64;

  /// The value of the first header of that name (in lower case), or an empty one.
  std::string_view Header(std::string_view lower_name) const;
  /// The media type of the body in lower case, without its parameters; empty if none is named.
  std::string MediaType() const;
  /// Whether the client takes `type` ("application/json") by an explicit mention in its Accept
  /// header: not by a wildcard.
  bool Prefers(std::string_view type) const;
};

/// What the first line's target says beyond the path.
struct QueryParameter {
  std::string name;
  std::string value;
};

/// Replaces %XX; with `plus_is_space` '+' too, as in a query. Nullopt if an escape is malformed.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
/// "a=1&b": decoded, in order. Nullopt if an escape is malformed.
std::optional<std::vector<QueryParameter>> ParseQuery(std::string_view query);

}  // namespace flashdb
