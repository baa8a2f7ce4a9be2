// The commands' corpus knows every command, so that fuzzing begins everywhere.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/fuzz/command_world.h"

namespace flashdb {
namespace {

// COMMAND runs by itself, whatever its subcommand: their rows are never called.
bool IsCalled(const Command& command) {
  if (command.name.starts_with("command|")) return false;
  return command.local != nullptr || command.transaction != nullptr || command.session != nullptr ||
         command.session_task != nullptr;
}

fuzz::CommandWorld::Reach ReachOfCorpus() {
  fuzz::CommandWorld::Reach reach{std::vector<bool>(CommandCount()),
                                  std::vector<bool>(CommandCount())};
  for (const auto& entry : std::filesystem::directory_iterator(CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string script{std::istreambuf_iterator<char>(file),
                             std::istreambuf_iterator<char>()};
    fuzz::CommandWorld world;
    world.Run(script, &reach);
    world.CheckLog();
  }
  return reach;
}

TEST(FuzzReachTest, EveryCommandOfTheTableIsFuzzed) {
  const fuzz::CommandWorld::Reach reach = ReachOfCorpus();
  for (size_t i = 0; i < CommandCount(); ++i) {
    const Command& command = CommandAt(i);
    if (!IsCalled(command)) continue;
    EXPECT_TRUE(reach.called[i]) << "no script in " CORPUS " runs " << command.name;
    // OBJECT FREQ needs an LFU policy, which there is not.
    const bool on_data =
        (command.has(kWrite) || command.has(kReadOnly)) && command.name != "object|freq";
    EXPECT_TRUE(reach.succeeded[i] || !on_data) << command.name << " is only ever refused";
  }
}

}  // namespace
}  // namespace flashdb
