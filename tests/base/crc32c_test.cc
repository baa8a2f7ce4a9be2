#include "base/crc32c.h"

#include <cpuid.h>
#include <gtest/gtest.h>
#include <immintrin.h>

#include <cstdint>
#include <string>

namespace flashdb {
namespace {

TEST(Crc32cTest, IsThatOfRfc3720) {
  // Appendix B.4 of the RFC.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
  EXPECT_EQ(Crc32c("123456789"), 0xE3069283u);
}

TEST(Crc32cTest, GivesTheCheckValueInTwoParts) {
  const uint8_t digits[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};
  EXPECT_EQ(Crc32c(digits), 0xE3069283u);
  EXPECT_EQ(Crc32c({digits + 4, 5}, Crc32c({digits, 4})), 0xE3069283u);
}

TEST(Crc32cTest, GoesOnFromWhatCameBefore) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * 7);
  auto part = [&](size_t from, size_t to) {
    return std::span(reinterpret_cast<const uint8_t*>(bytes.data()) + from, to - from);
  };
  EXPECT_EQ(Crc32c(part(1234, 5000), Crc32c(part(0, 1234))), Crc32c(bytes));
}

__attribute__((target("avx"))) void CleanUp() { _mm256_zeroupper(); }

// Which vector state is in use, a bit each, as XSAVE would find it; 0 if the processor cannot tell.
// Intel 64 Architectures Software Developer's Manual, volume 1, section 13.6.
uint32_t UpperHalvesInUse() {
  constexpr uint32_t kUpperHalves = 1u << 2 | 1u << 6;  // of YMM0-15 and ZMM0-15
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kNeeded = bit_OSXSAVE | bit_AVX;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & kNeeded) != kNeeded) return 0;
  if (__get_cpuid_count(0xD, 1, &eax, &ebx, &ecx, &edx) == 0 || (eax & 4) == 0) return 0;
  uint32_t in_use = 0;
  asm volatile("xgetbv" : "=a"(in_use) : "c"(1) : "edx");
  return in_use & kUpperHalves;
}

// All SSE instructions of the thread are slower while they are. Nothing else that might use them
// or clean up runs between the two calls.
TEST(Crc32cTest, LeavesNoUpperHalvesOfVectorRegistersInUse) {
  const std::string bytes(4096, 'x');
  if (__builtin_cpu_supports("avx") != 0) CleanUp();
  const uint32_t before = UpperHalvesInUse();  // not 0 on a processor that does not keep count
  volatile uint32_t crc = Crc32c(bytes);
  const uint32_t after = UpperHalvesInUse();
  EXPECT_EQ(after & ~before, 0u) << "crc " << crc;
}

}  // namespace
}  // namespace flashdb
