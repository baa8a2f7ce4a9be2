#include "base/base64.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace flashdb {
namespace {

std::string Encoded(std::string_view bytes) {
  std::string out = "x";
  AppendBase64(out, bytes);
  return out.substr(1);
}

// The examples of RFC 4648, 10.
TEST(Base64Test, WritesWhatTheStandardSays) {
  EXPECT_EQ(Encoded(""), "");
  EXPECT_EQ(Encoded("f"), "Zg==");
  EXPECT_EQ(Encoded("fo"), "Zm8=");
  EXPECT_EQ(Encoded("foo"), "Zm9v");
  EXPECT_EQ(Encoded("foobar"), "Zm9vYmFy");
  EXPECT_EQ(Encoded("\xfb\xff\xbf"), "+/+/");
}

TEST(Base64Test, ReadsWhatItWroteForAnyBytes) {
  Random random(1);
  for (size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random.Below(256));
    EXPECT_EQ(DecodeBase64(Encoded(bytes)), bytes);
  }
}

TEST(Base64Test, PaddingMayBeMissing) {
  EXPECT_EQ(DecodeBase64("Zg"), "f");
  EXPECT_EQ(DecodeBase64("Zm8"), "fo");
}

TEST(Base64Test, RefusesWhatNobodyWouldWrite) {
  for (std::string_view bad : {"Z", "Zg=", "Zg===", "Z===", "=", "Zm9v=", "Zm 9v", "Zm9v\n",
                               "Zh==", "Zm9=", "Zm-_", "Zg==Zg=="}) {
    EXPECT_EQ(DecodeBase64(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace flashdb
