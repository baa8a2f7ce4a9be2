#include "base/clock.h"

#include <ctime>

namespace flashdb {
namespace {

uint64_t NanosOf(clockid_t id) {
  timespec now;
  clock_gettime(id, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace

UnixMillis SystemClock::NowMillis() const {
  return static_cast<UnixMillis>(NanosOf(CLOCK_REALTIME) / 1'000'000);
}

int64_t SystemClock::NowMicros() const {
  return static_cast<int64_t>(NanosOf(CLOCK_REALTIME) / 1000);
}

uint64_t SystemClock::MonotonicNanos() const { return NanosOf(CLOCK_MONOTONIC); }

}  // namespace flashdb
