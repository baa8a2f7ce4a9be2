#include "resp/inline_split.h"

#include <gtest/gtest.h>

#include <vector>

namespace flashdb {
namespace {

struct SplitCase {
  std::string_view line;
  std::vector<std::string> words;
};

std::vector<std::string> Split(std::string_view line) {
  std::string storage;
  Args args;
  EXPECT_TRUE(SplitInline(line, storage, &args)) << line;
  return {args.begin(), args.end()};
}

TEST(InlineSplitTest, BlanksSeparateWords) {
  EXPECT_EQ(Split(""), std::vector<std::string>{});
  EXPECT_EQ(Split(" \t\v\f\r "), std::vector<std::string>{});
  EXPECT_EQ(Split("PING"), std::vector<std::string>{"PING"});
  EXPECT_EQ(Split("  SET\tkey \r value  "), (std::vector<std::string>{"SET", "key", "value"}));
  EXPECT_EQ(Split("a\vb c"), (std::vector<std::string>{"a\vb", "c"}));
}

TEST(InlineSplitTest, QuotesKeepBlanksAndDoubleQuotesTakeEscapes) {
  const SplitCase cases[] = {
      {R"("")", {""}},
      {R"('' "")", {"", ""}},
      {R"(a "b c" d)", {"a", "b c", "d"}},
      {R"(pre"mid dle")", {"premid dle"}},
      {R"("\n\r\t\b\a")", {"\n\r\t\b\a"}},
      {R"("\x41\x4a\x4A\xff")", {"AJJ\xff"}},
      {R"("\xZZ\x4")", {"xZZx4"}},
      {R"("\q\"\\")", {"q\"\\"}},
      {R"('it\'s \n')", {"it's \\n"}},
      {R"('"' "'")", {"\"", "'"}},
      {R"(back\slash)", {"back\\slash"}},
      {"\"a\"\v\"b\"", {"a", "b"}},
  };
  for (const SplitCase& c : cases) EXPECT_EQ(Split(c.line), c.words) << c.line;
}

TEST(InlineSplitTest, UnbalancedQuotesAreRefused) {
  for (const char* line : {"\"", "'", "a \"b", "a 'b", "\"a\"b", "'a'b", "x\"a\"b", "\"a\\",
                           "'a\\'", "\"a\"'b'", "\"\\x4\\"}) {
    std::string storage;
    Args args;
    EXPECT_FALSE(SplitInline(line, storage, &args)) << line;
  }
}

TEST(InlineSplitTest, EarlierQuotedWordsStayValidWhileLaterOnesAreRead) {
  std::string line;
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    line += "\"word \\x41 " + std::to_string(i) + "\" ";
    expected.push_back("word A " + std::to_string(i));
  }
  EXPECT_EQ(Split(line), expected);
}

TEST(InlineSplitTest, WordsWithoutQuotesAreViewsIntoTheLine) {
  const std::string line = "SET 'k y' value";
  std::string storage;
  Args args;
  ASSERT_TRUE(SplitInline(line, storage, &args));
  EXPECT_EQ(args[0].data(), line.data());
  EXPECT_EQ(args[1].data(), storage.data());
  EXPECT_EQ(args[2].data(), line.data() + 10);
}

}  // namespace
}  // namespace flashdb
