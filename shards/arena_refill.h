// Keeps the next chunk of a shard's arena ready: the kernel clears its pages in the background.
// Where memory is new to the machine (a virtual one, above all), the first touch of 2 MiB takes
// milliseconds, and the event loop would stand still for them. Used by one shard's thread only.
#pragma once

#include "io/completion.h"

namespace flashdb {

class Ring;

class ArenaRefill {
 public:
  ArenaRefill();
  ArenaRefill(const ArenaRefill&) = delete;
  ArenaRefill& operator=(const ArenaRefill&) = delete;

  /// Call once in a turn: begins to prepare a chunk if the calling thread's arena is running low.
  void Pump(Ring& ring);
  /// The kernel is at work; the ring must turn until it is not.
  bool busy() const { return operation_.busy; }

 private:
  struct Operation : Completion {
    bool busy = false;
  };
  Operation operation_;
};

}  // namespace flashdb
