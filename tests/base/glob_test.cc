#include "base/glob.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace flashdb {
namespace {

struct GlobCase {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

TEST(GlobTest, MatchesAsRedisDoes) {
  const GlobCase cases[] = {
      {"", "", true},
      {"", "a", false},
      {"a", "", false},
      {"*", "", true},
      {"*", "anything", true},
      {"**", "a", true},
      {"h?llo", "hello", true},
      {"h?llo", "hllo", false},
      {"?", "", false},
      {"h*llo", "heeeello", true},
      {"h*llo", "hllo", true},
      {"h*llo", "hell", false},
      {"*a*", "ba", true},
      {"a*b*c", "a__b_b__c", true},
      {"a*b*c", "a__b_b__cd", false},
      {"a*", "a", true},
      {"a***", "a", true},
      {"h[ae]llo", "hallo", true},
      {"h[ae]llo", "hillo", false},
      {"h[^e]llo", "hallo", true},
      {"h[^e]llo", "hello", false},
      {"h[a-c]llo", "hbllo", true},
      {"h[c-a]llo", "hbllo", true},
      {"h[a-c]llo", "hdllo", false},
      {"[]", "a", false},
      {"[]a]", "a]", false},
      {"[^]", "x", true},
      {"[", "[", false},
      {"[^", "x", true},
      {"[abc", "b", true},
      {"[abc", "d", false},
      {"[a-", "-", true},
      {"[a-]", "^", true},
      {"[\\]]", "]", true},
      {"[\\a-z]", "-", true},
      {"[\\a-z]", "b", false},
      {"[\\", "\\", true},
      {"\\*", "*", true},
      {"\\*", "a", false},
      {"\\a", "a", true},
      {"a\\", "a\\", true},
      {"*\\?", "what?", true},
      {"*\\?", "whats", false},
      {"a", "A", false},
      {"[\x80-\xff]", "\xc3", true},
      {std::string_view("a\0b", 3), std::string_view("a\0b", 3), true},
      {std::string_view("a\0b", 3), std::string_view("a\0c", 3), false},
  };
  for (const GlobCase& c : cases) {
    EXPECT_EQ(GlobMatch(c.pattern, c.text), c.matches)
        << "'" << c.pattern << "' '" << c.text << "'";
  }
}

TEST(GlobTest, IgnoresCaseWhenAsked) {
  EXPECT_TRUE(GlobMatch("MAX*", "maxmemory", true));
  EXPECT_TRUE(GlobMatch("[A-C]x", "bX", true));
  EXPECT_FALSE(GlobMatch("[A-C]x", "dX", true));
  EXPECT_TRUE(GlobMatch("[abc]", "B", true));
  EXPECT_FALSE(GlobMatch("[\\a]", "A", true)) << "a byte behind a backslash keeps its case";
  EXPECT_TRUE(GlobMatch("\\a", "A", true)) << "but only inside brackets";
}

TEST(GlobTest, ManyStarsDoNotTakeExponentialTime) {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  pattern += "b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(GlobMatch(pattern, std::string(5000, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

/// The definition, written as plainly as possible: what GlobMatch must agree with.
bool MatchNaively(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    return MatchNaively(pattern.substr(1), text) ||
           (!text.empty() && MatchNaively(pattern, text.substr(1)));
  }
  if (text.empty() || (pattern[0] != '?' && pattern[0] != text[0])) return false;
  return MatchNaively(pattern.substr(1), text.substr(1));
}

/// The `index`-th string over `alphabet` of exactly `length` bytes.
std::string Word(std::string_view alphabet, size_t length, size_t index) {
  std::string word;
  for (; word.size() < length; index /= alphabet.size()) {
    word += alphabet[index % alphabet.size()];
  }
  return word;
}

TEST(GlobTest, AgreesWithTheDefinitionOnAllShortPatterns) {
  for (size_t p = 0; p < 1024; ++p) {
    for (size_t length = 0; length <= 6; ++length) {
      for (size_t t = 0; t < (size_t{1} << length); ++t) {
        const std::string pattern = Word("ab*?", 5, p);
        const std::string text = Word("ab", length, t);
        ASSERT_EQ(GlobMatch(pattern, text), MatchNaively(pattern, text)) << pattern << " " << text;
      }
    }
  }
}

}  // namespace
}  // namespace flashdb
