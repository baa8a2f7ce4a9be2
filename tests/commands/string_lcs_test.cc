// LCS: the command, and the table it stands on.
#include <gtest/gtest.h>

#include "commands/lcs.h"
#include "tests/commands/string_fixture.h"

namespace flashdb {
namespace {

using StringLcsTest = StringFixture;

TEST_F(StringLcsTest, TellsTheTextItsLengthAndItsPlaces) {
  Expect({{"MSET {t}a ohmytext {t}b mynewtext", "+OK"}, {"SET far mynewtext", "+OK"}});
  ExpectRefusals({
      {"LCS {t}a {t}b", "$6 mytext"},
      {"LCS {t}a far", "$6 mytext"},
      {"LCS {t}a {t}b LEN", ":6"},
      {"LCS {t}a {t}b len withmatchlen minmatchlen 3", ":6"},
      {"LCS {t}a {t}b MINMATCHLEN 4", "$6 mytext"},
      {"LCS {t}a {t}b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"},
      {"LCS {t}a {t}b IDX MINMATCHLEN 4", "*4 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6"},
      {"LCS {t}a {t}b IDX MINMATCHLEN 4 WITHMATCHLEN",
       "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6"},
      {"LCS {t}a {t}b IDX MINMATCHLEN -3 WITHMATCHLEN",
       "*4 $7 matches *2 *3 *2 :4 :7 *2 :5 :8 :4 *3 *2 :2 :3 *2 :0 :1 :2 $3 len :6"},
      {"LCS {t}a {t}none", "$0 "},
      {"LCS {t}none {t}none LEN", ":0"},
      {"LCS {t}a {t}none IDX", "*4 $7 matches *0 $3 len :0"},
      {"LCS {t}a {t}a", "$8 ohmytext"},
      {"LCS {t}a {t}a IDX", "*4 $7 matches *1 *2 *2 :0 :7 *2 :0 :7 $3 len :8"},
      {"@resp3", ""},
      {"LCS {t}a {t}b IDX", "%2 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6"},
  });
}

TEST_F(StringLcsTest, RefusesWhatItCannotDo) {
  Expect({{"SET {t}a abc", "+OK"}, {"@hash {t}h", ":1"}});
  ExpectRefusals({
      {"LCS {t}a {t}h", "-ERR The specified keys must contain string values"},
      {"LCS {t}h {t}a NOSUCH", "-ERR The specified keys must contain string values"},
      {"LCS {t}a {t}a NOSUCH", "-ERR syntax error"},
      {"LCS {t}a {t}a MINMATCHLEN", "-ERR syntax error"},
      {"LCS {t}a {t}a MINMATCHLEN x", "-ERR value is not an integer or out of range"},
      {"LCS {t}a {t}a LEN IDX",
       "-ERR If you want both the length and indexes, please just use IDX."},
  });
}

TEST_F(StringLcsTest, RefusesATableBeyondTheLimit) {
  Expect({
      {"@limit 1048576", "+OK"},
      {"SETRANGE {t}a 510 x", ":511"},
      {"SETRANGE {t}b 510 y", ":511"},
      {"LCS {t}a {t}b LEN", ":510"},
      {"APPEND {t}b z", ":512"},
  });
  ExpectRefusals({
      {"LCS {t}a {t}b LEN",
       "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len"},
  });
}

TEST(LcsTableTest, StretchesAreContiguousInBothStrings) {
  LcsTable table("xaxbxc", "abc");
  ASSERT_TRUE(table.Build());
  EXPECT_EQ(table.length(), 3u);
  std::vector<LcsMatch> matches = table.Matches();
  ASSERT_EQ(matches.size(), 3u);
  EXPECT_EQ(matches[0].a_first, 5u);
  EXPECT_EQ(matches[2].b_last, 0u);
  EXPECT_EQ(table.Text(matches), "abc");
}

}  // namespace
}  // namespace flashdb
