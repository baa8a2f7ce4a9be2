#include "base/crc32c.h"

#include <immintrin.h>
#include <isa-l/crc.h>

namespace flashdb {
namespace {

__attribute__((target("avx"))) void ZeroUpperHalves() { _mm256_zeroupper(); }

// ISA-L's code for AVX-512 leaves the upper halves of the vector registers in use, and as long as
// they are, SSE instructions wait for earlier ones that they do not depend on: a shard that had
// written to its log was slower from then on, by half where all commands are SET.
void LeaveNoUpperHalves() {
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) ZeroUpperHalves();
}

}  // namespace

uint32_t Crc32c(std::span<const uint8_t> bytes, uint32_t crc) {
  // ISA-L neither inverts before nor after and takes a non-const pointer it only reads from; its
  // length is an int, so longer inputs go in pieces.
  auto* p = const_cast<uint8_t*>(bytes.data());
  size_t left = bytes.size();
  uint32_t state = ~crc;
  constexpr size_t kPiece = size_t{1} << 30;
  while (left > 0) {
    size_t piece = left < kPiece ? left : kPiece;
    state = crc32_iscsi(p, static_cast<int>(piece), state);
    p += piece;
    left -= piece;
  }
  LeaveNoUpperHalves();
  return ~state;
}

}  // namespace flashdb
