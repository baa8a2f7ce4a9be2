// Time, injected: the server reads it through a Clock, tests and the simulation set it.
#pragma once

#include <cstdint>

#include "base/types.h"

namespace flashdb {

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall-clock milliseconds since the Unix epoch.
  virtual UnixMillis NowMillis() const = 0;
  /// The same in microseconds; a clock that knows no more says whole milliseconds.
  virtual int64_t NowMicros() const { return NowMillis() * 1000; }
  /// Monotonic nanoseconds since an arbitrary start.
  virtual uint64_t MonotonicNanos() const = 0;
};

/// The machine's clocks. Any thread may call.
class SystemClock final : public Clock {
 public:
  UnixMillis NowMillis() const override;
  int64_t NowMicros() const override;
  uint64_t MonotonicNanos() const override;
};

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  UnixMillis NowMillis() const override { return static_cast<UnixMillis>(nanos_ / 1'000'000); }
  int64_t NowMicros() const override { return static_cast<int64_t>(nanos_ / 1000); }
  uint64_t MonotonicNanos() const override { return nanos_; }
  void AdvanceMillis(uint64_t millis) { nanos_ += millis * 1'000'000; }
  void AdvanceMicros(uint64_t micros) { nanos_ += micros * 1000; }

 private:
  uint64_t nanos_ = 1'000'000'000'000'000;
};

}  // namespace flashdb
