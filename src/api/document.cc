// GET /openapi.json, written from the table of routes, and GET /docs, a page that shows it.
#include "api/exchange.h"
#include "api/route.h"
#include "api/schemas.h"

namespace flashdb {
namespace {

void WriteSchemaOf(JsonWriter& json, const QuerySpec& spec) {
  json.Key("schema").BeginObject();
  switch (spec.kind) {
    case QuerySpec::Kind::kText:
      json.Key("type").String("string");
      break;
    case QuerySpec::Kind::kNumber:
      json.Key("type").String("integer");
      json.Key("minimum").Uint(spec.min);
      if (spec.max < std::numeric_limits<int64_t>::max()) json.Key("maximum").Uint(spec.max);
      break;
    case QuerySpec::Kind::kFlag:
      json.Key("type").String("boolean");
      break;
    case QuerySpec::Kind::kTime:
      json.Key("type").String("string");
      json.Key("examples").BeginArray().String("2026-01-31T12:00:00.000Z").EndArray();
      break;
  }
  if (!spec.fallback.empty()) {
    const bool quoted = spec.kind == QuerySpec::Kind::kText || spec.kind == QuerySpec::Kind::kTime;
    json.Key("default");
    quoted ? json.String(spec.fallback) : json.Raw(spec.fallback);
  }
  json.EndObject();
}

void WriteQueryParameter(JsonWriter& json, const QuerySpec& spec) {
  json.BeginObject();
  json.Key("name").String(spec.name);
  json.Key("in").String("query");
  json.Key("description").String(spec.doc);
  json.Key("required").Bool(false);
  WriteSchemaOf(json, spec);
  json.EndObject();
}

void WriteParameters(JsonWriter& json, const Route& route) {
  json.Key("parameters").BeginArray();
  for (std::string_view rest = route.path; rest.find('{') != std::string_view::npos;) {
    const size_t open = rest.find('{');
    const size_t close = rest.find('}');
    json.BeginObject();
    json.Key("name").String(rest.substr(open + 1, close - open - 1));
    json.Key("in").String("path");
    json.Key("required").Bool(true);
    json.Key("schema").BeginObject().Key("type").String("string").EndObject();
    json.EndObject();
    rest.remove_prefix(close + 1);
  }
  for (const QuerySpec& spec : route.query) WriteQueryParameter(json, spec);
  json.EndArray();
}

void WriteContent(JsonWriter& json, const std::vector<BodySpec>& bodies) {
  json.Key("content").BeginObject();
  for (const BodySpec& body : bodies) {
    json.Key(body.type).BeginObject();
    if (!body.schema.empty()) {
      json.Key("schema").BeginObject();
      json.Key("$ref").String(fmt::format("#/components/schemas/{}", body.schema));
      json.EndObject();
    }
    json.EndObject();
  }
  json.EndObject();
}

void WriteResponses(JsonWriter& json, const Route& route) {
  json.Key("responses").BeginObject();
  for (const ResponseSpec& response : route.responses) {
    json.Key(std::to_string(response.status)).BeginObject();
    json.Key("description").String(response.doc);
    if (!response.bodies.empty()) WriteContent(json, response.bodies);
    json.EndObject();
  }
  json.Key("default").BeginObject();
  json.Key("description").String("An error; `error` names its kind, `message` is for people.");
  WriteContent(json, {{kJsonType, "Error"}});
  json.EndObject().EndObject();
}

void WriteOperation(JsonWriter& json, const Route& route) {
  std::string method(NameOf(route.method));
  json.Key(ToLower(method)).BeginObject();
  json.Key("operationId").String(route.id);
  json.Key("tags").BeginArray().String(route.tag).EndArray();
  json.Key("summary").String(route.summary);
  WriteParameters(json, route);
  if (!route.bodies.empty()) {
    json.Key("requestBody").BeginObject();
    json.Key("required").Bool(route.body_required);
    WriteContent(json, route.bodies);
    json.EndObject();
  }
  WriteResponses(json, route);
  if (route.open) json.Key("security").BeginArray().EndArray();
  json.EndObject();
}

void WritePaths(JsonWriter& json) {
  const std::span<const Route> routes = AllRoutes();
  json.Key("paths").BeginObject();
  for (size_t i = 0; i < routes.size(); ++i) {
    const auto same = [&](const Route& other) { return other.path == routes[i].path; };
    const auto before = routes.begin() + static_cast<std::ptrdiff_t>(i);
    if (std::any_of(routes.begin(), before, same)) continue;
    json.Key(routes[i].path).BeginObject();
    for (const Route& route : routes) {
      if (same(route)) WriteOperation(json, route);
    }
    json.EndObject();
  }
  json.EndObject();
}

void WriteDocument(JsonWriter& json) {
  json.BeginObject();
  json.Key("openapi").String("3.1.0");
  json.Key("info").BeginObject();
  json.Key("title").String("FlashDB");
  json.Key("version").String(FLASHDB_VERSION);
  json.Key("description")
      .String(
          "Keys, commands and topics over HTTP. Nothing is answered before what it tells of is "
          "on disk (with sync=always). Bytes that are not UTF-8 travel as base64, in a member "
          "whose name ends with _base64.");
  json.EndObject();
  WritePaths(json);
  json.Key("components").BeginObject();
  json.Key("schemas").Raw(ComponentSchemas());
  json.Key("securitySchemes")
      .Raw(
          R"({"bearer":{"type":"http","scheme":"bearer"},"basic":{"type":"http","scheme":"basic"}})");
  json.EndObject();
  json.Key("security").Raw(R"([{},{"bearer":[]},{"basic":[]}])");
  json.EndObject();
}

Task<void> GetDocument(HttpExchange& exchange) {
  JsonWriter json = exchange.Json();
  WriteDocument(json);
  co_return;
}

Task<void> GetDocsPage(HttpExchange& exchange) {
  exchange.response.AddHeader("Content-Security-Policy",
                              "default-src 'none'; style-src 'unsafe-inline'; script-src "
                              "'unsafe-inline'; connect-src 'self'");
  exchange.Bytes("text/html; charset=utf-8", DocsPage());
  co_return;
}

}  // namespace

std::vector<Route> DocumentRoutes() {
  return {
      {.method = HttpMethod::kGet,
       .path = "/openapi.json",
       .handler = &GetDocument,
       .id = "getDocument",
       .tag = "server",
       .summary = "This document (OpenAPI 3.1).",
       .responses = {{200, "The document.", {{kJsonType, "Document"}}}}},
      {.method = HttpMethod::kGet,
       .path = "/docs",
       .handler = &GetDocsPage,
       .id = "getDocs",
       .tag = "server",
       .summary = "This document as a page.",
       .responses = {{200, "The page.", {{"text/html; charset=utf-8", ""}}}}},
  };
}

}  // namespace flashdb
