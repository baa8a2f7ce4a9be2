// Arenas for tests.
#pragma once

#include <thread>

#include "shards/arena.h"

namespace flashdb {

/// With the address sanitizer all blocks come from the general allocator, and there are no chunks.
inline bool ArenaPassesThrough() {
  void* block = Arena::Allocate(16);
  bool passes = Arena::HeldBytes() == 0;
  Arena::Free(block, 16);
  return passes;
}

/// Runs `body` with an arena that nothing else uses.
template <typename F>
void OnAFreshThread(F body) {
  std::thread(body).join();
}

}  // namespace flashdb
