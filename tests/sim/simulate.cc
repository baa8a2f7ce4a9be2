// Runs seeds until the time is over. Usage: simulate MINUTES FIRST_SEED STEP, or simulate --seed S
// [--trace]. Exit code 1 and a line with the seed if a promise was broken.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "sim/simulation.h"

namespace flashdb {
namespace {

int Report(uint64_t seed, const SimResult& result) {
  fmt::print("seed {}: {}\nrepeat it with: {}\n", seed, result.failure, ReplayCommand(seed));
  return 1;
}

int RunOne(uint64_t seed, bool trace) {
  SimResult result = RunSimulation(seed, {.trace = trace});
  if (!result.failure.empty()) return Report(seed, result);
  fmt::print("seed {}: no promise broken; {} replies, {} crashes, trace {:016x}\n", seed,
             result.replies, result.crashes, result.trace_hash);
  return 0;
}

int RunMany(double minutes, uint64_t first, uint64_t step) {
  using Clock = std::chrono::steady_clock;
  auto begin = Clock::now();
  auto end = begin + std::chrono::duration<double>(minutes * 60);
  SimResult sum;
  uint64_t runs = 0;
  for (uint64_t seed = first; Clock::now() < end; seed += step, ++runs) {
    SimResult result = RunSimulation(seed);
    if (!result.failure.empty()) return Report(seed, result);
    sum.replies += result.replies;
    sum.crashes += result.crashes;
  }
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  fmt::print(
      "{} seeds from {} on, {:.0f} a second: no promise broken in {} replies and {} crashes\n",
      runs, first, static_cast<double>(runs) / seconds, sum.replies, sum.crashes);
  return 0;
}

}  // namespace
}  // namespace flashdb

int main(int argc, char** argv) {
  flashdb::PrintSeedOnAbort();
  if (argc >= 3 && std::strcmp(argv[1], "--seed") == 0) {
    return flashdb::RunOne(std::strtoull(argv[2], nullptr, 10), argc > 3);
  }
  if (argc != 4) {
    fmt::print(stderr,
               "usage: simulate MINUTES FIRST_SEED STEP | simulate --seed SEED [--trace]\n");
    return 2;
  }
  return flashdb::RunMany(std::strtod(argv[1], nullptr), std::strtoull(argv[2], nullptr, 10),
                          std::strtoull(argv[3], nullptr, 10));
}
