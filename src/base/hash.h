// Hashing of keys and fields in memory. The seed is random per process, so hash values are never
// stored or sent, and nobody outside can choose keys that collide.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace flashdb {

/// Set once at start, before any shard runs (tests may fix it).
void SetHashSeed(uint64_t seed);

namespace internal {
extern uint64_t hash_seed;
}

inline uint64_t HashBytes(std::string_view bytes) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), internal::hash_seed);
}

/// So wide that two different inputs of one process may be taken never to have the same.
struct WideHash {
  uint64_t high = 0;
  uint64_t low = 0;

  bool operator==(const WideHash&) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const WideHash& hash) {
    return H::combine(std::move(state), hash.low);
  }
};
inline WideHash WideHashOf(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), internal::hash_seed);
  return {hash.high64, hash.low64};
}

/// Transparent hash for abseil's containers keyed by std::string (lookups by string_view).
struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view bytes) const { return HashBytes(bytes); }
};
struct StringEq {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
};

}  // namespace flashdb
