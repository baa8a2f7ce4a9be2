#include "base/cycles.h"

#include <ctime>

#include "base/clock.h"

namespace flashdb {
namespace {

double Measure() {
  SystemClock clock;
  uint64_t nanos = clock.MonotonicNanos();
  uint64_t cycles = CycleCount();
  timespec pause{.tv_sec = 0, .tv_nsec = 10'000'000};
  nanosleep(&pause, nullptr);
  uint64_t cycles_passed = CycleCount() - cycles;
  return static_cast<double>(cycles_passed) * 1000.0 /
         static_cast<double>(clock.MonotonicNanos() - nanos);
}

}  // namespace

double CyclesPerMicro() {
  static const double measured = Measure();
  return measured;
}

}  // namespace flashdb
