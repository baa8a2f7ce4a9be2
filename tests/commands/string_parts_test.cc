// Counters and parts of strings.
#include <gtest/gtest.h>

#include "tests/commands/string_fixture.h"

namespace flashdb {
namespace {

using StringNumbersTest = StringFixture;
using StringRangesTest = StringFixture;

TEST_F(StringNumbersTest, CountersStartAtZeroAndKeepTheirExpiry) {
  Expect({
      {"INCR k", ":1"},
      {"INCRBY k 41", ":42"},
      {"DECR k", ":41"},
      {"DECRBY k 50", ":-9"},
      {"INCRBY k -1", ":-10"},
      {"DECRBY k -10", ":0"},
      {"GET k", "$1 0"},
      {"SET k 5 PX 4000", "+OK"},
      {"INCR k", ":6"},
      {"@ttl k", ":4000"},
      {"DECR fresh", ":-1"},
      {"@ttl fresh", ":-1"},
  });
}

TEST_F(StringNumbersTest, TheBordersOfInt64AreReachedAndNotPassed) {
  Expect({
      {"SET max 9223372036854775806", "+OK"},
      {"INCR max", ":9223372036854775807"},
      {"SET min -9223372036854775807", "+OK"},
      {"DECR min", ":-9223372036854775808"},
      {"SET one 1", "+OK"},
      {"SET minus -2", "+OK"},
  });
  ExpectRefusals({
      {"INCR max", "-ERR increment or decrement would overflow"},
      {"INCRBY max 1", "-ERR increment or decrement would overflow"},
      {"DECR min", "-ERR increment or decrement would overflow"},
      {"DECRBY min 1", "-ERR increment or decrement would overflow"},
      {"INCRBY one 9223372036854775807", "-ERR increment or decrement would overflow"},
      {"INCRBY minus -9223372036854775808", "-ERR increment or decrement would overflow"},
      {"DECRBY minus 9223372036854775807", "-ERR increment or decrement would overflow"},
      {"DECRBY one -9223372036854775808", "-ERR decrement would overflow"},
      {"INCRBY one 9223372036854775808", "-ERR value is not an integer or out of range"},
  });
  Expect({
      {"INCRBY max -9223372036854775808", ":-1"},
      {"INCRBY min 9223372036854775807", ":-1"},
  });
}

TEST_F(StringNumbersTest, OnlyIntegersInTheirPlainFormCount) {
  Expect({
      {"SET space ' 1'", "+OK"},
      {"SET tail '1 '", "+OK"},
      {"SET zero 01", "+OK"},
      {"SET plus +1", "+OK"},
      {"SET minus -0", "+OK"},
      {"SET empty ''", "+OK"},
      {"SET big 9223372036854775808", "+OK"},
      {R"(SET nul "1\x00")", "+OK"},
      {"SET float 1.0", "+OK"},
      {"@hash h", ":1"},
  });
  for (std::string key :
       {"space", "tail", "zero", "plus", "minus", "empty", "big", "nul", "float"}) {
    EXPECT_EQ(Run({"INCR", key}), "-ERR value is not an integer or out of range\r\n") << key;
  }
  ExpectRefusals({
      {"INCRBY n 1.5", "-ERR value is not an integer or out of range"},
      {"INCRBY n ''", "-ERR value is not an integer or out of range"},
      {"DECRBY n x", "-ERR value is not an integer or out of range"},
      {"INCRBY h x", "-ERR value is not an integer or out of range"},
      {"INCR h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"DECRBY h 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringNumbersTest, IncrByFloatAddsInDecimalWithoutAnExponent) {
  Expect({
      {"INCRBYFLOAT k 10.5", "$4 10.5"},
      {"INCRBYFLOAT k 0.1", "$4 10.6"},
      {"INCRBYFLOAT k -5", "$3 5.6"},
      {"SET k 5.0e3", "+OK"},
      {"INCRBYFLOAT k 2.0e2", "$4 5200"},
      {"INCRBYFLOAT k -5200", "$1 0"},
      {"SET k 3", "+OK"},
      {"INCRBYFLOAT k 1.1", "$3 4.1"},
      {"SET k 1 PX 3000", "+OK"},
      {"INCRBYFLOAT k 1", "$1 2"},
      {"@ttl k", ":3000"},
      {"INCR k", ":3"},
      {"SET big 1e20", "+OK"},
      {"INCRBYFLOAT big 1", "$21 100000000000000000000"},
      {"INCRBYFLOAT tiny 0.00000000000000001", "$19 0.00000000000000001"},
      {"INCRBYFLOAT third 0.33333333333333333", "$19 0.33333333333333333"},
  });
}

TEST_F(StringNumbersTest, IncrByFloatRefusesWhatIsNoFiniteNumber) {
  Expect({
      {"SET word abc", "+OK"},
      {"SET space ' 1'", "+OK"},
      {"SET empty ''", "+OK"},
      {"SET inf inf", "+OK"},
      {"SET k 1", "+OK"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"INCRBYFLOAT word 1", "-ERR value is not a valid float"},
      {"INCRBYFLOAT space 1", "-ERR value is not a valid float"},
      {"INCRBYFLOAT empty 1", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k abc", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k '1 '", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k ' 1'", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k ''", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k nan", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k 1e5000", "-ERR value is not a valid float"},
      {"INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity"},
      {"INCRBYFLOAT k -inf", "-ERR increment would produce NaN or Infinity"},
      {"INCRBYFLOAT inf -inf", "-ERR increment would produce NaN or Infinity"},
      {"INCRBYFLOAT none +inf", "-ERR increment would produce NaN or Infinity"},
      {"INCRBYFLOAT h 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"INCRBYFLOAT h abc", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringRangesTest, AppendCreatesAndGrowsAndKeepsTheExpiry) {
  Expect({
      {"APPEND k ''", ":0"},
      {"GET k", "$0 "},
      {"APPEND k abc", ":3"},
      {"APPEND k ''", ":3"},
      {"APPEND k def", ":6"},
      {"GET k", "$6 abcdef"},
      {"SET n 12 PX 2000", "+OK"},
      {"APPEND n 34", ":4"},
      {"@ttl n", ":2000"},
      {"INCR n", ":1235"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"APPEND h x", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"STRLEN h", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"STRLEN none", ":0"},
      {"STRLEN n", ":4"},
  });
}

TEST_F(StringRangesTest, NoStringGrowsBeyondTheLimit) {
  Expect({
      {"@limit 1048576", "+OK"},
      {"SETRANGE k 1048570 abcdef", ":1048576"},
      {"SET short abc", "+OK"},
  });
  ExpectRefusals({
      {"APPEND k x", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
      {"SETRANGE k 1048571 abcdef",
       "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
      {"SETRANGE short 1048576 a", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
      {"SETRANGE none 9223372036854775807 a",
       "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"},
      {"SETRANGE k 9223372036854775807 ''", ":1048576"},
      {"SETBIT k 8388608 1", "-ERR bit offset is not an integer or out of range"},
  });
  Expect({{"SETBIT k 8388607 1", ":0"}, {"APPEND k ''", ":1048576"}});
}

TEST_F(StringRangesTest, SetRangeOverwritesAndPadsWithZeros) {
  Expect({
      {"SETRANGE k 3 abc", ":6"},
      {"GETRANGE k 3 -1", "$3 abc"},
      {"SETRANGE k 0 xyz", ":6"},
      {"GET k", "$6 xyzabc"},
      {"SETRANGE k 5 123", ":8"},
      {"GET k", "$8 xyzab123"},
      {"SETRANGE k 0 ''", ":8"},
      {"SET e v PX 6000", "+OK"},
      {"SETRANGE e 1 w", ":2"},
      {"@ttl e", ":6000"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"SETRANGE none 0 ''", ":0"},
      {"SETRANGE none 100 ''", ":0"},
      {"SETRANGE k 100 ''", ":8"},
      {"SETRANGE k -1 a", "-ERR offset is out of range"},
      {"SETRANGE h -1 a", "-ERR offset is out of range"},
      {"SETRANGE k x a", "-ERR value is not an integer or out of range"},
      {"SETRANGE h 0 a", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"SETRANGE h 0 ''", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

TEST_F(StringRangesTest, GetRangeClampsLikeRedis72) {
  Expect({
      {"SET k 0123456789", "+OK"},
      {"SET empty ''", "+OK"},
      {"@hash h", ":1"},
  });
  ExpectRefusals({
      {"GETRANGE k 0 -1", "$10 0123456789"},
      {"SUBSTR k 2 4", "$3 234"},
      {"GETRANGE k -3 -1", "$3 789"},
      {"GETRANGE k 8 100", "$2 89"},
      {"GETRANGE k -100 2", "$3 012"},
      {"GETRANGE k 5 4", "$0 "},
      {"GETRANGE k -1 -3", "$0 "},
      {"GETRANGE k -20 -15", "$1 0"},
      {"GETRANGE k -15 -20", "$0 "},
      {"GETRANGE k 0 -100", "$1 0"},
      {"GETRANGE k 10 20", "$0 "},
      {"GETRANGE k 0 9223372036854775807", "$10 0123456789"},
      {"GETRANGE k -9223372036854775808 9223372036854775807", "$10 0123456789"},
      {"GETRANGE empty 0 -1", "$0 "},
      {"GETRANGE none 0 -1", "$0 "},
      {"GETRANGE k a 1", "-ERR value is not an integer or out of range"},
      {"GETRANGE k 1 a", "-ERR value is not an integer or out of range"},
      {"GETRANGE h 1 a", "-ERR value is not an integer or out of range"},
      {"GETRANGE h 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
      {"SUBSTR h 0 1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
  });
}

}  // namespace
}  // namespace flashdb
