#include "shards/arena_refill.h"

#include "io/ring.h"
#include "shards/arena.h"

namespace flashdb {

ArenaRefill::ArenaRefill() {
  // If the kernel can't, the first touch does it: the chunk is as good.
  operation_.on_done = [](Completion& self, int32_t) {
    static_cast<Operation&>(self).busy = false;
    Arena::SpareIsReady();
  };
}

void ArenaRefill::Pump(Ring& ring) {
  if (operation_.busy) return;
  std::span<uint8_t> memory = Arena::BeginSpare();
  if (memory.empty()) return;
  operation_.busy = true;
  ring.Populate(memory, operation_);
}

}  // namespace flashdb
