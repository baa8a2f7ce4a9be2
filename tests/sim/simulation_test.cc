// The engine keeps its promises in every run, and a broken engine or disk is noticed.
#include "sim/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace flashdb {
namespace {

// More or fewer runs: FLASHDB_SIM_SEEDS.
uint64_t Seeds() {
  const char* given = std::getenv("FLASHDB_SIM_SEEDS");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 200;
}

TEST(SimulationTest, ThePromisesHoldForEverySeed) {
  SimResult sum;
  for (uint64_t seed = 1; seed <= Seeds(); ++seed) {
    SimResult result = RunSimulation(seed);
    ASSERT_EQ(result.failure, "") << "seed " << seed << "; repeat it with " << ReplayCommand(seed);
    sum.replies += result.replies;
    sum.crashes += result.crashes;
    sum.failed_logs += result.failed_logs;
    sum.joint_legs += result.joint_legs;
    sum.turned_away += result.turned_away;
    sum.refusals += result.refusals;
    sum.cut_recoveries += result.cut_recoveries;
  }
  // The runs were about something.
  EXPECT_GT(sum.replies, Seeds() * 50);
  EXPECT_GT(sum.crashes, Seeds() * 2);
  EXPECT_GT(sum.failed_logs, Seeds() / 50);
  EXPECT_GT(sum.refusals, Seeds() / 10);
  EXPECT_GT(sum.cut_recoveries, Seeds() / 10);
  EXPECT_GT(sum.joint_legs, Seeds());
  EXPECT_GT(sum.turned_away, Seeds() / 50);
}

TEST(SimulationTest, TheSameSeedGivesTheSameRun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimResult first = RunSimulation(seed);
    SimResult second = RunSimulation(seed);
    EXPECT_EQ(first.trace_hash, second.trace_hash) << "seed " << seed;
    EXPECT_EQ(first.replies, second.replies) << "seed " << seed;
  }
}

uint64_t CaughtOf(uint64_t seeds, const SimOptions& options) {
  uint64_t caught = 0;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    if (!RunSimulation(seed, options).failure.empty()) ++caught;
  }
  return caught;
}

TEST(SimulationTest, ADiskThatLiesIsCaught) { EXPECT_GT(CaughtOf(40, {.lying_disk = true}), 20u); }

TEST(SimulationTest, RepliesThatLeaveBeforeTheyAreSettledAreCaught) {
  EXPECT_GT(CaughtOf(40, {.release_early = true}), 20u);
}

}  // namespace
}  // namespace flashdb

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  flashdb::PrintSeedOnAbort();
  return RUN_ALL_TESTS();
}
