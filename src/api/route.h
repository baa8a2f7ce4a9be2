// What the server answers over HTTP: one table of routes. It is also what /openapi.json tells.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "shards/task.h"

namespace flashdb {

class HttpExchange;

/// Gives a response to `exchange` before it ends. May suspend; runs on the client's shard.
using HttpHandler = Task<void> (*)(HttpExchange& exchange);

/// A parameter in the query. All texts are static.
struct QuerySpec {
  enum class Kind : uint8_t { kText, kNumber, kFlag, kTime };
  std::string_view name;
  Kind kind = Kind::kText;
  std::string_view doc;
  uint64_t min = 0;
  uint64_t max = std::numeric_limits<int64_t>::max();
  std::string_view fallback = {};  // what holds if it is not given; empty: nothing
  bool repeats = false;            // may be given more than once
};

struct BodySpec {
  std::string_view type;    // media type
  std::string_view schema;  // name in the document's components; empty: bytes
};

struct ResponseSpec {
  int status;
  std::string_view doc;
  std::vector<BodySpec> bodies = {};  // one of them; none: no body
};

/// One row of the table. Each can also answer with an error (schema "Error").
struct Route {
  HttpMethod method;
  std::string_view path;  // "/keys/{key}"
  HttpHandler handler;
  std::string_view id;  // operationId
  std::string_view tag;
  std::string_view summary;
  std::vector<QuerySpec> query = {};
  std::vector<BodySpec> bodies = {};  // that a request may have, by its Content-Type
  bool body_required = false;
  std::vector<ResponseSpec> responses = {};
  bool open = false;  // answered without the password
};

/// The families' rows; each in the file of its family.
std::vector<Route> HealthRoutes();
std::vector<Route> MetricsRoutes();
std::vector<Route> KeyRoutes();
std::vector<Route> CommandRoutes();
std::vector<Route> TopicRoutes();
std::vector<Route> RecordRoutes();
std::vector<Route> GroupRoutes();
std::vector<Route> MemberRoutes();
std::vector<Route> DocumentRoutes();

/// All rows. Any thread.
std::span<const Route> AllRoutes();

struct RouteMatch {
  const Route* route = nullptr;          // null: see `allowed`
  std::vector<std::string> path_values;  // decoded
  std::string allowed;                   // methods that the path knows; empty: no such path
  bool malformed = false;                // a bad escape in the path
};
/// HEAD finds the route of GET. `path` is as sent. Any thread.
RouteMatch FindRoute(HttpMethod method, std::string_view path);

}  // namespace flashdb
