// An HTTP client over libcurl, which keeps its connection. Every response is checked against the
// server's own /openapi.json.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace flashdb::e2e {

struct HttpReply {
  int status = 0;                              // 0: no response; `error` says why
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string error;

  std::string header(const std::string& lower_name) const;
  /// A test failure if the body is not JSON.
  nlohmann::json json() const;
  std::string type() const { return header("content-type"); }
};

struct HttpOptions {
  std::vector<std::string> headers = {};  // "Name: value"
  std::string user = {};                  // "name:password" for Basic
  bool chunked = false;                   // sends the body without a Content-Length
  long timeout_ms = 20'000;
  /// Gets the body's pieces instead of `body`; false ends the transfer.
  std::function<bool(std::string_view)> on_data = {};
  bool check = true;  // against the document
};

class HttpClient {
 public:
  explicit HttpClient(uint16_t port);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// `target`: path and query.
  HttpReply Request(std::string_view method, const std::string& target, std::string_view body = {},
                    const HttpOptions& options = {});
  HttpReply Get(const std::string& target, const HttpOptions& options = {}) {
    return Request("GET", target, {}, options);
  }
  HttpReply Put(const std::string& target, std::string_view body, const HttpOptions& options = {}) {
    return Request("PUT", target, body, options);
  }
  HttpReply Post(const std::string& target, std::string_view body,
                 const HttpOptions& options = {}) {
    return Request("POST", target, body, options);
  }
  HttpReply Delete(const std::string& target, const HttpOptions& options = {}) {
    return Request("DELETE", target, {}, options);
  }
  /// POST with a body of JSON.
  HttpReply PostJson(const std::string& target, const nlohmann::json& body);

  /// How many connections the last request has opened.
  long connections_opened() const { return opened_; }
  /// Sent with every request from now on.
  std::string password;

 private:
  struct Handle;

  uint16_t port_;
  std::unique_ptr<Handle> handle_;
  long opened_ = 0;
};

/// An escaped path segment.
std::string Escaped(std::string_view text);

}  // namespace flashdb::e2e
