// The end of an asynchronous operation.
#pragma once

#include <cstdint>

namespace flashdb {

/// Called once, from the event loop that submitted the operation, when it has ended. The result is
/// the kernel's: >= 0 is a byte count (or 0), < 0 a negated errno value. The object must stay alive
/// and in place until then; it may be reused for a new operation from inside the callback.
struct Completion {
  void (*on_done)(Completion& self, int32_t result) = nullptr;
};

}  // namespace flashdb
