// HTTP to one server: requests with one answer each, and the errors of both ends as Status.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"
#include "cli/json.h"

namespace flashdb::cli {

struct ApiOptions {
  std::string server = "http://127.0.0.1:8080";  // see ServerUrl
  std::string password = {};                     // empty: none is sent
  std::chrono::milliseconds timeout{30000};      // for a whole request; not for streams
};

struct ApiRequest {
  std::string method = "GET";
  std::string target;  // path and query, encoded
  std::string body = {};
  std::string content_type = "application/json";  // sent with a body only
  std::string accept = "application/json";
  std::chrono::milliseconds extra_time{0};  // what the server was asked to wait, beyond the timeout
  bool finishing = false;                   // goes through although an Interrupt is requested
};

struct ApiReply {
  int status = 0;
  std::string body;
};

/// `text` with http:// in front unless it has a scheme, without a slash at the end. InvalidArgument
/// for other schemes, and for a password inside.
StatusOr<std::string> ServerUrl(std::string text);

/// What a reply with a status of 400 or more means: never ok, nor a code that stands for usage,
/// reachability or time (cli/errors.h). 404 is NotFound, 401 Unauthenticated, 409 AlreadyExists;
/// the message has the server's own and its details.
Status RefusalOf(const ApiRequest& request, const ApiReply& reply);

/// A libcurl result (CURLcode) other than CURLE_OK. `detail` may be empty.
Status TransportError(int code, const ApiOptions& options, const std::string& detail);

/// Keeps its connection alive between requests. One thread at a time; further threads take further
/// clients. When an Interrupt (cli/interrupt.h) is requested, calls end with Cancelled within a
/// second or so, unless they are `finishing`.
class ApiClient {
 public:
  explicit ApiClient(ApiOptions options);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  /// The answer, whatever its status. Unavailable, DeadlineExceeded or Cancelled if there is none;
  /// the server may have done what was asked nevertheless.
  StatusOr<ApiReply> Send(const ApiRequest& request);
  /// The answer's JSON (null if its body is empty), or RefusalOf() it.
  StatusOr<Json> Call(const ApiRequest& request);
  /// The same with a JSON body.
  StatusOr<Json> Call(std::string method, std::string target, const Json& body);

  const ApiOptions& options() const { return options_; }

 private:
  struct Handles;

  ApiOptions options_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace flashdb::cli
