#include "base/slots.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

TEST(SlotsTest, Crc16GivesTheSpecificationsCheckValue) { EXPECT_EQ(Crc16("123456789"), 0x31C3); }

TEST(SlotsTest, KeysHaveTheSlotsThatRedisClusterGivesThem) {
  EXPECT_EQ(SlotOf("foo"), 12182);
  EXPECT_EQ(SlotOf("somekey"), 11058);
  EXPECT_EQ(SlotOf("foo{hash_tag}"), SlotOf("hash_tag"));
  EXPECT_EQ(SlotOf("{user1000}.following"), SlotOf("{user1000}.followers"));
  EXPECT_NE(SlotOf("foo{}{bar}"), SlotOf("bar")) << "an empty tag hashes the whole key";
  EXPECT_EQ(SlotOf("foo{{bar}}zap"), SlotOf("{bar"));
}

TEST(SlotsTest, ShardsOwnContiguousRangesThatCoverEverySlotOnce) {
  for (uint32_t shards = 1; shards <= 64; ++shards) {
    for (uint32_t slot = 0; slot < kSlotCount; ++slot) {
      ShardId owner = OwnerOf(static_cast<SlotId>(slot), shards);
      ASSERT_GE(slot, FirstSlot(owner, shards));
      ASSERT_LT(slot, FirstSlot(owner + 1u, shards));
    }
  }
}

}  // namespace
}  // namespace flashdb
