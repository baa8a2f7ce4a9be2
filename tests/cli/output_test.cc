#include "cli/output.h"

#include <gtest/gtest.h>

#include <sstream>

#include "cli/errors.h"
#include "cli/progress.h"

namespace flashdb::cli {
namespace {

TEST(TableTest, NumbersAreRightAlignedAndTextIsLeftAligned) {
  Table table({"NAME", "LAG", "NOTE"});
  table.Add({"a", "5", "x"});
  table.Add({"longer", "1,234", ""});
  EXPECT_EQ(table.ToText(false),
            "NAME      LAG  NOTE\n"
            "a           5  x\n"
            "longer  1,234\n");
}

TEST(TableTest, AColumnCountsCodePointsNotBytes) {
  Table table({"N", "V"});
  table.Add({"ü", "x"});
  table.Add({"ab", "y"});
  EXPECT_EQ(table.ToText(false), "N   V\nü   x\nab  y\n");
}

TEST(TableTest, OnlyTitlesAreColored) {
  Table table({"A"});
  table.Add({"x"});
  EXPECT_EQ(table.ToText(true), "\x1b[1mA\x1b[0m\nx\n");
}

TEST(OutputTest, AnErrorIsATextOrAJsonDocument) {
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err);
  output.Error(absl::UnavailableError("gone"));
  EXPECT_EQ(err.str(), "flashq: gone\n");
  err.str("");
  output.UseJson(true);
  output.Error(absl::UnavailableError("gone"));
  EXPECT_EQ(err.str(), "{\"error\":\"gone\",\"exit_code\":3}\n");
}

TEST(OutputTest, AStreamThatTakesNoMoreIsAnError) {
  std::ostringstream out;
  std::ostringstream err;
  Output output(out, err);
  EXPECT_TRUE(output.Flush().ok());
  out.setstate(std::ios::badbit);
  output.Line("lost");
  EXPECT_FALSE(output.Flush().ok());
}

TEST(JsonTest, BytesThatAreNoUtf8DoNotStopTheOutput) {
  EXPECT_EQ(ToText(Json("a\xff")), "\"a\xef\xbf\xbd\"");
}

TEST(ProgressTest, TheBarFillsAndStaysWithinItsBounds) {
  EXPECT_EQ(ProgressLine("produce", 0.5, "10 records/s"),
            "produce [###############...............]  50 %  10 records/s");
  EXPECT_EQ(ProgressLine("x", 7, ""), "x [##############################] 100 %  ");
}

TEST(ProgressTest, WithoutATerminalNothingIsDrawn) {
  std::ostringstream out;
  { ProgressBar(out, "x", false).Show(0.5, ""); }
  EXPECT_EQ(out.str(), "");
}

}  // namespace
}  // namespace flashdb::cli
