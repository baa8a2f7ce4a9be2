#include "e2e/api_document.h"

#include <fmt/format.h>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "base/check.h"
#include "base/numbers.h"
#include "e2e/http_client.h"

namespace flashdb::e2e {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

std::vector<std::string> Split(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const size_t slash = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash);
  }
  return segments;
}

bool Fits(std::string_view pattern, std::string_view path) {
  const std::vector<std::string> a = Split(pattern);
  const std::vector<std::string> b = Split(path);
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].starts_with('{') ? b[i].empty() : a[i] != b[i]) return false;
  }
  return true;
}

std::string MediaTypeOf(std::string_view type) {
  return std::string(type.substr(0, type.find(';')));
}

// The entry for the reply's Content-Type, whatever its parameters.
const json* ContentFor(const json& content, const HttpReply& reply) {
  for (const auto& [type, body] : content.items()) {
    if (MediaTypeOf(type) == MediaTypeOf(reply.type())) return &body;
  }
  return nullptr;
}

}  // namespace

const ApiDocument& ApiDocument::Of(uint16_t port) {
  static const ApiDocument document = [port] {
    HttpClient client(port);
    const HttpReply reply = client.Get("/openapi.json", {.check = false});
    FLASHDB_CHECK(reply.status == 200, "no /openapi.json: {} {}", reply.status, reply.error);
    return ApiDocument(json::parse(reply.body));
  }();
  return document;
}

const json* ApiDocument::FindOperation(std::string_view method, std::string_view path) const {
  const std::string name = method == "HEAD" ? "get" : ToLower(method);
  for (const auto& [pattern, operations] : document_["paths"].items()) {
    if (!Fits(pattern, path)) continue;
    auto found = operations.find(name);
    if (found != operations.end()) return &*found;
  }
  return nullptr;
}

std::string ApiDocument::CheckSchema(const json& schema, const json& value) const {
  json root = schema;
  root["components"] = document_["components"];  // where its references point to
  valijson::Schema parsed;
  valijson::SchemaParser parser;
  parser.populateSchema(Adapter(root), parsed);
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(parsed, Adapter(value), &results)) return "";
  std::string why = "the body does not fit its schema:";
  for (const auto& error : results) {
    why += fmt::format(" [{} {}]", fmt::join(error.context, ""), error.description);
  }
  return why;
}

std::string ApiDocument::Check(std::string_view method, std::string_view target,
                               const HttpReply& reply) const {
  const json* operation = FindOperation(method, target.substr(0, target.find('?')));
  const json error = {{"$ref", "#/components/schemas/Error"}};
  if (operation == nullptr) {
    if (reply.status < 400) return "there is no such operation";
    return method == "HEAD" ? "" : CheckSchema(error, reply.json());
  }
  const json& responses = (*operation)["responses"];
  const std::string status = std::to_string(reply.status);
  if (!responses.contains(status) && reply.status < 400)
    return "status " + status + " is not named";
  const json& response = responses.contains(status) ? responses[status] : responses["default"];
  if (!response.contains("content")) return reply.body.empty() ? "" : "there should be no body";
  const json* content = ContentFor(response["content"], reply);
  if (content == nullptr) return "no body of type '" + reply.type() + "' is named";
  if (method == "HEAD" || !content->contains("schema")) return "";
  if (MediaTypeOf(reply.type()) != "application/json") return "";
  return CheckSchema((*content)["schema"], reply.json());
}

}  // namespace flashdb::e2e
