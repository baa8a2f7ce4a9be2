#include "commands/engine.h"

#include <algorithm>

#include "base/cycles.h"

namespace flashdb {

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

}  // namespace flashdb
