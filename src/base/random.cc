#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace flashdb {

uint64_t EntropySeed() {
  uint64_t seed = 0;
  FLASHDB_CHECK(getrandom(&seed, sizeof(seed), 0) == sizeof(seed), "getrandom failed");
  return seed;
}

}  // namespace flashdb
