// Counts the processor cycles that a coroutine executes, without those for which it is suspended.
#pragma once

#include <cstdint>

#include "base/cycles.h"

namespace flashdb {

/// Belongs to one coroutine on one thread. Start and Stop may be called twice in a row.
class WorkMeter {
 public:
  void Start() {
    if (running_) return;
    running_ = true;
    began_ = CycleCount();
  }
  void Stop() {
    if (!running_) return;
    running_ = false;
    cycles_ += CycleCount() - began_;
  }
  /// Work that was done elsewhere on the coroutine's behalf.
  void Add(uint64_t cycles) { cycles_ += cycles; }
  /// Of the finished pieces.
  uint64_t cycles() const { return cycles_; }

 private:
  uint64_t cycles_ = 0;
  uint64_t began_ = 0;
  bool running_ = false;
};

}  // namespace flashdb
