// Whether an event loop may write to the page cache by itself. That is a copy of a microsecond or
// two, where a kernel's worker has to be woken and to get a processor first. But a kernel with too
// many dirty pages makes whoever writes wait for the disk: from then on a worker is the one to
// wait.
#pragma once

#include <cstdint>

namespace flashdb {

/// Of one log, and its thread. All times are MonotonicNanos.
class CopyPace {
 public:
  bool MayCopy(uint64_t bytes, uint64_t now) const {
    return bytes <= kMostBytes && now >= resumes_at_;
  }
  void NoteCopy(uint64_t started, uint64_t ended) {
    if (ended - started >= kSlowNanos) resumes_at_ = ended + kPauseNanos;
  }

 private:
  static constexpr uint64_t kMostBytes = 256 * 1024;  // tens of microseconds
  static constexpr uint64_t kSlowNanos = 5'000'000;   // more than another thread's time slice
  static constexpr uint64_t kPauseNanos = 1'000'000'000;

  uint64_t resumes_at_ = 0;
};

}  // namespace flashdb
