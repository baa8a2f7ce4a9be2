#include "cli/text.h"

#include <gtest/gtest.h>

namespace flashdb::cli {
namespace {

TEST(Base64Test, TheVectorsOfRfc4648HoldBothWays) {
  const std::pair<const char*, const char*> kVectors[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(EncodeBase64(bytes), text);
    EXPECT_EQ(DecodeBase64(text), bytes);
  }
  EXPECT_EQ(EncodeBase64("\xff\xfe\xfd"), "//79");
}

TEST(Base64Test, OtherTextIsRefused) {
  for (const char* text : {"Zg", "Zg=", "Z===", "Zm9v!A==", "====", "Zg==Zg=="}) {
    EXPECT_EQ(DecodeBase64(text), std::nullopt) << text;
  }
}

TEST(Utf8Test, OverlongFormsSurrogatesAndCutSequencesAreNoUtf8) {
  EXPECT_TRUE(IsUtf8("grüße €\xf0\x9f\x98\x80"));
  for (const char* bad :
       {"\xff", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(EscapeTest, NothingThatSteersATerminalPasses) {
  EXPECT_EQ(Escape("a\tb\nc\\d"), "a\\tb\\nc\\\\d");
  EXPECT_EQ(Escape("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(Escape("\xc2\x9b"), "\\xc2\\x9b");  // CSI in one code point
  EXPECT_EQ(Escape("é\xff"), "é\\xff");
}

TEST(UrlEncodeTest, AllButUnreservedLettersAreEscaped) {
  EXPECT_EQ(UrlEncode("a.b_c-d~1"), "a.b_c-d~1");
  EXPECT_EQ(UrlEncode("a/b?c d&é"), "a%2Fb%3Fc%20d%26%C3%A9");
}

TEST(FormatTest, SizesDurationsAndCountsAreForPeople) {
  EXPECT_EQ(FormatBytes(1023), "1023 B");
  EXPECT_EQ(FormatBytes(1536), "1.5 KiB");
  EXPECT_EQ(FormatBytes(uint64_t{5} << 30), "5.0 GiB");
  EXPECT_EQ(FormatDuration(604'800'000), "7 d");
  EXPECT_EQ(FormatDuration(90'000), "90 s");
  EXPECT_EQ(FormatDuration(1), "1 ms");
  EXPECT_EQ(FormatDuration(0), "0 ms");
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

TEST(ParseTimeTest, IsoTimesHaveZonesAndFractions) {
  constexpr UnixMillis kTime = 1769860800000;  // 2026-01-31T12:00:00Z
  for (const char* text :
       {"2026-01-31T12:00:00Z", "2026-01-31T12:00:00", "2026-01-31 12:00",
        "2026-01-31T14:00:00+02:00", "2026-01-31T06:30:00-0530", "1769860800000"}) {
    auto time = ParseTime(text, 0);
    ASSERT_TRUE(time.ok()) << text;
    EXPECT_EQ(*time, kTime) << text;
  }
  EXPECT_EQ(*ParseTime("2026-01-31T12:00:00.25Z", 0), kTime + 250);
  EXPECT_EQ(*ParseTime("2026-01-31", 0), kTime - 12 * 3'600'000);
  EXPECT_EQ(FormatTime(kTime + 7), "2026-01-31T12:00:00.007Z");
}

TEST(ParseTimeTest, AnAgeIsBeforeNow) {
  EXPECT_EQ(*ParseTime("15m", 1'000'000), 100'000);
  EXPECT_EQ(*ParseTime("250ms", 1'000'000), 999'750);
  EXPECT_EQ(*ParseTime("2d", 200'000'000), 200'000'000 - 172'800'000);
}

TEST(ParseTimeTest, AnythingElseIsRefusedWithExamples) {
  for (const char* text :
       {"", "soon", "-5m", "2026-13-01", "2026-01-31T12:00:00+2", "5 m", "99999999999999d"}) {
    auto time = ParseTime(text, 0);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_NE(time.status().message().find("15m"), std::string::npos);
  }
}

}  // namespace
}  // namespace flashdb::cli
