#include "shards/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "base/random.h"
#include "shards/fresh_arena.h"

namespace flashdb {
namespace {

TEST(ArenaTest, SizesAreEightBytesApartUpTo512) {
  EXPECT_EQ(Arena::RoundUp(1), 16u);
  EXPECT_EQ(Arena::RoundUp(56), 56u);
  EXPECT_EQ(Arena::RoundUp(57), 64u);
  EXPECT_EQ(Arena::RoundUp(512), 512u);
  EXPECT_EQ(Arena::RoundUp(513), 528u);
}

TEST(ArenaTest, RoundingUpWastesAFifteenthAtMost) {
  for (size_t bytes = 128; bytes <= Arena::kMaxBlock; ++bytes) {
    EXPECT_GE(Arena::RoundUp(bytes), bytes);
    EXPECT_LE(Arena::RoundUp(bytes), bytes + bytes / 15 + 8) << bytes;
    EXPECT_EQ(Arena::RoundUp(Arena::RoundUp(bytes)), Arena::RoundUp(bytes));
  }
}

TEST(ArenaTest, BlocksNeverOverlapAndKeepTheirBytes) {
  struct Block {
    char* bytes;
    size_t size;
    char fill;
  };
  OnAFreshThread([] {
    Random random(7);
    std::vector<Block> blocks;
    auto check_and_free = [&](Block block) {
      EXPECT_EQ(static_cast<size_t>(std::count(block.bytes, block.bytes + block.size, block.fill)),
                block.size);
      Arena::Free(block.bytes, block.size);
    };
    for (int step = 0; step < 60'000; ++step) {
      if (blocks.size() < 4000 || random.Below(2) == 0) {
        size_t size = 1 + random.Below(random.Below(10) == 0 ? 10'000 : 300);
        Block block{static_cast<char*>(Arena::Allocate(size)), size, static_cast<char>(step)};
        EXPECT_EQ(reinterpret_cast<uintptr_t>(block.bytes) % 8, 0u);
        std::memset(block.bytes, block.fill, size);
        blocks.push_back(block);
      } else {
        std::swap(blocks[random.Below(blocks.size())], blocks.back());
        check_and_free(blocks.back());
        blocks.pop_back();
      }
    }
    for (const Block& block : blocks) check_and_free(block);
  });
}

TEST(ArenaTest, SizesThatAreMultiplesOf16AreAlignedTo16) {
  OnAFreshThread([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 5000; ++i) {
      blocks.push_back(Arena::Allocate(48));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back()) % 16, 0u);
    }
    for (void* block : blocks) Arena::Free(block, 48);
  });
}

TEST(ArenaTest, FreedMemoryServesOtherSizes) {
  OnAFreshThread([] {
    if (ArenaPassesThrough()) return;  // the sanitizer's allocator has other rules
    auto fill_and_free = [](size_t size) {
      std::vector<void*> blocks;
      for (size_t bytes = 0; bytes < (size_t{20} << 20); bytes += size) {
        blocks.push_back(Arena::Allocate(size));
      }
      size_t held = Arena::HeldBytes();
      for (void* block : blocks) Arena::Free(block, size);
      return held;
    };
    size_t first = fill_and_free(56);
    EXPECT_LE(first, size_t{22} << 20);
    EXPECT_LE(fill_and_free(72), first + (size_t{2} << 20));
  });
}

TEST(ArenaTest, EmptyChunksGoBackToTheKernel) {
  OnAFreshThread([] {
    if (ArenaPassesThrough()) return;
    std::vector<void*> blocks;
    for (int i = 0; i < 1'000'000; ++i) blocks.push_back(Arena::Allocate(64));
    EXPECT_GE(Arena::HeldBytes(), size_t{64'000'000});
    for (void* block : blocks) Arena::Free(block, 64);
    EXPECT_LE(Arena::HeldBytes(), size_t{4} << 20);
  });
}

TEST(ArenaTest, BlocksOutliveTheirThreadAndMayThenBeFreedElsewhere) {
  char* block = nullptr;
  OnAFreshThread([&] {
    block = static_cast<char*>(Arena::Allocate(100));
    std::memset(block, 'x', 100);
  });
  EXPECT_EQ(std::count(block, block + 100, 'x'), 100);
  Arena::Free(block, 100);
}

TEST(ArenaDeathTest, FreeingTwiceIsNoticed) {
  OnAFreshThread([] {
    if (ArenaPassesThrough()) return;
    void* other = Arena::Allocate(40);
    void* block = Arena::Allocate(40);
    Arena::Free(block, 40);
    Arena::Free(other, 40);
    EXPECT_DEATH(Arena::Free(block, 40), "freed twice");
  });
}

// Takes blocks of 4 KiB until the arena holds more than `chunks` chunks.
void TakeMoreThan(size_t chunks, std::vector<void*>& blocks) {
  while (Arena::HeldBytes() <= chunks * (size_t{2} << 20)) blocks.push_back(Arena::Allocate(4096));
}

bool IsInside(void* chunk, void* block) {
  auto* start = static_cast<uint8_t*>(chunk);
  auto* at = static_cast<uint8_t*>(block);
  return at >= start && at < start + (size_t{2} << 20);
}

TEST(ArenaTest, ASpareChunkIsTheNextOne) {
  if (ArenaPassesThrough()) return;  // there are no chunks with a sanitizer
  OnAFreshThread([] {
    std::vector<void*> blocks;
    EXPECT_TRUE(Arena::WantsSpare()) << "it has nothing yet";
    do {
      blocks.push_back(Arena::Allocate(4096));
    } while (!Arena::WantsSpare());
    EXPECT_GT(blocks.size() * 4096, size_t{400} << 10) << "only when a quarter is used";
    void* spare = Arena::MapChunk();
    Arena::GiveSpare(spare);
    EXPECT_FALSE(Arena::WantsSpare()) << "one is enough";
    TakeMoreThan(1, blocks);
    EXPECT_TRUE(IsInside(spare, blocks.back()));
    for (void* block : blocks) Arena::Free(block, 4096);
  });
}

TEST(ArenaTest, AChunkThatIsNotReadyInTimeIsKeptForLater) {
  if (ArenaPassesThrough()) return;
  OnAFreshThread([] {
    std::vector<void*> blocks;
    void* spare = Arena::MapChunk();
    TakeMoreThan(1, blocks);
    EXPECT_FALSE(IsInside(spare, blocks.back()));
    Arena::GiveSpare(spare);
    TakeMoreThan(2, blocks);
    EXPECT_TRUE(IsInside(spare, blocks.back()));
    for (void* block : blocks) Arena::Free(block, 4096);
  });
}

// Whether the kernel has backed more of the chunk around the block than the pages of 64 KiB that
// hold the block and the chunk's description.
bool IsTouchedAsAWhole(void* block) {
  constexpr size_t kChunk = size_t{2} << 20;
  auto start = reinterpret_cast<uintptr_t>(block) & ~(kChunk - 1);
  std::vector<unsigned char> resident(kChunk / 4096);
  EXPECT_EQ(mincore(reinterpret_cast<void*>(start), kChunk, resident.data()), 0);
  return std::count_if(resident.begin(), resident.end(), [](auto page) { return page & 1; }) > 32;
}

TEST(ArenaTest, AChunkWhoseSpareIsLateIsTouchedInSmallSteps) {
  if (ArenaPassesThrough()) return;
  OnAFreshThread([] {
    std::vector<void*> blocks;
    TakeMoreThan(0, blocks);
    Arena::AwaitSpares();
    TakeMoreThan(1, blocks);
    memset(blocks.back(), 1, 4096);
    EXPECT_FALSE(IsTouchedAsAWhole(blocks.back()));
    Arena::GiveSpare(Arena::MapChunk());
    TakeMoreThan(2, blocks);
    EXPECT_TRUE(IsTouchedAsAWhole(blocks.back())) << "a spare one is touched already";
    for (void* block : blocks) Arena::Free(block, 4096);
  });
}

TEST(ArenaTest, TheRoomThatIsLeftShrinksToNothing) {
  if (ArenaPassesThrough()) return;
  OnAFreshThread([] {
    std::vector<void*> blocks;
    do {
      blocks.push_back(Arena::Allocate(4096));
    } while (!Arena::WantsSpare());
    EXPECT_EQ(Arena::Shrunk(), 0);
    for (double before = 0; Arena::HeldBytes() <= size_t{2} << 20 && before < 1;) {
      blocks.push_back(Arena::Allocate(4096));
      EXPECT_GE(Arena::Shrunk(), before);
      before = Arena::Shrunk();
    }
    EXPECT_EQ(Arena::Shrunk(), 1);
    EXPECT_EQ(Arena::HeldBytes(), size_t{2} << 20) << "the last page is not full yet";
    for (void* block : blocks) Arena::Free(block, 4096);
  });
}

}  // namespace
}  // namespace flashdb
