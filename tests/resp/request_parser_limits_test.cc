#include <gtest/gtest.h>

#include "resp/request_parser.h"
#include "tests/resp/parser_testing.h"

namespace flashdb {
namespace {

using std::string;

struct ErrorCase {
  string stream;
  string error;
};

void ExpectErrors(const std::vector<ErrorCase>& cases, const RequestLimits& limits) {
  for (const ErrorCase& c : cases) {
    const string shown = c.stream.substr(0, 60);
    EXPECT_EQ(Feed({c.stream}, limits).error, "Protocol error: " + c.error) << shown;
    EXPECT_EQ(Feed(ByteByByte(c.stream), limits).error, "Protocol error: " + c.error) << shown;
  }
}

TEST(RequestParserErrorTest, BrokenRequestsGetRedissTexts) {
  ExpectErrors(
      {
          {"*x\r\n", "invalid multibulk length"},
          {"*\r\n", "invalid multibulk length"},
          {"*01\r\n", "invalid multibulk length"},
          {"*+1\r\n", "invalid multibulk length"},
          {"* 1\r\n", "invalid multibulk length"},
          {"*1048577\r\n", "invalid multibulk length"},
          {"*99999999999999999999\r\n", "invalid multibulk length"},
          {"*1\r\nPING\r\n", "expected '$', got 'P'"},
          {"*1\r\n:4\r\n", "expected '$', got ':'"},
          {"*1\r\n:99999999999999\r\n", "expected '$', got ':'"},
          {"*1\r\n\r\n", "expected '$', got '\r'"},
          {"*1\r\n$-1\r\n", "invalid bulk length"},
          {"*1\r\n$\r\n", "invalid bulk length"},
          {"*1\r\n$04\r\n", "invalid bulk length"},
          {"*1\r\n$4x\r\n", "invalid bulk length"},
          {"*1\r\n$536870913\r\n", "invalid bulk length"},
          {"*2\r\n$3\r\nGET\r\n$9223372036854775807\r\n", "invalid bulk length"},
          {"SET \"a\r\n", "unbalanced quotes in request"},
          {"SET \"a\"b\r\n", "unbalanced quotes in request"},
      },
      {});
}

TEST(RequestParserErrorTest, CommandsBeforeTheErrorAreGiven) {
  const Outcome outcome = Feed({"PING\r\n*1\r\n$1\r\na\r\n*1\r\n$z\r\n"});
  EXPECT_EQ(outcome.commands, (std::vector<Command>{{"PING"}, {"a"}}));
  EXPECT_EQ(outcome.error, "Protocol error: invalid bulk length");
}

TEST(RequestParserErrorTest, LinesWithoutEndAreCutOffAtTheLimit) {
  const ErrorCase cases[] = {
      {"*" + string(65536, '1'), "too big mbulk count string"},
      {"*1\r\n$" + string(65536, '1'), "too big bulk count string"},
      {string(65537, 'x'), "too big inline request"},
      {string(65537, 'x') + "\r\n", "too big inline request"},
  };
  for (const ErrorCase& c : cases) {
    EXPECT_EQ(Feed({c.stream}).error, "Protocol error: " + c.error);
    EXPECT_EQ(Feed({c.stream.substr(0, 1000), c.stream.substr(1000)}).error,
              "Protocol error: " + c.error);
  }
  EXPECT_EQ(Feed({string(65536, 'x')}).error, "");
  EXPECT_EQ(Feed({"*" + string(65535, '1')}).error, "");
  EXPECT_EQ(Feed({string(65535, 'x') + "\r\n"}).commands.size(), 1u);
  EXPECT_EQ(Feed({string(65536, 'x') + "\n"}).commands.size(), 1u);
}

TEST(RequestParserErrorTest, StrangersMaySendLittle) {
  ExpectErrors(
      {
          {"*11\r\n", "unauthenticated multibulk length"},
          {"*1048577\r\n", "invalid multibulk length"},
          {"*1\r\n$16385\r\n", "unauthenticated bulk length"},
          {"*1\r\n$536870913\r\n", "invalid bulk length"},
          {"*1\r\nx16385\r\n", "expected '$', got 'x'"},
      },
      RequestLimits::Unauthenticated());
  const Command largest(10, string(16384, 'v'));
  EXPECT_EQ(Feed({Encode(largest)}, RequestLimits::Unauthenticated()).commands,
            std::vector<Command>{largest});
}

TEST(RequestParserErrorTest, LimitsCanBeSet) {
  const RequestLimits limits{.max_bulk_bytes = 4, .max_args = 2, .max_inline_bytes = 8};
  ExpectErrors(
      {
          {"*3\r\n", "invalid multibulk length"},
          {"*1\r\n$5\r\n", "invalid bulk length"},
          {"123456789", "too big inline request"},
          {"*12345678", "too big mbulk count string"},
      },
      limits);
  EXPECT_EQ(Feed({"*2\r\n$4\r\nabcd\r\n$1\r\ne\r\n"}, limits).commands,
            (std::vector<Command>{{"abcd", "e"}}));
  EXPECT_EQ(Feed({"12345678\n"}, limits).commands, (std::vector<Command>{{"12345678"}}));
}

TEST(RequestParserErrorTest, AnAnnouncedCountReservesNoMemory) {
  RequestParser parser;
  Args args;
  size_t consumed = 0;
  ASSERT_EQ(parser.Parse("*1000000\r\n$3\r\nSET\r\n", {}, &args, &consumed),
            ParseResult::kNeedMore);
  EXPECT_LE(args.capacity(), 16u);
}

}  // namespace
}  // namespace flashdb
