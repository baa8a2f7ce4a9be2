// A fuzz target is a function that takes any bytes and aborts if a promise is broken. libFuzzer
// drives it (scripts/fuzz), or replay_main.cc in the ordinary test builds.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" {
/// libFuzzer's interface (llvm.org/docs/LibFuzzer.html). A target must define the first one and may
/// define the second; the driver defines the third.
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
}

namespace flashdb::fuzz {

/// Takes an input apart from its front. At its end every number is 0 and every string empty.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() { return static_cast<uint8_t>(Number(1)); }
  /// A little-endian number of `bytes` bytes.
  uint64_t Number(size_t bytes) {
    uint64_t value = 0;
    std::string_view taken = Take(bytes);
    for (size_t i = taken.size(); i > 0; --i)
      value = value << 8 | static_cast<uint8_t>(taken[i - 1]);
    return value;
  }
  /// In [0, bound).
  uint64_t Below(uint64_t bound) { return Number(bound > 256 ? 4 : 1) % bound; }
  std::string_view Take(size_t bytes) {
    std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  /// A string whose length, at most `longest`, comes first.
  std::string_view String(size_t longest) { return Take(Below(longest + 1)); }
  std::string_view Rest() { return Take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace flashdb::fuzz
