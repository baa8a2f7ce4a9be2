// A whole run of the engine from one seed: several lives between crashes, simulated clients, a
// faulty disk, and a schedule that the seed chooses - which shard turns next, when mail and input
// arrive, when disk writes end, what the clock says. The same seed gives the same run.
#pragma once

#include <cstdint>
#include <string>

namespace flashdb {

struct SimOptions {
  bool trace = false;          // prints every event
  bool lying_disk = false;     // a broken world: syncs are acknowledged and not done
  bool release_early = false;  // a broken server: what was only appended counts as settled
};

struct SimResult {
  std::string failure;      // which promise was broken, and how; empty: none
  uint64_t trace_hash = 0;  // of all that happened
  uint64_t replies = 0;     // operations that were answered
  uint64_t crashes = 0;
  uint64_t failed_logs = 0;
  uint64_t refusals = 0;        // of writes
  uint64_t cut_recoveries = 0;  // power lost or process killed while recovering
  uint64_t joint_legs = 0;      // pipelines that were executed on two shards at one instant
  uint64_t turned_away = 0;     // or could not be
};

SimResult RunSimulation(uint64_t seed, const SimOptions& options = {});

/// The command that repeats a run.
std::string ReplayCommand(uint64_t seed);

/// From now on an abort or a segmentation fault prints the seed of the run under way.
void PrintSeedOnAbort();

}  // namespace flashdb
