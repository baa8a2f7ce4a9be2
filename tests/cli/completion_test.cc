// The completion scripts, asked by the shell they are for.
#include <gtest/gtest.h>
#include <stdio.h>

#include <fstream>

#include "cli/harness.h"

namespace flashdb::cli {
namespace {

// What bash completes for `line`, whose last word is the one to complete.
std::string CompletedByBash(const std::vector<std::string>& words) {
  const std::string path = testing::TempDir() + "/flashq-completion.bash";
  std::ofstream script(path);
  script << RunWords({"completion", "bash"}).out << "flashq() { echo orders; }\nCOMP_WORDS=(";
  for (const std::string& word : words) script << "'" << word << "' ";
  script << ")\nCOMP_CWORD=" << words.size() - 1 << "\n_flashq\necho \"${COMPREPLY[*]}\"\n";
  script.close();
  FILE* bash = popen(("bash " + path).c_str(), "r");
  EXPECT_NE(bash, nullptr);
  std::string text;
  char data[4096];
  for (size_t got; (got = fread(data, 1, sizeof data, bash)) > 0;) text.append(data, got);
  EXPECT_EQ(pclose(bash), 0);
  EXPECT_EQ(remove(path.c_str()), 0);
  return text.substr(0, text.find('\n'));
}

TEST(BashCompletionTest, CommandsAndTheirCommandsAreCompleted) {
  EXPECT_EQ(CompletedByBash({"flashq", "prod"}), "produce");
  EXPECT_EQ(CompletedByBash({"flashq", "topics", "de"}), "describe delete");
  EXPECT_EQ(CompletedByBash({"flashq", "--json", "topics", "al"}), "alter");
}

TEST(BashCompletionTest, OptionsAreThoseOfTheCommandAndOfAll) {
  EXPECT_EQ(CompletedByBash({"flashq", "topics", "create", "x", "--pa"}),
            "--partitions --password-file");
  EXPECT_EQ(CompletedByBash({"flashq", "lag", "--js"}), "--json");
}

TEST(BashCompletionTest, ClosedChoicesAndNamesAreCompleted) {
  EXPECT_EQ(CompletedByBash({"flashq", "topics", "create", "x", "--storage", ""}), "memory file");
  EXPECT_EQ(CompletedByBash({"flashq", "fetch", "o"}), "orders");
  EXPECT_EQ(CompletedByBash({"flashq", "fetch", "orders", "--group", "o"}), "orders");
  EXPECT_EQ(CompletedByBash({"flashq", "completion", "z"}), "zsh");
}

TEST(CompletionTest, EveryShellsScriptNamesEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const std::string script = RunWords({"completion", shell}).out;
    for (const char* command : {"topics", "produce", "fetch", "subscribe", "groups", "commit",
                                "offsets", "lag", "bench", "health", "completion"}) {
      EXPECT_NE(script.find(command), std::string::npos) << shell << " " << command;
    }
    for (const char* mark : {"@PATHS@", "@VALUES@", "@WORDS@"}) {
      EXPECT_EQ(script.find(mark), std::string::npos) << shell;
    }
  }
}

}  // namespace
}  // namespace flashdb::cli
