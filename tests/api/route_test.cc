#include "api/route.h"

#include <gtest/gtest.h>

#include <set>

namespace flashdb {
namespace {

TEST(RouteTest, APathIsFoundAndItsValuesAreDecoded) {
  const RouteMatch match = FindRoute(HttpMethod::kPut, "/keys/a%2Fb%20c");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->id, "putKey");
  EXPECT_EQ(match.path_values, std::vector<std::string>{"a/b c"});
}

TEST(RouteTest, HeadFindsTheRouteOfGet) {
  const RouteMatch match = FindRoute(HttpMethod::kHead, "/health");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->id, "getHealth");
}

TEST(RouteTest, AnotherMethodIsToldWhichAreAllowed) {
  const RouteMatch match = FindRoute(HttpMethod::kPost, "/keys/a");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allowed, "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(FindRoute(HttpMethod::kOther, "/health").allowed, "GET, HEAD");
}

TEST(RouteTest, UnknownPathsAreNotFound) {
  for (std::string_view path :
       {"/", "/nothing", "/keys", "/keys/", "/keys/a/b", "/health/", "//health", "*", "/HEALTH"}) {
    const RouteMatch match = FindRoute(HttpMethod::kGet, path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allowed, "") << path;
  }
}

TEST(RouteTest, ABrokenEscapeIsNoted) {
  EXPECT_TRUE(FindRoute(HttpMethod::kGet, "/keys/%zz").malformed);
}

TEST(RouteTest, EveryRowIsWhole) {
  std::set<std::string_view> ids;
  for (const Route& route : AllRoutes()) {
    EXPECT_TRUE(ids.insert(route.id).second) << route.id << " is there twice";
    EXPECT_NE(route.handler, nullptr) << route.id;
    EXPECT_FALSE(route.summary.empty()) << route.id;
    EXPECT_FALSE(route.responses.empty()) << route.id;
    EXPECT_EQ(FindRoute(route.method, route.path).route, &route) << route.path;
    for (const QuerySpec& spec : route.query) EXPECT_FALSE(spec.doc.empty()) << spec.name;
  }
}

}  // namespace
}  // namespace flashdb
