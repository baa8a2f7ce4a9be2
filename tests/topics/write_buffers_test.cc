#include "topics/write_buffers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace flashdb {
namespace {

constexpr size_t kBlock = WriteBuffers::kBlockBytes;

TEST(WriteBuffersTest, BlocksOfTheFileAreBlocksOfMemory) {
  WriteBuffers buffers;
  for (const size_t bytes : {size_t{1}, size_t{5000}, WriteBuffers::kLargeBytes, size_t{3} << 20}) {
    const WriteBuffers::Buffer buffer = buffers.Take(bytes);
    for (const uint64_t position : {0u, 1u, 4095u, 4096u, 1'234'567u}) {
      char* const place = buffer.For(position);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(place) % kBlock, position % kBlock);
      std::memset(place, 'x', bytes);
    }
  }
}

TEST(WriteBuffersTest, OnlyAFewWritesAtATimeAreLarge) {
  WriteBuffers buffers;
  std::vector<WriteBuffers::Buffer> taken;
  while (buffers.Limit() == WriteBuffers::kLargeBytes) {
    taken.push_back(buffers.Take(buffers.Limit()));
    ASSERT_LE(taken.size(), 100u);
  }
  EXPECT_EQ(buffers.Limit(), WriteBuffers::kSmallBytes);
  EXPECT_GT(taken.size(), 1u);
  taken.push_back(buffers.Take(buffers.Limit()));
  taken.clear();
  EXPECT_EQ(buffers.Limit(), WriteBuffers::kLargeBytes);
}

TEST(WriteBuffersTest, MemoryIsKeptForTheNextWrite) {
  WriteBuffers buffers;
  const char* first = buffers.Take(WriteBuffers::kLargeBytes).For(0);
  EXPECT_EQ(buffers.Take(10).For(0), first);
  EXPECT_EQ(buffers.Take(WriteBuffers::kLargeBytes).For(0), first);
}

}  // namespace
}  // namespace flashdb
