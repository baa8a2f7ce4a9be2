#include "shards/arena_refill.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstring>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "shards/fresh_arena.h"

namespace flashdb {
namespace {

constexpr uint64_t kMilli = 1'000'000;

TEST(NapTest, AHelperThatIsAheadNeedsNone) {
  EXPECT_EQ(NapNanos({.expected = 4 * kMilli, .done = 2 * kMilli}, 0.3), 0u);
  EXPECT_EQ(NapNanos({.expected = 4 * kMilli}, 0), 0u);
}

TEST(NapTest, TheHelperGetsWhatTheRoomIsAheadOfIt) {
  const uint64_t nap = NapNanos({.expected = 4 * kMilli, .done = kMilli}, 0.4);
  EXPECT_NEAR(static_cast<double>(nap), 1.0 * kMilli, 1000);
}

TEST(NapTest, TooShortANapIsPutOff) {
  EXPECT_EQ(NapNanos({.expected = 4 * kMilli, .done = 2 * kMilli - 50'000}, 0.4), 0u);
}

TEST(NapTest, NoNapIsLongerThanTwoMilliseconds) {
  EXPECT_EQ(NapNanos({.expected = 100 * kMilli}, 0.7), 2 * kMilli);
}

TEST(NapTest, WithLittleRoomLeftItDoesNotMatterWhatTheLastChunkTook) {
  EXPECT_EQ(NapNanos({.expected = kMilli, .done = 3 * kMilli, .lent = 3 * kMilli}, 0.9),
            2 * kMilli);
}

TEST(NapTest, NapsThatOthersUseEnd) {
  EXPECT_EQ(NapNanos({.expected = 4 * kMilli, .lent = 5 * kMilli}, 0.9), 0u);
}

class ArenaRefillTest : public testing::Test {
 protected:
  template <typename F>
  static void WithChunks(F body) {
    if (!ArenaPassesThrough()) OnAFreshThread(body);
  }

  // Uses all of one chunk more; returns the page faults that this took.
  static long FaultsOfAChunk(std::vector<void*>& blocks) {
    const size_t chunks = Arena::HeldBytes();
    blocks.reserve(blocks.size() + 1024);
    const long before = Faults();
    while (Arena::HeldBytes() == chunks) Take(blocks);
    while (!Arena::WantsSpare() && Arena::HeldBytes() == chunks + kChunk) Take(blocks);
    return Faults() - before;
  }

  static void Free(const std::vector<void*>& blocks) {
    for (void* block : blocks) Arena::Free(block, kBlock);
  }

 private:
  static constexpr size_t kChunk = size_t{2} << 20;
  static constexpr size_t kBlock = 4096;

  static void Take(std::vector<void*>& blocks) {
    blocks.push_back(Arena::Allocate(kBlock));
    memset(blocks.back(), 1, kBlock);
  }
  static long Faults() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt;
  }
};

TEST_F(ArenaRefillTest, TheFirstKeysNeedNoNewMemory) {
  WithChunks([] {
    ArenaRefill refill;
    ASSERT_TRUE(refill.Start().ok());
    std::vector<void*> blocks;
    EXPECT_LT(FaultsOfAChunk(blocks), 20);
    Free(blocks);
  });
}

TEST_F(ArenaRefillTest, ALoopThatTurnsFindsItsNextChunkTouched) {
  WithChunks([] {
    ArenaRefill refill;
    ASSERT_TRUE(refill.Start().ok());
    std::vector<void*> blocks;
    FaultsOfAChunk(blocks);
    ASSERT_TRUE(Arena::WantsSpare());
    SystemClock clock;
    const uint64_t deadline = clock.MonotonicNanos() + 60'000 * kMilli;
    while (Arena::WantsSpare() && clock.MonotonicNanos() < deadline) {
      refill.Pump();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_FALSE(Arena::WantsSpare());
    EXPECT_LT(FaultsOfAChunk(blocks), 20);
    Free(blocks);
  });
}

TEST_F(ArenaRefillTest, ItMayEndWhileAChunkIsPrepared) {
  WithChunks([] {
    for (int round = 0; round < 20; ++round) {
      ArenaRefill refill;
      ASSERT_TRUE(refill.Start().ok());
      std::vector<void*> blocks;
      FaultsOfAChunk(blocks);
      refill.Pump();
      Free(blocks);
    }
  });
}

}  // namespace
}  // namespace flashdb
