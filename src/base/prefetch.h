// Loading memory ahead of its use.
#pragma once

namespace flashdb {

/// Starts loading the cache line at `address`, which may be any number: nothing is touched.
///
/// Not __builtin_prefetch: GCC 12 takes a function that only prefetches for one without effects and
/// drops the calls.
inline void PrefetchLine(const void* address) {
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(address)));
}

}  // namespace flashdb
