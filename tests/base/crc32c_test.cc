#include "base/crc32c.h"

#include <cpuid.h>
#include <gtest/gtest.h>

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

TEST(Crc32cTest, GoesOnFromWhatCameBefore) {
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i * 7);
  auto part = [&](size_t from, size_t to) {
    return std::span(reinterpret_cast<const uint8_t*>(bytes.data()) + from, to - from);
  };
  EXPECT_EQ(Crc32c(part(1234, 5000), Crc32c(part(0, 1234))), Crc32c(bytes));
}

// Which vector state is in use, a bit each, as XSAVE would find it; 0 if the processor cannot tell.
// Intel 64 Architectures Software Developer's Manual, volume 1, section 13.6.
uint32_t VectorStateInUse() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & bit_OSXSAVE) == 0) return 0;
  if (__get_cpuid_count(0xD, 1, &eax, &ebx, &ecx, &edx) == 0 || (eax & 4) == 0) return 0;
  uint32_t in_use = 0;
  asm volatile("xgetbv" : "=a"(in_use) : "c"(1) : "edx");
  return in_use;
}

// All SSE instructions of the thread are slower while they are.
TEST(Crc32cTest, LeavesNoUpperHalvesOfVectorRegistersInUse) {
  constexpr uint32_t kUpperHalves = 1u << 2 | 1u << 6;  // of YMM0-15 and ZMM0-15
  const std::string bytes(4096, 'x');
  volatile uint32_t crc = 0;
  uint32_t in_use = kUpperHalves;
  // Between the two nothing may run that leaves them in use or cleans up.
  crc = Crc32c(bytes);
  in_use = VectorStateInUse();
  EXPECT_EQ(in_use & kUpperHalves, 0u) << "crc " << crc;
}

}  // namespace
}  // namespace flashdb
