#include "api/document.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "api/route.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

using nlohmann::json;

const json& Document() {
  static const json document = [] {
    std::string text;
    JsonWriter writer(text);
    WriteDocument(writer);
    return json::parse(text);
  }();
  return document;
}

// Calls `visit` with every value in `value`.
template <typename F>
void Walk(const json& value, F visit) {
  visit(value);
  if (!value.is_structured()) return;
  for (const json& each : value) Walk(each, visit);
}

std::set<std::string> ParametersOf(const json& operation, std::string_view in) {
  std::set<std::string> names;
  for (const json& parameter : operation["parameters"]) {
    if (parameter["in"] == in) names.insert(parameter["name"]);
  }
  return names;
}

TEST(DocumentTest, NamesEveryRouteWithAllItsParameters) {
  size_t operations = 0;
  for (const auto& [path, methods] : Document()["paths"].items()) operations += methods.size();
  EXPECT_EQ(operations, AllRoutes().size());
  for (const Route& route : AllRoutes()) {
    const std::string method = ToLower(NameOf(route.method));
    const std::string path(route.path);
    ASSERT_TRUE(Document()["paths"][path].contains(method)) << method << " " << path;
    const json& operation = Document()["paths"][path][method];
    EXPECT_EQ(operation["operationId"], route.id);
    std::set<std::string> query;
    for (const QuerySpec& spec : route.query) query.insert(std::string(spec.name));
    EXPECT_EQ(ParametersOf(operation, "query"), query) << path;
    for (const std::string& name : ParametersOf(operation, "path")) {
      EXPECT_NE(path.find("{" + name + "}"), std::string::npos) << path;
    }
    for (const ResponseSpec& response : route.responses) {
      EXPECT_TRUE(operation["responses"].contains(std::to_string(response.status))) << path;
    }
    EXPECT_TRUE(operation["responses"].contains("default")) << path;
  }
}

TEST(DocumentTest, EveryReferenceHasItsSchemaAndEverySchemaIsUsed) {
  std::set<std::string> used;
  Walk(Document(), [&](const json& value) {
    if (!value.is_object() || !value.contains("$ref")) return;
    const std::string reference = value["$ref"];
    const std::string prefix = "#/components/schemas/";
    ASSERT_TRUE(reference.starts_with(prefix)) << reference;
    used.insert(reference.substr(prefix.size()));
  });
  std::set<std::string> known;
  for (const auto& [name, schema] : Document()["components"]["schemas"].items()) {
    known.insert(name);
  }
  EXPECT_EQ(used, known);
}

}  // namespace
}  // namespace flashdb
