#include "base/coding.h"

namespace flashdb {

void PutLongVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

uint8_t Decoder::Byte() { return Fixed<uint8_t>(); }

uint64_t Decoder::Varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return Fail<uint64_t>();
    auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return Fail<uint64_t>();
}

std::string_view Decoder::Bytes() {
  uint64_t size = Varint();
  if (!ok_ || size > rest_.size()) return Fail<std::string_view>();
  std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return bytes;
}

}  // namespace flashdb
