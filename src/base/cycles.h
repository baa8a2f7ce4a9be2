// The processor's time stamp counter: the cheapest clock, for timing single commands.
#pragma once

#include <x86intrin.h>

#include <cstdint>
#include <utility>

namespace flashdb {

inline uint64_t CycleCount() { return __rdtsc(); }

/// Times what follows one after the other with one reading of the counter each.
class LapTimer {
 public:
  /// Cycles since the last call, at first since the timer was made.
  uint64_t Lap() {
    const uint64_t now = CycleCount();
    return now - std::exchange(last_, now);
  }

 private:
  uint64_t last_ = CycleCount();
};

/// Cycles per microsecond, measured once (about 10 ms) at the first call. Any thread.
double CyclesPerMicro();

}  // namespace flashdb
