// Little-endian integers, LEB128 varints and length-prefixed byte strings: the bytes of log
// records and object images.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace flashdb {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the formats are little-endian");

template <typename T>
void StoreLittle(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

template <typename T>
T LoadLittle(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

/// Appends to a byte string.
inline void PutByte(std::string& out, uint8_t byte) { out.push_back(static_cast<char>(byte)); }

template <typename T>
void PutFixed(std::string& out, T value) {
  char bytes[sizeof(T)];
  StoreLittle(bytes, value);
  out.append(bytes, sizeof(T));
}

void PutLongVarint(std::string& out, uint64_t value);

inline void PutVarint(std::string& out, uint64_t value) {
  value < 0x80 ? PutByte(out, static_cast<uint8_t>(value)) : PutLongVarint(out, value);
}

/// Zigzag, then varint: small negative numbers stay short.
inline void PutSigned(std::string& out, int64_t value) {
  PutVarint(out, (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
}

inline void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}

/// Reads what the Put functions wrote. A read past the end or of a malformed varint returns 0 or
/// an empty view and makes `ok()` false from then on; the caller checks once, at the end.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}

  uint8_t Byte();
  uint64_t Varint();
  int64_t Signed() {
    uint64_t raw = Varint();
    return static_cast<int64_t>(raw >> 1) ^ -static_cast<int64_t>(raw & 1);
  }
  /// A view into the decoded bytes, valid as long as they are.
  std::string_view Bytes();
  /// The next `size` bytes, without a length in front of them.
  std::string_view Raw(size_t size) {
    if (rest_.size() < size) return Fail<std::string_view>();
    std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  template <typename T>
  T Fixed() {
    if (rest_.size() < sizeof(T)) return Fail<T>();
    T value = LoadLittle<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }

  bool ok() const { return ok_; }
  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  template <typename T>
  T Fail() {
    ok_ = false;
    rest_ = {};
    return T{};
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace flashdb
