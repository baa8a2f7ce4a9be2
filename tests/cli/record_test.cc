#include "cli/record.h"

#include <gtest/gtest.h>

#include <sstream>

namespace flashdb::cli {
namespace {

std::string ProblemWith(std::string_view line) {
  auto record = NewRecordOf(line);
  EXPECT_TRUE(absl::IsInvalidArgument(record.status())) << line;
  return std::string(record.status().message());
}

TEST(NewRecordTest, EveryMemberOfALineIsTaken) {
  auto record = NewRecordOf(R"({"key":"k","value":"v","headers":{"a":"1","b":"2"},"partition":3})");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->key, "k");
  EXPECT_EQ(record->value, "v");
  EXPECT_EQ(record->headers, (Headers{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(record->partition, 3);
}

TEST(NewRecordTest, Base64MembersAreBytes) {
  auto record = NewRecordOf(R"({"key_base64":"/w==","value_base64":"AAE="})");
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->key, "\xff");
  EXPECT_EQ(record->value, std::string("\0\x01", 2));
}

TEST(NewRecordTest, AValueThatIsNoTextIsItsJson) {
  EXPECT_EQ(NewRecordOf(R"({"value":{"b":1,"a":[true]}})")->value, R"({"b":1,"a":[true]})");
  EXPECT_EQ(NewRecordOf(R"({"value":7})")->value, "7");
  EXPECT_EQ(NewRecordOf(R"({"key":"k","value":null})")->value, std::nullopt);
}

TEST(NewRecordTest, AWrongLineSaysWhatIsWrong) {
  EXPECT_NE(ProblemWith("{").find("column"), std::string::npos);
  EXPECT_NE(ProblemWith("[1]").find("object"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"vlaue":"x"})").find("vlaue"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"headers":["x"]})").find("headers"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"headers":{"n":1}})").find("'n'"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"partition":"x"})").find("partition"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"value_base64":"?"})").find("base64"), std::string::npos);
  EXPECT_NE(ProblemWith(R"({"value":"a","value_base64":"YQ=="})").find("both"), std::string::npos);
}

TEST(HeadersTest, BytesTravelInBase64BothWays) {
  const NewRecord record = {
      .key = {}, .value = "v", .headers = {{"t", "x"}, {"b", "\xff"}}, .partition = {}};
  const std::string json = R"({"value":"v","headers":{"t":"x"},"headers_base64":{"b":"/w=="}})";
  EXPECT_EQ(ToText(ToJson(record)), json);
  EXPECT_EQ(NewRecordOf(json)->headers, record.headers);
  EXPECT_NE(ProblemWith(R"({"headers_base64":{"b":"?"}})").find("'b'"), std::string::npos);
}

TEST(ToJsonTest, TextTravelsAsTextAndBytesAsBase64) {
  EXPECT_EQ(ToText(ToJson({.key = "k", .value = "v", .headers = {{"h", "x"}}, .partition = 2})),
            R"({"key":"k","value":"v","headers":{"h":"x"},"partition":2})");
  EXPECT_EQ(ToText(ToJson({.key = {}, .value = "\xff", .headers = {}, .partition = {}})),
            R"({"value_base64":"/w=="})");
  EXPECT_EQ(ToText(ToJson({.key = "k", .value = {}, .headers = {}, .partition = {}})),
            R"({"key":"k","value":null})");
}

TEST(ParseHeaderTest, TheFirstEqualsSignEndsTheName) {
  EXPECT_EQ(*ParseHeader("a=b=c"), (std::pair<std::string, std::string>("a", "b=c")));
  EXPECT_EQ(*ParseHeader("a="), (std::pair<std::string, std::string>("a", "")));
  EXPECT_FALSE(ParseHeader("a").ok());
  EXPECT_FALSE(ParseHeader("=b").ok());
}

class PrintRecordTest : public testing::Test {
 protected:
  std::string Printed(const char* json, const PrintOptions& options = {}) {
    out_.str("");
    const Status status = PrintRecord(output_, *ParseJson(json), options);
    EXPECT_TRUE(status.ok()) << status;
    return out_.str();
  }

  std::ostringstream out_;
  std::ostringstream err_;
  Output output_{out_, err_};
};

constexpr const char* kRecord =
    R"({"partition":4,"offset":12,"timestamp":"2026-01-31T12:00:00.000Z","key":"k","value":"a\nb","headers":{"h":"x"}})";
constexpr const char* kBinary =
    R"({"partition":4,"offset":1,"timestamp":"2026-01-31T12:00:00.000Z","value_base64":"/wA="})";

TEST_F(PrintRecordTest, ALineForPeopleEscapesBinaryValues) {
  EXPECT_EQ(Printed(kRecord), "4:12     2026-01-31T12:00:00.000Z  k  a\\nb  h=x\n");
  EXPECT_EQ(Printed(kBinary), "4:1      2026-01-31T12:00:00.000Z  \\xff\\x00\n");
}

TEST_F(PrintRecordTest, RawGivesTheBytesAndTheSeparator) {
  EXPECT_EQ(Printed(kBinary, {.raw = true}), std::string("\xff\0\n", 3));
  EXPECT_EQ(Printed(kBinary, {.raw = true, .separator = ""}), std::string("\xff\0", 2));
}

TEST_F(PrintRecordTest, JsonIsTheApis) {
  output_.UseJson(true);
  EXPECT_EQ(
      Printed(kBinary),
      R"({"partition":4,"offset":1,"timestamp":"2026-01-31T12:00:00.000Z","value_base64":"/wA="})"
      "\n");
}

TEST_F(PrintRecordTest, ARecordWithoutAValueIsADeletion) {
  EXPECT_EQ(Printed(R"({"partition":4,"offset":3,"timestamp":"T","key":"k","value":null})"),
            "4:3      T  k  (deleted)\n");
}

TEST_F(PrintRecordTest, WhatIsNoRecordIsAnError) {
  EXPECT_TRUE(absl::IsDataLoss(PrintRecord(output_, *ParseJson("{}"), {})));
  EXPECT_TRUE(absl::IsDataLoss(
      PrintRecord(output_, *ParseJson(R"({"partition":0,"offset":1,"value_base64":"?"})"), {})));
}

}  // namespace
}  // namespace flashdb::cli
