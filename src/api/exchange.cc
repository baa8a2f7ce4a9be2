#include "api/exchange.h"

#include <algorithm>

#include "api/route.h"
#include "base/check.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

struct ErrorRow {
  int http_status;
  std::string_view code;
};

ErrorRow RowOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return {400, "invalid_argument"};
    case absl::StatusCode::kNotFound:
      return {404, "not_found"};
    case absl::StatusCode::kAlreadyExists:
      return {409, "already_exists"};
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAborted:
      return {409, "conflict"};
    case absl::StatusCode::kOutOfRange:
      return {422, "out_of_range"};
    case absl::StatusCode::kUnauthenticated:
      return {401, "unauthorized"};
    case absl::StatusCode::kResourceExhausted:
      return {429, "resource_exhausted"};
    case absl::StatusCode::kUnavailable:
      return {503, "unavailable"};
    case absl::StatusCode::kUnimplemented:
      return {501, "not_implemented"};
    default:
      return {500, "internal"};
  }
}

const QuerySpec& SpecOf(const Route* route, std::string_view name) {
  const auto spec = std::find_if(route->query.begin(), route->query.end(),
                                 [&](const QuerySpec& row) { return row.name == name; });
  FLASHDB_CHECK(spec != route->query.end(), "{} has no parameter {}", route->path, name);
  return *spec;
}

}  // namespace

const std::string& HttpExchange::Path(std::string_view name) const {
  std::string_view pattern = route->path;
  for (const std::string& value : path_values) {
    const size_t open = pattern.find('{');
    const size_t close = pattern.find('}');
    if (pattern.substr(open + 1, close - open - 1) == name) return value;
    pattern.remove_prefix(close + 1);
  }
  FLASHDB_CHECK(false, "{} has no {{{}}}", route->path, name);
}

const QueryParameter* HttpExchange::Find(std::string_view name) const {
  for (const QueryParameter& parameter : query) {
    if (parameter.name == name) return &parameter;
  }
  return nullptr;
}

std::optional<std::string_view> HttpExchange::Text(std::string_view name) const {
  if (const QueryParameter* found = Find(name)) return found->value;
  const QuerySpec& spec = SpecOf(route, name);
  return spec.fallback.empty() ? std::nullopt : std::optional<std::string_view>(spec.fallback);
}

std::optional<uint64_t> HttpExchange::MaybeNumber(std::string_view name) const {
  const std::optional<std::string_view> text = Text(name);
  return text.has_value() ? ParseUint64(*text) : std::nullopt;
}

uint64_t HttpExchange::Number(std::string_view name) const {
  const std::optional<uint64_t> number = MaybeNumber(name);
  FLASHDB_CHECK(number.has_value(), "{} has no default for {}", route->path, name);
  return *number;
}

bool HttpExchange::Flag(std::string_view name) const { return Text(name) == "true"; }

std::optional<UnixMillis> HttpExchange::Time(std::string_view name) const {
  const std::optional<std::string_view> text = Text(name);
  return text.has_value() ? ParseTime(*text) : std::nullopt;
}

void HttpExchange::Clear() {
  gates.clear();
  route = nullptr;
  path_values.clear();
  query.clear();
  is_json_ = false;
}

JsonWriter HttpExchange::Json(int status) {
  // What is before the value are headers, which end with a line: no comma comes in between.
  is_json_ = true;
  return JsonWriter(response.Begin(status, kJsonType));
}

void HttpExchange::NoContent() {
  is_json_ = false;
  response.Begin(204, {});
}

void HttpExchange::Bytes(std::string_view type, std::string_view bytes) {
  is_json_ = false;
  response.Begin(200, type) += bytes;
}

void HttpExchange::Fail(int status, std::string_view code, std::string_view message,
                        std::string_view details) {
  is_json_ = true;
  response.Begin(status, kJsonType) += JsonError(code, message, details);
}

void HttpExchange::FailWithLine(std::string_view line) {
  struct Row {
    std::string_view prefix;
    int status;
    std::string_view code;
  };
  constexpr Row kRows[] = {
      {"WRONGTYPE", 409, "wrong_type"}, {"OOM", 503, "out_of_memory"},
      {"MISCONF", 503, "unavailable"},  {"NOAUTH", 401, "unauthorized"},
      {"ERR", 400, "bad_request"},
  };
  for (const Row& row : kRows) {
    if (!line.starts_with(row.prefix)) continue;
    line.remove_prefix(std::min(row.prefix.size() + 1, line.size()));
    return Fail(row.status, row.code, line);
  }
  Fail(503, "unavailable", line);
}

void HttpExchange::Fail(const Status& status) {
  const ErrorRow row = RowOf(status.code());
  if (row.http_status == 503 || row.http_status == 429) response.AddHeader("Retry-After", "1");
  Fail(row.http_status, row.code, MessageOf(status));
}

}  // namespace flashdb
