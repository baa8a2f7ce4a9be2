// Keeps the next chunk of a shard's arena ready. Where memory is new to the machine (a virtual one,
// above all), the first touch of a huge page takes milliseconds, and the event loop would stand
// still for them.
//
// A helper thread on the shard's processor touches it, with the lowest priority; and a loop that is
// always busy lends it the processor in short naps, as much of it as the arena's room has shrunk.
// A kernel that has chosen the helper once lets it run until its next tick, for up to 4 ms, unless
// another thread wakes up: that is the waker's duty. See docs/decisions.md.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>
#include <semaphore>
#include <thread>

#include "base/status.h"

namespace flashdb {

/// What has become of one chunk; nanoseconds.
struct RefillProgress {
  uint64_t expected = 5'000'000;  // what the whole of it takes of the helper's time
  uint64_t done = 0;              // of the helper's time
  uint64_t lent = 0;              // of the loop's time
};

/// How long a loop should sleep now so that the chunk is ready when all of the arena's room is
/// used, of which it has used the share `shrunk` (0 to 1). 0 if there is time yet.
uint64_t NapNanos(const RefillProgress& progress, double shrunk);

/// Used by one shard's thread only.
class ArenaRefill {
 public:
  ArenaRefill();
  ~ArenaRefill();
  ArenaRefill(const ArenaRefill&) = delete;
  ArenaRefill& operator=(const ArenaRefill&) = delete;

  /// Starts the threads, on the processors that the calling thread may use, and prepares the
  /// arena's first chunk.
  Status Start();
  /// Call once in a turn, after Start(): has a chunk prepared if the calling thread's arena is
  /// running low. May sleep for up to two milliseconds.
  void Pump();

 private:
  void Help();
  void Wake();
  void Begin();
  void Finish();
  void Lend();

  std::thread helper_;
  std::thread waker_;
  clockid_t helpers_clock_ = 0;
  std::atomic<uint32_t> wanted_ = 0;  // chunks so far, or kEnding
  std::atomic<uint32_t> made_ = 0;    // the helper's
  uint32_t taken_ = 0;
  void* chunk_ = nullptr;           // of the last one made
  std::counting_semaphore<> done_;  // ends a nap
  uint64_t begun_nanos_ = 0;        // the helper's time when the chunk was wanted
  RefillProgress progress_;
};

}  // namespace flashdb
