#include "base/crc32c.h"

#include <isa-l/crc.h>

namespace flashdb {

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
  return ~state;
}

}  // namespace flashdb
