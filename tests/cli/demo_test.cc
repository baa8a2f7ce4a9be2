// What of the demo needs no server: its words, its replies, and that it leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "cli/demo/redis.h"
#include "cli/demo/server.h"
#include "cli/errors.h"
#include "cli/harness.h"

namespace flashdb::cli {
namespace {

using testing::HasSubstr;

StatusOr<std::string> Printable(std::string_view bytes) {
  size_t at = 0;
  auto reply = PrintableReply(bytes, &at);
  EXPECT_TRUE(!reply.ok() || at == bytes.size());
  return reply;
}

TEST(PrintableReplyTest, RepliesLookAsInRedisCli) {
  EXPECT_EQ(*Printable("+OK\r\n"), "OK");
  EXPECT_EQ(*Printable("-ERR no\r\n"), "(error) ERR no");
  EXPECT_EQ(*Printable(":97\r\n"), "(integer) 97");
  EXPECT_EQ(*Printable("$3\r\na\nb\r\n"), "\"a\\nb\"");
  EXPECT_EQ(*Printable("$-1\r\n"), "(nil)");
  EXPECT_EQ(*Printable("*-1\r\n"), "(nil)");
  EXPECT_EQ(*Printable("*0\r\n"), "(empty array)");
  EXPECT_EQ(*Printable("*2\r\n:1\r\n*2\r\n:2\r\n$1\r\nx\r\n"),
            "1) (integer) 1\n2) 1) (integer) 2\n   2) \"x\"");
}

TEST(PrintableReplyTest, EveryPrefixIsCutShortAndGarbageIsNoReply) {
  const std::string whole = "*2\r\n:1\r\n$3\r\nabc\r\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_TRUE(absl::IsOutOfRange(Printable(whole.substr(0, size)).status())) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(Printable("HTTP/1.1 200\r\n").status()));
  EXPECT_TRUE(absl::IsDataLoss(Printable("$x\r\n").status()));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "*1\r\n";
  EXPECT_TRUE(absl::IsDataLoss(Printable(deep).status()));
}

// A directory of its own for what the demo makes, and a program that takes the server's place.
class DemoTest : public testing::Test {
 protected:
  DemoTest() {
    std::filesystem::create_directories(directory_);
    setenv("TMPDIR", directory_.c_str(), 1);
  }
  ~DemoTest() override {
    unsetenv("TMPDIR");
    std::filesystem::remove_all(directory_);
  }

  std::string Program(const char* script) {
    const std::string path = directory_ + "/server";
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    EXPECT_EQ(chmod(path.c_str(), 0755), 0);
    return path;
  }
  bool LeftSomething() const {
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      if (entry.path().filename().string().starts_with("flashq-demo-")) return true;
    }
    return false;
  }

  const std::string directory_ = testing::TempDir() + "/flashq-demo-test";
};

TEST_F(DemoTest, AServerThatDoesNotStartIsShownWithItsLogAndLeavesNothing) {
  const std::string program = Program("echo the disk is on fire >&2; exit 3");
  const RunResult result = RunWords({"demo", "--auto", "--server-binary", program});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_THAT(result.err, HasSubstr("the disk is on fire"));
  EXPECT_FALSE(LeftSomething());
}

TEST_F(DemoTest, TheServersSettingsInTheEnvironmentAreNotTheDemos) {
  setenv("FLASHDB_DIR", "/precious", 1);
  const std::string program = Program("env >&2; exit 1");
  const RunResult result = RunWords({"demo", "--auto", "--server-binary", program});
  unsetenv("FLASHDB_DIR");
  EXPECT_THAT(result.err, HasSubstr("PATH="));
  EXPECT_EQ(result.err.find("precious"), std::string::npos) << result.err;
}

TEST_F(DemoTest, AProgramThatIsNotThereIsExitCode2) {
  const RunResult result = RunWords({"demo", "--auto", "--server-binary", "/no/such/program"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_FALSE(LeftSomething());
}

TEST_F(DemoTest, WithoutATerminalItAsksForAuto) {
  const RunResult result = RunWords({"demo"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("--auto"));
}

TEST_F(DemoTest, TheDirectoryGoesWithTheServer) {
  {
    DemoServer server(Program("exit 1"));
    EXPECT_TRUE(absl::IsAborted(server.Start()));
    EXPECT_TRUE(LeftSomething());
    EXPECT_EQ(server.pid(), -1);
  }
  EXPECT_FALSE(LeftSomething());
}

}  // namespace
}  // namespace flashdb::cli
