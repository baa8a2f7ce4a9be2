#include "api/serve.h"

#include <algorithm>

#include "api/route.h"
#include "base/base64.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

// The password of "Bearer PASSWORD" or, as browsers and curl -u send it, "Basic" with the base64 of
// "user:PASSWORD". There is one user, "default", so the name may be anything.
std::optional<std::string> GivenPassword(const HttpRequest& request) {
  std::string_view value = request.Header("authorization");
  const size_t space = value.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = value.substr(0, space);
  value.remove_prefix(std::min(value.find_first_not_of(' ', space), value.size()));
  if (EqualsIgnoreCase(scheme, "bearer")) return std::string(value);
  if (!EqualsIgnoreCase(scheme, "basic")) return std::nullopt;
  std::optional<std::string> pair = DecodeBase64(value);
  if (!pair.has_value()) return std::nullopt;
  const size_t colon = pair->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return pair->substr(colon + 1);
}

bool Admits(HttpExchange& exchange) {
  Engine& engine = exchange.engine;
  if (!engine.services.PasswordRequired(engine)) return true;
  std::optional<std::string> password = GivenPassword(exchange.request);
  return password.has_value() && engine.services.CheckPassword(engine, *password);
}

void RefuseStranger(HttpExchange& exchange) {
  exchange.response.AddHeader("WWW-Authenticate", "Basic realm=\"flashdb\", charset=\"UTF-8\"");
  exchange.response.AddHeader("WWW-Authenticate", "Bearer realm=\"flashdb\"");
  exchange.Fail(401, "unauthorized",
                "a password is needed: `Authorization: Bearer PASSWORD`, or curl -u default");
}

// Why `value` is none for a parameter; empty if it is one.
std::string Complaint(const QuerySpec& spec, std::string_view value) {
  switch (spec.kind) {
    case QuerySpec::Kind::kText:
      return {};
    case QuerySpec::Kind::kNumber: {
      const std::optional<uint64_t> number = ParseUint64(value);
      if (number.has_value() && *number >= spec.min && *number <= spec.max) return {};
      return fmt::format("'{}' is not a whole number from {} to {}", value, spec.min, spec.max);
    }
    case QuerySpec::Kind::kFlag:
      if (value == "true" || value == "false") return {};
      return fmt::format("'{}' is neither true nor false", value);
    case QuerySpec::Kind::kTime:
      if (ParseTime(value).has_value()) return {};
      return fmt::format(
          "'{}' is neither a time such as 2026-01-31T12:00:00.000Z nor milliseconds since 1970",
          value);
  }
  return {};
}

std::string CheckQuery(const Route& route, const std::vector<QueryParameter>& query) {
  for (size_t i = 0; i < query.size(); ++i) {
    const auto spec = std::find_if(route.query.begin(), route.query.end(),
                                   [&](const QuerySpec& row) { return row.name == query[i].name; });
    if (spec == route.query.end()) {
      return fmt::format("there is no parameter '{}' here; see /docs", query[i].name);
    }
    const bool again =
        std::any_of(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const QueryParameter& earlier) { return earlier.name == query[i].name; });
    if (again && !spec->repeats) return fmt::format("'{}' is given twice", spec->name);
    if (std::string why = Complaint(*spec, query[i].value); !why.empty()) {
      return fmt::format("{}: {}", spec->name, why);
    }
  }
  return {};
}

// The route, or nullptr after a response that says why there is none.
const Route* Resolve(HttpExchange& exchange) {
  const HttpRequest& request = exchange.request;
  RouteMatch match = FindRoute(request.method, request.path);
  if (match.route == nullptr && match.allowed.empty()) {
    exchange.Fail(404, "not_found", "there is nothing at this path; see /docs");
    return nullptr;
  }
  if (match.route == nullptr) {
    exchange.response.AddHeader("Allow", match.allowed);
    exchange.Fail(405, "method_not_allowed", "this path knows " + match.allowed);
    return nullptr;
  }
  std::optional<std::vector<QueryParameter>> query = ParseQuery(request.query);
  if (match.malformed || !query.has_value()) {
    exchange.Fail(400, "bad_request", "a '%' in the URL is not followed by two hex digits");
    return nullptr;
  }
  exchange.route = match.route;
  exchange.path_values = std::move(match.path_values);
  exchange.query = std::move(*query);
  return match.route;
}

bool TakesBody(HttpExchange& exchange, const Route& route) {
  const std::string_view encoding = exchange.request.Header("content-encoding");
  if (!encoding.empty() && !EqualsIgnoreCase(encoding, "identity")) {
    exchange.Fail(415, "unsupported_encoding", "send the body without a Content-Encoding");
    return false;
  }
  if (route.body_required && exchange.request.body.empty()) {
    exchange.Fail(400, "bad_request", "the request needs a body");
    return false;
  }
  return true;
}

Task<void> Answer(HttpExchange& exchange) {
  const Route* route = Resolve(exchange);
  if ((route == nullptr || !route->open) && !Admits(exchange)) {
    exchange.route = nullptr;
    RefuseStranger(exchange);
    co_return;
  }
  if (route == nullptr) co_return;
  exchange.session.authenticated = true;
  if (std::string why = CheckQuery(*route, exchange.query); !why.empty()) {
    exchange.Fail(400, "bad_parameter", why);
    co_return;
  }
  if (!TakesBody(exchange, *route)) co_return;
  co_await route->handler(exchange);
}

}  // namespace

Task<void> ServeHttp(HttpExchange& exchange) {
  co_await Answer(exchange);
  FLASHDB_CHECK(exchange.response.begun(), "no response from {}", exchange.request.path);
  if (exchange.is_json() && !exchange.response.streaming()) exchange.response.text() += '\n';
  HttpStats::Here().Add(exchange.route, exchange.response.status());
}

void HttpStats::Add(const Route* route, int status) {
  const std::span<const Route> routes = AllRoutes();
  by_route.resize(routes.size() + 1);
  auto& counts =
      by_route[route == nullptr ? routes.size() : static_cast<size_t>(route - routes.data())];
  auto found = std::find_if(counts.begin(), counts.end(),
                            [status](const Count& count) { return count.status == status; });
  if (found == counts.end()) {
    counts.push_back({status, 1});
  } else {
    ++found->requests;
  }
}

HttpStats& HttpStats::Here() {
  static thread_local HttpStats stats;
  return stats;
}

}  // namespace flashdb
