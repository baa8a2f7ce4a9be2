#include "base/numbers.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace flashdb {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ParseInt64Test, TakesWholeDecimalIntegersOnly) {
  EXPECT_EQ(ParseInt64("0"), 0);
  EXPECT_EQ(ParseInt64("-1"), -1);
  EXPECT_EQ(ParseInt64("1234567890"), 1234567890);
  EXPECT_EQ(ParseInt64("9223372036854775807"), kMax);
  EXPECT_EQ(ParseInt64("-9223372036854775808"), kMin);
  for (const char* bad :
       {"", "-", "+1", "01", "-0", "00", " 1", "1 ", "1a", "a", "0x10", "1.0", "--1",
        "9223372036854775808", "-9223372036854775809", "18446744073709551616",
        "99999999999999999999", "100000000000000000000", "-100000000000000000000"}) {
    EXPECT_EQ(ParseInt64(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseInt64(std::string_view("1\0", 2)), std::nullopt);
}

TEST(ParseUint64Test, TakesNoSign) {
  EXPECT_EQ(ParseUint64("0"), 0u);
  EXPECT_EQ(ParseUint64("18446744073709551615"), std::numeric_limits<uint64_t>::max());
  for (const char* bad : {"", "-1", "-0", "+1", "01", "18446744073709551616", "1 ", "x"}) {
    EXPECT_EQ(ParseUint64(bad), std::nullopt) << bad;
  }
}

TEST(FormatInt64Test, WritesWhatParseInt64Reads) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20000; ++i) {
    const auto value = static_cast<int64_t>(random()) >> (random() % 64);
    std::string text;
    AppendInt64(text, value);
    ASSERT_EQ(text, std::to_string(value));
    ASSERT_EQ(ParseInt64(text), value);
  }
  char buffer[kMaxIntegerChars];
  EXPECT_EQ(std::string(buffer, FormatInt64(kMin, buffer)), "-9223372036854775808");
  EXPECT_EQ(std::string(buffer, FormatUint64(~uint64_t{0}, buffer)), "18446744073709551615");
}

TEST(ParseDoubleTest, TakesWhatStrtodTakesButNoSpacesAndNoNan) {
  EXPECT_EQ(ParseDouble("1.5"), 1.5);
  EXPECT_EQ(ParseDouble("+1.5"), 1.5);
  EXPECT_EQ(ParseDouble("-.5"), -0.5);
  EXPECT_EQ(ParseDouble("5."), 5);
  EXPECT_EQ(ParseDouble("1e3"), 1000);
  EXPECT_EQ(ParseDouble("0x10"), 16);
  EXPECT_EQ(ParseDouble("inf"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("+Infinity"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("-INF"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(ParseDouble("5e-324"), std::numeric_limits<double>::denorm_min());
  for (const char* bad : {"", " 1", "1 ", "nan", "-nan", "nan(1)", "1.5x", "1e", "1e400", "-1e400",
                          "1e-400", "e", ".", "+", "1,5", "\t1"}) {
    EXPECT_EQ(ParseDouble(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseDouble(std::string_view("1\0", 2)), std::nullopt);
}

TEST(ParseLongDoubleTest, FollowsTheSameRulesWithALargerRange) {
  EXPECT_EQ(ParseLongDouble("3.0e3"), 3000.0L);
  EXPECT_EQ(ParseLongDouble("1e400"), 1e400L);
  EXPECT_EQ(ParseLongDouble("inf"), std::numeric_limits<long double>::infinity());
  for (const char* bad : {"", " 1", "1 ", "nan", "1e5000", "-1e5000", "1e-5000", "abc"}) {
    EXPECT_EQ(ParseLongDouble(bad), std::nullopt) << bad;
  }
  EXPECT_EQ(ParseLongDouble(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(ParseLongDouble(std::string(5119, '0')), 0.0L);
  EXPECT_EQ(ParseLongDouble(std::string(5120, '0')), std::nullopt);
}

TEST(FormatLongDoubleTest, GivesTheBytesThatIncrbyfloatStores) {
  EXPECT_EQ(FormatLongDouble(*ParseLongDouble("10.50") + *ParseLongDouble("0.1")), "10.6");
  EXPECT_EQ(FormatLongDouble(5.0e3L + 2.0e2L), "5200");
  EXPECT_EQ(FormatLongDouble(3.0L + 1.1L), "4.1");
  EXPECT_EQ(FormatLongDouble(0.0L), "0");
  EXPECT_EQ(FormatLongDouble(-0.0L), "0");
  EXPECT_EQ(FormatLongDouble(-1e-30L), "0");
  EXPECT_EQ(FormatLongDouble(-1.25L), "-1.25");
  EXPECT_EQ(FormatLongDouble(1e20L), "100000000000000000000");
  EXPECT_EQ(FormatLongDouble(std::numeric_limits<long double>::infinity()), "inf");
  EXPECT_EQ(FormatLongDouble(-std::numeric_limits<long double>::infinity()), "-inf");
  EXPECT_EQ(FormatLongDouble(std::numeric_limits<long double>::quiet_NaN()), "nan");
  EXPECT_EQ(FormatLongDouble(std::numeric_limits<long double>::max()).size(), 4933u);
}

TEST(FormatDoubleTest, WritesScoresAsRedisDoes) {
  const std::pair<double, std::string> cases[] = {
      {0.0, "0"},
      {-0.0, "-0"},
      {1, "1"},
      {-17, "-17"},
      {3.0, "3"},
      {0.1, "0.1"},
      {-2.5, "-2.5"},
      {0.1 + 0.2, "0.30000000000000004"},
      {1e17, "100000000000000000"},
      {4611686018427387904.0, "4611686018427387904"},
      {1e20, "1e+20"},
      {1.5e300, "1.5e+300"},
      {9.5e18, "9.5e+18"},
      {0.0001, "0.0001"},
      {0.000015, "0.000015"},
      {1e-7, "1e-7"},
      {1.5e-10, "1.5e-10"},
      {3.0000001, "3.0000001"},
      {12345.1234567, "1.23451234567e+4"},
      {12345.123456, "12345.123456"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
      {5e-324, "5e-324"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(FormatDouble(value), text);
}

TEST(FormatDoubleTest, ReadsBackAsTheSameBits) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 50000; ++i) {
    auto value = std::bit_cast<double>(random());
    if (i % 2 == 0) value = static_cast<double>(random() % 1000000) / 1000;
    if (!std::isfinite(value)) continue;
    const std::optional<double> read = ParseDouble(FormatDouble(value));
    ASSERT_TRUE(read.has_value()) << FormatDouble(value);
    ASSERT_EQ(std::bit_cast<uint64_t>(*read), std::bit_cast<uint64_t>(value));
  }
}

TEST(WordsTest, OnlyAsciiLettersFold) {
  EXPECT_TRUE(EqualsIgnoreCase("GeT", "gEt"));
  EXPECT_TRUE(EqualsIgnoreCase("", ""));
  EXPECT_FALSE(EqualsIgnoreCase("get", "gets"));
  EXPECT_FALSE(EqualsIgnoreCase("@", "`"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));
  EXPECT_EQ(ToLower("AbZ@[`{\xC3\x84"), "abz@[`{\xC3\x84");
}

}  // namespace
}  // namespace flashdb
