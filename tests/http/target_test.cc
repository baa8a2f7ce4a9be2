#include <gtest/gtest.h>

#include "http/request.h"

namespace flashdb {
namespace {

TEST(PercentDecodeTest, ReplacesEscapesOnce) {
  EXPECT_EQ(PercentDecode("a%2Fb%2f%25%00", false), std::string("a/b/%\0", 6));
  EXPECT_EQ(PercentDecode("%2541", false), "%41");
}

TEST(PercentDecodeTest, APlusIsASpaceInAQueryOnly) {
  EXPECT_EQ(PercentDecode("a+b", true), "a b");
  EXPECT_EQ(PercentDecode("a+b", false), "a+b");
}

TEST(PercentDecodeTest, RefusesABrokenEscape) {
  for (std::string_view bad : {"%", "%1", "%zz", "ab%4", "%%41"}) {
    EXPECT_EQ(PercentDecode(bad, false), std::nullopt) << bad;
  }
}

TEST(ParseQueryTest, DecodesNamesAndValues) {
  const auto query = ParseQuery("a=1&b%20c=x%3Dy=z&&d&e=");
  ASSERT_TRUE(query.has_value());
  ASSERT_EQ(query->size(), 4u);
  EXPECT_EQ((*query)[0].name + "|" + (*query)[0].value, "a|1");
  EXPECT_EQ((*query)[1].name + "|" + (*query)[1].value, "b c|x=y=z");
  EXPECT_EQ((*query)[2].name + "|" + (*query)[2].value, "d|");
  EXPECT_EQ((*query)[3].name + "|" + (*query)[3].value, "e|");
  EXPECT_EQ(ParseQuery("a=%"), std::nullopt);
}

TEST(HttpRequestTest, HeadersAreFoundWhateverTheirCase) {
  HttpRequest request;
  request.headers = {{"Content-TYPE", "Application/JSON ; charset=utf-8"}};
  EXPECT_EQ(request.Header("content-type"), "Application/JSON ; charset=utf-8");
  EXPECT_EQ(request.MediaType(), "application/json");
  EXPECT_EQ(request.Header("accept"), "");
}

TEST(HttpRequestTest, AWildcardIsNoPreference) {
  HttpRequest request;
  EXPECT_FALSE(request.Prefers("application/json"));
  request.headers = {{"Accept", "text/html, Application/Json;q=0.5, */*"}};
  EXPECT_TRUE(request.Prefers("application/json"));
  EXPECT_FALSE(request.Prefers("text/event-stream"));
}

}  // namespace
}  // namespace flashdb
