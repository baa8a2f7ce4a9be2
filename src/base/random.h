// Randomness, injected: one generator per shard, seeded by the caller, so that a run can be
// repeated. splitmix64 (Steele, Lea, Flood 2014); not for secrets.
#pragma once

#include <cstdint>

namespace flashdb {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, bound); `bound` must not be 0.
  uint64_t Below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

/// Fresh bytes from the kernel (getrandom), for seeds and ids.
uint64_t EntropySeed();

}  // namespace flashdb
