#include "topics/catalog.h"

#include <gtest/gtest.h>

#include <set>

#include "base/slots.h"

namespace flashdb {
namespace {

Topic MakeTopic(TopicId id, std::string name, PartitionNumber partitions = 1) {
  Topic topic{.id = id, .name = std::move(name), .config = {}, .created_at = 7};
  topic.config.partitions = partitions;
  return topic;
}

TEST(CatalogTest, ATopicIsFoundByNameAndById) {
  Catalog catalog;
  catalog.PutTopic(1, MakeTopic(1, "a"));
  catalog.PutTopic(2, MakeTopic(2, "b"));
  ASSERT_NE(catalog.FindTopic("a"), nullptr);
  EXPECT_EQ(catalog.FindTopic("a"), catalog.TopicById(1));
  EXPECT_EQ(catalog.FindTopic("c"), nullptr);
  EXPECT_EQ(catalog.version(), 2u);
}

TEST(CatalogTest, AnAlteredTopicStaysInItsPlace) {
  Catalog catalog;
  const Topic* topic = &catalog.PutTopic(1, MakeTopic(1, "a", 2));
  EXPECT_EQ(&catalog.PutTopic(2, MakeTopic(1, "a", 5)), topic);
  EXPECT_EQ(topic->config.partitions, 5u);
  EXPECT_EQ(catalog.topics().size(), 1u);
}

TEST(CatalogTest, ARemovedTopicIsGoneAndItsNameIsFreeForAnother) {
  Catalog catalog;
  catalog.PutTopic(1, MakeTopic(1, "a"));
  catalog.RemoveTopic(2, 1);
  EXPECT_EQ(catalog.FindTopic("a"), nullptr);
  EXPECT_EQ(catalog.TopicById(1), nullptr);
  catalog.PutTopic(3, MakeTopic(3, "a"));
  EXPECT_EQ(catalog.FindTopic("a")->id, 3u);
}

TEST(CatalogTest, GroupsAreKeptApartFromTopics) {
  Catalog catalog;
  catalog.PutTopic(1, MakeTopic(1, "a"));
  catalog.PutGroup(2, {.id = 2, .name = "a", .created_at = 9});
  EXPECT_EQ(catalog.FindGroup("a")->id, 2u);
  catalog.RemoveGroup(3, 2);
  EXPECT_EQ(catalog.FindGroup("a"), nullptr);
  EXPECT_NE(catalog.FindTopic("a"), nullptr);
}

TEST(CatalogTest, TheLogGivesATopicBackAsItWas) {
  Topic topic = MakeTopic(300, "orders", 12);
  topic.config.storage = StorageKind::kMemory;
  topic.config.cleanup = Cleanup::kBoth;
  topic.config.retention = {.max_bytes = 1ull << 40, .max_age_ms = 86'400'000};
  topic.config.cache_records = 17;
  std::string bytes;
  EncodeTopic(bytes, topic);
  Decoder in(bytes);
  StatusOr<Topic> decoded = DecodeTopic(in);
  ASSERT_TRUE(decoded.ok() && in.ok() && in.empty());
  EXPECT_EQ(decoded->id, topic.id);
  EXPECT_EQ(decoded->name, topic.name);
  EXPECT_EQ(decoded->created_at, topic.created_at);
  EXPECT_EQ(decoded->config.partitions, 12u);
  EXPECT_EQ(decoded->config.storage, StorageKind::kMemory);
  EXPECT_EQ(decoded->config.cleanup, Cleanup::kBoth);
  EXPECT_EQ(decoded->config.retention.max_bytes, 1ull << 40);
  EXPECT_EQ(decoded->config.retention.max_age_ms, 86'400'000u);
  EXPECT_EQ(decoded->config.cache_records, 17u);
}

TEST(CatalogTest, ATopicCutShortIsNoticedWhereverItIsCut) {
  std::string bytes;
  EncodeTopic(bytes, MakeTopic(1, "orders", 3));
  for (size_t size = 0; size < bytes.size(); ++size) {
    Decoder in(std::string_view(bytes).substr(0, size));
    StatusOr<Topic> decoded = DecodeTopic(in);
    EXPECT_TRUE(!in.ok() || !decoded.ok()) << size;
  }
}

TEST(CatalogTest, ImpossibleSettingsInTheLogAreDamage) {
  Topic topic = MakeTopic(1, "t", kMaxPartitions + 1);
  std::string bytes;
  EncodeTopic(bytes, topic);
  Decoder in(bytes);
  EXPECT_TRUE(absl::IsDataLoss(DecodeTopic(in).status()));
}

TEST(CatalogTest, PartitionsOfATopicAreSpreadOverShards) {
  for (uint32_t shards : {2u, 3u, 4u, 8u}) {
    const Topic topic = MakeTopic(1, "orders", shards * 2);
    std::vector<int> owned(shards);
    for (PartitionNumber p = 0; p < topic.config.partitions; ++p) {
      ++owned[OwnerOf(topic.SlotOfPartition(p), shards)];
    }
    for (int count : owned) EXPECT_GE(count, 1) << shards;
  }
}

TEST(CatalogTest, NoTwoPartitionsOfATopicShareASlot) {
  const Topic topic = MakeTopic(1, "orders", kMaxPartitions);
  std::set<SlotId> slots;
  for (PartitionNumber p = 0; p < kMaxPartitions; ++p) slots.insert(topic.SlotOfPartition(p));
  EXPECT_EQ(slots.size(), kMaxPartitions);
}

// Records stay with their keys' partitions for ever: these numbers must never change.
TEST(CatalogTest, AKeysPartitionIsTheSameInEveryVersion) {
  const Topic topic = MakeTopic(1, "orders", 1000);
  EXPECT_EQ(topic.PartitionOf(""), 0x2d06800538d394c2ull % 1000);
  EXPECT_EQ(topic.PartitionOf("a"), 0xe6c632b61e964e1full % 1000);
}

}  // namespace
}  // namespace flashdb
