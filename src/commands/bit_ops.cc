#include "commands/bit_ops.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/numbers.h"

namespace flashdb {
namespace {

constexpr size_t kWord = sizeof(uint64_t);

uint8_t ByteAt(std::string_view bytes, int64_t index) {
  return static_cast<uint8_t>(bytes[static_cast<size_t>(index)]);
}

int64_t CountOnesInBytes(std::string_view bytes) {
  int64_t count = 0;
  for (; bytes.size() >= kWord; bytes.remove_prefix(kWord)) {
    count += std::popcount(LoadLittle<uint64_t>(bytes.data()));
  }
  for (char byte : bytes) count += std::popcount(static_cast<uint8_t>(byte));
  return count;
}

// The first index from `from` on whose byte is not `boring`; the size if there is none.
size_t SkipBytes(std::string_view bytes, size_t from, uint8_t boring) {
  const uint64_t boring_word = boring * uint64_t{0x0101010101010101};
  while (from + kWord <= bytes.size() && LoadLittle<uint64_t>(bytes.data() + from) == boring_word) {
    from += kWord;
  }
  while (from < bytes.size() && static_cast<uint8_t>(bytes[from]) == boring) ++from;
  return from;
}

template <typename F>
void CombineWords(std::string& bytes, std::string_view other, F combine) {
  size_t i = 0;
  for (; i + kWord <= other.size(); i += kWord) {
    uint64_t word = LoadLittle<uint64_t>(bytes.data() + i);
    StoreLittle(bytes.data() + i, combine(word, LoadLittle<uint64_t>(other.data() + i)));
  }
  for (; i < other.size(); ++i) {
    uint64_t byte =
        combine(uint64_t{static_cast<uint8_t>(bytes[i])}, uint64_t{static_cast<uint8_t>(other[i])});
    bytes[i] = static_cast<char>(byte);
  }
}

}  // namespace

int64_t CountOnes(std::string_view bytes, int64_t first, int64_t last) {
  const int64_t first_byte = first / 8;
  const int64_t last_byte = last / 8;
  int64_t count = CountOnesInBytes(bytes.substr(static_cast<size_t>(first_byte),
                                                static_cast<size_t>(last_byte - first_byte + 1)));
  count -= std::popcount(static_cast<uint8_t>(ByteAt(bytes, first_byte) & ~(0xff >> (first % 8))));
  count -= std::popcount(static_cast<uint8_t>(ByteAt(bytes, last_byte) & (0x7f >> (last % 8))));
  return count;
}

int64_t FindBit(std::string_view bytes, int64_t first, int64_t last, bool wanted) {
  bytes = bytes.substr(0, static_cast<size_t>(last / 8 + 1));
  const uint8_t boring = wanted ? 0x00 : 0xff;
  size_t index = static_cast<size_t>(first / 8);
  auto hits =
      static_cast<uint8_t>((static_cast<uint8_t>(bytes[index]) ^ boring) & (0xff >> (first % 8)));
  if (hits == 0) {
    index = SkipBytes(bytes, index + 1, boring);
    if (index == bytes.size()) return -1;
    hits = static_cast<uint8_t>(bytes[index]) ^ boring;
  }
  int64_t bit = static_cast<int64_t>(index) * 8 + std::countl_zero(hits);
  return bit <= last ? bit : -1;
}

std::optional<BitOperation> BitOperationOf(std::string_view name) {
  if (EqualsIgnoreCase(name, "AND")) return BitOperation::kAnd;
  if (EqualsIgnoreCase(name, "OR")) return BitOperation::kOr;
  if (EqualsIgnoreCase(name, "XOR")) return BitOperation::kXor;
  if (EqualsIgnoreCase(name, "NOT")) return BitOperation::kNot;
  return std::nullopt;
}

void InvertBits(std::string& bytes) {
  for (char& byte : bytes) byte = static_cast<char>(~byte);
}

void CombineBits(BitOperation operation, std::string& bytes, std::string_view other) {
  FLASHDB_CHECK(operation != BitOperation::kNot);
  const size_t common = std::min(bytes.size(), other.size());
  bytes.resize(std::max(bytes.size(), other.size()), '\0');
  if (operation == BitOperation::kAnd) {
    CombineWords(bytes, other.substr(0, common), [](uint64_t a, uint64_t b) { return a & b; });
    std::fill(bytes.begin() + static_cast<ptrdiff_t>(common), bytes.end(), '\0');
  } else if (operation == BitOperation::kOr) {
    CombineWords(bytes, other, [](uint64_t a, uint64_t b) { return a | b; });
  } else {
    CombineWords(bytes, other, [](uint64_t a, uint64_t b) { return a ^ b; });
  }
}

}  // namespace flashdb
