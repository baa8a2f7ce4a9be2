#include "http/json_writer.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/random.h"

namespace flashdb {
namespace {

TEST(JsonWriterTest, CommasStandBetweenValuesAndNowhereElse) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject();
  json.Key("a").BeginArray().Int(-1).Uint(2).String("three,").Null().Bool(true).EndArray();
  json.Key("b").BeginObject().EndObject();
  json.Key("c").BeginArray().BeginArray().EndArray().BeginObject().EndObject().EndArray();
  json.EndObject();
  EXPECT_EQ(out, R"({"a":[-1,2,"three,",null,true],"b":{},"c":[[],{}]})");
}

TEST(JsonWriterTest, AStringThatEndsLikeAnOpenArrayIsFollowedByAComma) {
  std::string out;
  JsonWriter(out).BeginArray().String("[").String("{").String(":").String("\n").EndArray();
  EXPECT_EQ(out, R"(["[","{",":","\n"])");
}

TEST(JsonWriterTest, ALineAfterALineNeedsNoComma) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject().EndObject();
  out += '\n';
  json.BeginObject().EndObject();
  EXPECT_EQ(out, "{}\n{}");
}

// Against another implementation, at every length around the width of its inner loop.
TEST(JsonWriterTest, AnyTextIsReadBackAsItWas) {
  Random random(7);
  const std::vector<std::string> letters = {"a",    "\"",   "\\",     "\n",     "\x01",
                                            "\x1f", "\x7f", "\u00e9", "\u20ac", "\U0001f600",
                                            "/",    " ",    "\t"};
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const size_t length = random.Below(40);
    const size_t special = random.Below(3) == 0 ? letters.size() : 1;
    for (size_t i = 0; i < length; ++i) text += letters[random.Below(special)];
    std::string out;
    JsonWriter(out).String(text);
    EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), text);
  }
}

TEST(JsonWriterTest, BytesThatAreNoTextTravelAsBase64) {
  std::string out;
  JsonWriter json(out);
  json.BeginObject().BytesMember("value", "plain").BytesMember("other", "\xff\x00z").EndObject();
  EXPECT_EQ(out, R"({"value":"plain","other_base64":"/w=="})");
  out.clear();
  json.BeginObject().BytesMember("value", std::string_view("\xff\0z", 3)).EndObject();
  EXPECT_EQ(out, R"({"value_base64":"/wB6"})");
}

TEST(JsonWriterTest, TextThatOughtToBeUtf8IsRepaired) {
  std::string out;
  JsonWriter(out).Text("ok \xc3\x28 \xe2\x82 \xf0\x9f\x98\x80 \xed\xa0\x80 end\xc3");
  const std::string text = nlohmann::json::parse(out).get<std::string>();
  EXPECT_EQ(text, "ok \ufffd( \ufffd\ufffd \U0001f600 \ufffd\ufffd\ufffd end\ufffd");
}

TEST(JsonWriterTest, NumbersAreExactAndInfinitiesAreText) {
  std::string out;
  JsonWriter json(out);
  json.BeginArray();
  json.Int(std::numeric_limits<int64_t>::min()).Uint(std::numeric_limits<uint64_t>::max());
  json.Double(0.1).Double(std::numeric_limits<double>::infinity());
  json.EndArray();
  EXPECT_EQ(out, R"([-9223372036854775808,18446744073709551615,0.1,"inf"])");
}

TEST(JsonTimeTest, IsIso8601InUtc) {
  EXPECT_EQ(FormatTime(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(FormatTime(1'769'860'800'123), "2026-01-31T12:00:00.123Z");
  EXPECT_EQ(FormatTime(951'782'399'999), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(FormatTime(-1), "1969-12-31T23:59:59.999Z");
}

TEST(JsonTimeTest, IsReadInAnyZone) {
  EXPECT_EQ(ParseTime("2026-01-31T12:00:00.123Z"), 1'769'860'800'123);
  EXPECT_EQ(ParseTime("2026-01-31t13:30:00.1234567+01:30"), 1'769'860'800'123);
  EXPECT_EQ(ParseTime("2026-01-31T12:00:00.5Z"), 1'769'860'800'500);
  EXPECT_EQ(ParseTime("2026-01-31T07:00:00-05:00"), 1'769'860'800'000);
  EXPECT_EQ(ParseTime("1769860800123"), 1'769'860'800'123);
}

TEST(JsonTimeTest, NoSuchTimeIsRefused) {
  for (std::string_view bad :
       {"", "now", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01",
        "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00Zx", "26-01-01T00:00:00Z",
        "2026-01-01T00:61:00Z", "1e3"}) {
    EXPECT_EQ(ParseTime(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace flashdb
