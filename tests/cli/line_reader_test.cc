#include "cli/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace flashdb::cli {
namespace {

using std::chrono::milliseconds;
using Result = LineReader::Result;

class LineReaderTest : public testing::Test {
 protected:
  LineReaderTest() { EXPECT_EQ(pipe(ends_), 0); }
  ~LineReaderTest() override {
    close(ends_[0]);
    Close();
  }
  void Write(std::string_view text) {
    ASSERT_EQ(write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void Close() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }
  int end() const { return ends_[0]; }

 private:
  int ends_[2];
};

TEST_F(LineReaderTest, LinesComeWithoutTheirEndsAndTheLastMayLackOne) {
  LineReader reader(end());
  std::string line;
  Write("one\n\nthree");
  Close();
  EXPECT_EQ(*reader.Next(&line, milliseconds(-1)), Result::kLine);
  EXPECT_EQ(line, "one");
  EXPECT_EQ(*reader.Next(&line, milliseconds(-1)), Result::kLine);
  EXPECT_EQ(line, "");
  EXPECT_EQ(*reader.Next(&line, milliseconds(-1)), Result::kLine);
  EXPECT_EQ(line, "three");
  EXPECT_EQ(reader.number(), 3);
  EXPECT_EQ(*reader.Next(&line, milliseconds(-1)), Result::kEnd);
}

TEST_F(LineReaderTest, ALineThatIsNotThereYetIsNotWaitedForBeyondTheLimit) {
  LineReader reader(end());
  std::string line;
  Write("ha");
  EXPECT_EQ(*reader.Next(&line, milliseconds(1)), Result::kNothingYet);
  Write("lf\n");
  EXPECT_EQ(*reader.Next(&line, milliseconds(1000)), Result::kLine);
  EXPECT_EQ(line, "half");
}

TEST_F(LineReaderTest, ADescriptorThatCanNotBeReadIsAnError) {
  const int directory = open("/", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(directory, 0);
  std::string line;
  EXPECT_TRUE(
      absl::IsInvalidArgument(LineReader(directory).Next(&line, milliseconds(10)).status()));
  close(directory);
}

}  // namespace
}  // namespace flashdb::cli
