// One request and its response, as the routes see them.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "commands/engine.h"
#include "http/json_writer.h"
#include "http/request.h"
#include "http/response.h"
#include "shards/commit_queue.h"
#include "shards/task.h"

namespace flashdb {

struct Route;

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kBytesType = "application/octet-stream";
inline constexpr std::string_view kLinesType = "application/x-ndjson";
inline constexpr std::string_view kEventsType = "text/event-stream";

/// Lives on the client's shard until the response has been given; its connection implements what
/// concerns the socket.
class HttpExchange {
 public:
  HttpExchange(const HttpRequest& http_request, Engine& home, Session& client)
      : request(http_request), engine(home), session(client) {}
  virtual ~HttpExchange() = default;

  const HttpRequest& request;
  Engine& engine;    // of the client's shard
  Session& session;  // one per connection; says who the client is
  HttpResponse response;
  /// What the response depends on: nothing of it is sent before they are settled. Of a stream: what
  /// the next Send() depends on.
  std::vector<Gate> gates;

  // Set by the router.
  const Route* route = nullptr;
  std::vector<std::string> path_values;  // of the route's {names}, decoded
  std::vector<QueryParameter> query;     // only those that the route knows, with valid values

  /// The value of the path's {name}.
  const std::string& Path(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  std::optional<std::string_view> Text(std::string_view name) const;
  /// The parameter, or the default that the route names for it, which must exist.
  uint64_t Number(std::string_view name) const;
  std::optional<uint64_t> MaybeNumber(std::string_view name) const;
  bool Flag(std::string_view name) const;
  /// Milliseconds since 1970.
  std::optional<UnixMillis> Time(std::string_view name) const;

  // ---- Responses -----------------------------------------------------------------------------

  /// A JSON response: write the value, nothing else.
  JsonWriter Json(int status = 200);
  /// Whether the body is JSON that lacks its last line end yet.
  bool is_json() const { return is_json_; }
  /// A response without a body.
  void NoContent();
  void Bytes(std::string_view type, std::string_view bytes);
  /// A JSON error. `details` is a JSON object or empty.
  void Fail(int status, std::string_view code, std::string_view message,
            std::string_view details = {});
  /// The error that `status`, which is not ok, stands for.
  void Fail(const Status& status);
  /// The error that a command's error line ("OOM ...") stands for.
  void FailWithLine(std::string_view line);

  // ---- Streams -------------------------------------------------------------------------------

  /// Nobody waits for the response any more.
  virtual bool Gone() const = 0;
  /// Begins a response without an end.
  void BeginStream(std::string_view type) { response.BeginStream(200, type); }
  /// Waits until less than about 1 MiB waits to be sent, in turn with others who wait for it; not
  /// if the client is gone.
  virtual Task<void> AwaitRoom() = 0;
  /// Sends a piece of the stream once the gates are settled. Before it, AwaitRoom() is due.
  virtual void Send(std::string_view bytes) = 0;

 protected:
  /// Forgets the last request.
  void Clear();

 private:
  const QueryParameter* Find(std::string_view name) const;

  bool is_json_ = false;
};

}  // namespace flashdb
