#include "base/hash.h"

namespace flashdb {

namespace internal {
uint64_t hash_seed = 0;
}

void SetHashSeed(uint64_t seed) { internal::hash_seed = seed; }

}  // namespace flashdb
