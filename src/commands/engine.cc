#include "commands/engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/cycles.h"

namespace flashdb {
namespace {

thread_local Engine* current_engine = nullptr;

}  // namespace

void Engine::ArmThresholds() {
  constexpr auto kNever = static_cast<double>(UINT64_MAX);
  double cycles = kNever;
  if (slow_micros >= 0) cycles = static_cast<double>(slow_micros) * CyclesPerMicro();
  if (latency_threshold_millis > 0) {
    double millis = static_cast<double>(latency_threshold_millis);
    cycles = std::min(cycles, millis * 1000 * CyclesPerMicro());
  }
  notable_cycles = cycles >= kNever ? UINT64_MAX : static_cast<uint64_t>(cycles);
}

Engine& Engine::Current() {
  FLASHDB_CHECK(current_engine != nullptr, "called from a thread that runs no shard");
  return *current_engine;
}

void Engine::SetCurrent(Engine* engine) { current_engine = engine; }

}  // namespace flashdb
