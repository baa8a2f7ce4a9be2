// The processor's time stamp counter: the cheapest clock, for timing single commands.
#pragma once

#include <x86intrin.h>

#include <cstdint>

namespace flashdb {

inline uint64_t CycleCount() { return __rdtsc(); }

/// Cycles per microsecond, measured once (about 10 ms) at the first call. Any thread.
double CyclesPerMicro();

}  // namespace flashdb
