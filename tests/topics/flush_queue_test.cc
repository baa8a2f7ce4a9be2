#include "topics/flush_queue.h"

#include <gtest/gtest.h>

#include "topics/memory_storage.h"

namespace flashdb {
namespace {

class FlushQueueTest : public testing::Test {
 protected:
  FlushQueueTest() {
    for (PartitionNumber p = 0; p < 4; ++p) {
      partitions_.push_back(
          std::make_unique<Partition>(1, p, SlotId{0}, std::make_unique<MemoryStorage>()));
    }
  }

  Partition& At(PartitionNumber number) { return *partitions_[number]; }

  void Append(PartitionNumber number) {
    std::string frame;
    AppendFrame(frame, At(number).end(), 0, {.value = "value"});
    At(number).Append(frame, 0);
  }

  std::vector<PartitionNumber> All() const {
    std::vector<PartitionNumber> all;
    queue_.ForEach([&](Partition& partition) { all.push_back(partition.number()); });
    return all;
  }

  std::vector<std::unique_ptr<Partition>> partitions_;
  FlushQueue queue_;
};

TEST_F(FlushQueueTest, TheOneThatHasWaitedLongestIsFirst) {
  EXPECT_EQ(queue_.oldest(), nullptr);
  queue_.Add(At(2), 10);
  queue_.Add(At(0), 20);
  queue_.Add(At(2), 30);  // it waits already
  EXPECT_EQ(queue_.oldest(), &At(2));
  EXPECT_EQ(queue_.oldest()->flush_place.since, 10u);
  queue_.Begin(At(2));
  EXPECT_EQ(queue_.oldest(), &At(0));
  EXPECT_EQ(queue_.flushing(), 1u);
}

TEST_F(FlushQueueTest, OneThatGetsMoreWhileItIsFlushedStaysWhereItIs) {
  queue_.Add(At(0), 10);
  queue_.Begin(At(0));
  At(0).flush_place.marked = true;
  queue_.Add(At(0), 20);
  queue_.Begin(At(0));
  EXPECT_EQ(queue_.flushing(), 1u);
  EXPECT_TRUE(At(0).flush_place.marked);
}

TEST_F(FlushQueueTest, OneThatIsFlushedLeavesUnlessItHasMore) {
  for (PartitionNumber p : {0, 1, 2}) {
    queue_.Add(At(p), 10);
    queue_.Begin(At(p));
  }
  Append(1);
  std::vector<PartitionNumber> visited;
  queue_.GoOn(50, [&](Partition& partition) {
    visited.push_back(partition.number());
    return partition.number() == 2;
  });
  EXPECT_EQ(visited, (std::vector<PartitionNumber>{0, 1, 2}));
  EXPECT_EQ(queue_.flushing(), 1u);
  ASSERT_EQ(queue_.oldest(), &At(1));
  EXPECT_EQ(queue_.oldest()->flush_place.since, 50u);
  EXPECT_EQ(All(), (std::vector<PartitionNumber>{2, 1}));
}

TEST_F(FlushQueueTest, ARemovedOneIsInNeitherListAndMayComeBack) {
  queue_.Add(At(0), 10);
  queue_.Add(At(1), 10);
  queue_.Begin(At(1));
  for (PartitionNumber p : {0, 1, 3}) queue_.Remove(At(p));
  EXPECT_TRUE(queue_.empty());
  queue_.Add(At(1), 20);
  EXPECT_EQ(queue_.oldest(), &At(1));
  queue_.Clear();
  EXPECT_TRUE(queue_.empty());
  queue_.Add(At(1), 30);
  EXPECT_EQ(All(), std::vector<PartitionNumber>{1});
}

}  // namespace
}  // namespace flashdb
