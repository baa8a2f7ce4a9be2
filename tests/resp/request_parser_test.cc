#include "resp/request_parser.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "tests/resp/parser_testing.h"

namespace flashdb {
namespace {

using std::string;

/// Every kind of command and of nothing, with line ends inside of arguments.
const string kPipeline =
    "*1\r\n$4\r\nPING\r\n"
    "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$12\r\n*1\r\n$1\r\nx\r\n\r\n\r\n"
    "*0\r\n\r\n*-1\r\n"
    "GET key\r\n"
    "set 'a b' \"\\x41\\n\" c\n"
    "*2\r\n$3\r\nGET\r\n$0\r\n\r\n";

const std::vector<Command> kCommands = {
    {"PING"},    {"SET", "key", "*1\r\n$1\r\nx\r\n\r"}, {"GET", "key"}, {"set", "a b", "A\n", "c"},
    {"GET", ""},
};

Outcome Whole(std::vector<Command> commands) { return {std::move(commands), "", ""}; }

TEST(RequestParserTest, ReadsAPipelineOfAllKinds) {
  EXPECT_EQ(Feed({kPipeline}), Whole(kCommands));
}

TEST(RequestParserTest, TheResultIsTheSameWhereverTheBytesAreCutOnce) {
  for (size_t cut = 0; cut <= kPipeline.size(); ++cut) {
    ASSERT_EQ(Feed({kPipeline.substr(0, cut), kPipeline.substr(cut)}), Whole(kCommands)) << cut;
  }
}

TEST(RequestParserTest, TheResultIsTheSameWhereverTheBytesAreCutTwice) {
  for (size_t a = 0; a <= kPipeline.size(); ++a) {
    for (size_t b = a; b <= kPipeline.size(); ++b) {
      ASSERT_EQ(Feed({kPipeline.substr(0, a), kPipeline.substr(a, b - a), kPipeline.substr(b)}),
                Whole(kCommands))
          << a << " " << b;
    }
  }
}

TEST(RequestParserTest, TheResultIsTheSameByteByByte) {
  EXPECT_EQ(Feed(ByteByByte(kPipeline)), Whole(kCommands));
}

TEST(RequestParserTest, ArgumentsAreViewsIntoTheInput) {
  const string input = Encode({"SET", "key", "value"}) + "GET inline\r\n";
  RequestParser parser;
  Args args;
  size_t consumed = 0;
  ASSERT_EQ(parser.Parse(input, {}, &args, &consumed), ParseResult::kCommand);
  EXPECT_EQ(args[1].data(), input.data() + input.find("key"));
  ASSERT_EQ(parser.Parse(std::string_view(input).substr(consumed), {}, &args, &consumed),
            ParseResult::kCommand);
  EXPECT_EQ(args[1].data(), input.data() + input.find("inline"));
}

TEST(RequestParserTest, EmptyCommandsAreConsumedEvenWithNothingBehindThem) {
  RequestParser parser;
  Args args;
  size_t consumed = 99;
  ASSERT_EQ(parser.Parse("", {}, &args, &consumed), ParseResult::kNeedMore);
  EXPECT_EQ(consumed, 0u);
  ASSERT_EQ(parser.Parse("\r\n*0\r\n \r\n*1\r\n$4\r\nPI", {}, &args, &consumed),
            ParseResult::kNeedMore);
  EXPECT_EQ(consumed, 9u);
  ASSERT_EQ(parser.Parse("*1\r\n$4\r\nPING\r\nX", {}, &args, &consumed), ParseResult::kCommand);
  EXPECT_EQ(consumed, 14u);
  EXPECT_EQ(args, Args{"PING"});
}

TEST(RequestParserTest, TellsHowManyBytesABulkStringStillNeeds) {
  RequestParser parser;
  Args args;
  size_t consumed = 0;
  ASSERT_EQ(parser.Parse("*2\r\n$3\r\nG", {}, &args, &consumed), ParseResult::kNeedMore);
  EXPECT_EQ(parser.bytes_wanted(), 4u);
  ASSERT_EQ(parser.Parse("*2\r\n$3\r\nGET\r\n$10", {}, &args, &consumed), ParseResult::kNeedMore);
  EXPECT_EQ(parser.bytes_wanted(), 1u);
  ASSERT_EQ(parser.Parse("*2\r\n$3\r\nGET\r\n$1000\r\n", {}, &args, &consumed),
            ParseResult::kNeedMore);
  EXPECT_EQ(parser.bytes_wanted(), 1002u);
}

TEST(RequestParserTest, AnyTwoBytesEndABulkStringAsInRedis) {
  EXPECT_EQ(Feed({"*1\r\n$4\r\nPINGxx*1\r\n$1\r\na\r\n"}), Whole({{"PING"}, {"a"}}));
}

TEST(RequestParserTest, ABulkStringMayHoldAnyByte) {
  string value;
  for (int i = 0; i < 256; ++i) value += static_cast<char>(i);
  EXPECT_EQ(Feed({Encode({"SET", value, string(3, '\0')})}),
            Whole({{"SET", value, string(3, '\0')}}));
}

TEST(RequestParserTest, ResetForgetsAHalfReadCommandAndAnError) {
  RequestParser parser;
  Args args;
  size_t consumed = 0;
  ASSERT_EQ(parser.Parse("*2\r\n$3\r\nGET\r\n", {}, &args, &consumed), ParseResult::kNeedMore);
  parser.Reset();
  ASSERT_EQ(parser.Parse("*x\r\n", {}, &args, &consumed), ParseResult::kError);
  ASSERT_EQ(parser.Parse("PING\r\n", {}, &args, &consumed), ParseResult::kError);
  parser.Reset();
  ASSERT_EQ(parser.Parse("PING\r\n", {}, &args, &consumed), ParseResult::kCommand);
  EXPECT_EQ(parser.error(), "");
}

/// Parses one command that arrives in steps of `step` bytes into a buffer that never moves.
size_t ArgsOfSlowCommand(const string& stream, size_t step) {
  RequestParser parser;
  Args args;
  size_t consumed = 0;
  for (size_t size = step; size < stream.size(); size += step) {
    const std::string_view so_far(stream.data(), size);
    EXPECT_EQ(parser.Parse(so_far, {}, &args, &consumed), ParseResult::kNeedMore);
  }
  EXPECT_EQ(parser.Parse(stream, {}, &args, &consumed), ParseResult::kCommand);
  EXPECT_EQ(consumed, stream.size());
  return args.size();
}

TEST(RequestParserTest, HugeCommandsInSmallPiecesTakeLinearTime) {
  string many = "*1048576\r\n";
  for (int i = 0; i < 1048576; ++i) many += "$1\r\na\r\n";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(ArgsOfSlowCommand(many, 64), 1048576u);
  EXPECT_EQ(ArgsOfSlowCommand(Encode({"SET", "k", string(size_t{8} << 20, 'v')}), 16), 3u);
  EXPECT_EQ(ArgsOfSlowCommand(string(65535, 'x') + "\n", 1), 1u);
  // Milliseconds if linear; rescanning would touch 10^12 bytes.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

/// A stream of well-formed and, towards its end, perhaps damaged commands.
string RandomStream(std::mt19937& random) {
  string stream;
  const size_t commands = random() % 6;
  for (size_t i = 0; i < commands; ++i) {
    Command command;
    for (size_t j = random() % 12; j > 0; --j)
      command.emplace_back(random() % 40, "ab\r\n*$ \"'\\"[random() % 10]);
    stream += random() % 4 == 0 ? string("set k\"v\" ") + "\r\n" : Encode(command);
  }
  for (size_t damage = random() % 3; damage > 0 && !stream.empty(); --damage) {
    stream[random() % stream.size()] = "*$-0123456789\r\n\"' ax"[random() % 20];
  }
  return stream;
}

TEST(RequestParserTest, RandomStreamsGiveTheSameInRandomPieces) {
  for (uint32_t seed = 0; seed < 5000; ++seed) {
    std::mt19937 random(seed);
    const string stream = RandomStream(random);
    RequestLimits limits{.max_bulk_bytes = 64, .max_args = 16, .max_inline_bytes = 40};
    limits.authenticated = random() % 4 != 0;
    std::vector<string> pieces;
    for (size_t at = 0; at < stream.size();) {
      const size_t size = 1 + random() % 30;
      pieces.push_back(stream.substr(at, size));
      at += size;
    }
    const Outcome whole = Feed({stream}, limits);
    const Outcome in_pieces = Feed(pieces, limits);
    ASSERT_EQ(in_pieces.commands, whole.commands) << "seed " << seed;
    ASSERT_EQ(in_pieces.error, whole.error) << "seed " << seed;
    if (whole.error.empty()) {
      ASSERT_EQ(in_pieces.rest, whole.rest) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace flashdb
