#include "shards/hash_value.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "shards/keyspace.h"

namespace flashdb {
namespace {

constexpr EncodingLimits kSmall = {};
constexpr EncodingLimits kNoPacking = {.hash_max_listpack_entries = 0,
                                       .hash_max_listpack_value = 0};

using Model = std::map<std::string, std::pair<std::string, UnixMillis>>;

Model FieldsOf(const HashValue& hash, UnixMillis now) {
  Model fields;
  hash.ForEachLive(now, [&](const HashField& field) {
    EXPECT_TRUE(
        fields.emplace(field.name, std::pair{std::string(field.value), field.expire_at}).second);
  });
  return fields;
}

Model LiveIn(const Model& model, UnixMillis now) {
  Model live;
  for (auto& [name, field] : model) {
    if (field.second == 0 || field.second > now) live.emplace(name, field);
  }
  return live;
}

UnixMillis EarliestIn(const Model& model) {
  UnixMillis earliest = INT64_MAX;
  for (auto& [name, field] : model) {
    if (field.second != 0) earliest = std::min(earliest, field.second);
  }
  return earliest;
}

struct Shape {
  EncodingLimits limits;
  uint64_t names;
  size_t value_size;
  std::string_view encoding;
};

class HashValueShapeTest : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(Shapes, HashValueShapeTest,
                         testing::Values(Shape{kSmall, 100, 60, "listpackex"},
                                         Shape{kNoPacking, 100, 60, "hashtable"},
                                         Shape{kSmall, 3000, 60, "hashtable"},
                                         Shape{kSmall, 50, 300, "hashtable"}));

TEST_P(HashValueShapeTest, BehavesLikeAMap) {
  Random random(7);
  HashValue hash;
  Model model;
  for (int step = 0; step < 20000; ++step) {
    const std::string name = "f" + std::to_string(random.Below(GetParam().names));
    const std::string value(random.Below(GetParam().value_size),
                            static_cast<char>('a' + step % 26));
    const UnixMillis at = random.Below(3) == 0 ? 1 + static_cast<int64_t>(random.Below(500)) : 0;
    switch (random.Below(4)) {
      case 0:
        ASSERT_EQ(hash.Erase(name), model.erase(name) == 1);
        break;
      case 1:
        ASSERT_EQ(hash.SetExpiry(name, at), model.contains(name));
        if (model.contains(name)) model[name].second = at;
        break;
      default:
        hash.Set(name, value, at, GetParam().limits);
        model[name] = {value, at};
    }
    ASSERT_EQ(hash.size(), model.size());
    ASSERT_EQ(hash.next_expiry(), EarliestIn(model));
    if (step % 500 != 0) continue;
    ASSERT_EQ(FieldsOf(hash, INT64_MIN), model);
    ASSERT_EQ(FieldsOf(hash, 250), LiveIn(model, 250));
    ASSERT_EQ(hash.CountLive(250), LiveIn(model, 250).size());
    std::vector<std::string> expired;
    hash.CollectExpired(250, 1000000, expired);
    ASSERT_EQ(expired.size(), model.size() - LiveIn(model, 250).size());
  }
  EXPECT_EQ(hash.encoding(), GetParam().encoding);
}

TEST_P(HashValueShapeTest, ImagesBringEverythingBack) {
  Random random(8);
  HashValue hash;
  for (int i = 0; i < 2000; ++i) {
    hash.Set("f" + std::to_string(random.Below(GetParam().names)),
             std::string(random.Below(GetParam().value_size), 'v'),
             static_cast<int64_t>(random.Below(3)) * 100, GetParam().limits);
  }
  std::string image;
  hash.EncodeTo(image);
  auto copy = HashValue::Decode(image, GetParam().limits);
  ASSERT_TRUE(copy.ok());
  EXPECT_EQ(FieldsOf(**copy, INT64_MIN), FieldsOf(hash, INT64_MIN));
  for (size_t cut : {size_t{0}, size_t{1}, image.size() / 2, image.size() - 1}) {
    EXPECT_FALSE(HashValue::Decode(std::string_view(image).substr(0, cut), kSmall).ok()) << cut;
  }
  EXPECT_FALSE(HashValue::Decode(image + "x", kSmall).ok());
}

TEST(HashValueTest, AnImageWithAFieldTwiceIsRefused) {
  std::string image;
  PutVarint(image, 2);
  for (int i = 0; i < 2; ++i) {
    PutBytes(image, "f");
    PutBytes(image, "v");
    PutSigned(image, 0);
  }
  EXPECT_FALSE(HashValue::Decode(image, kSmall).ok());
}

TEST(HashValueTest, EncodingGrowsAtTheLimitsAndNeverShrinks) {
  HashValue by_count;
  for (int i = 0; i < 128; ++i) by_count.Set(std::to_string(i), "v", 0, kSmall);
  EXPECT_EQ(by_count.encoding(), "listpack");
  by_count.Set("127", "w", 0, kSmall);
  EXPECT_EQ(by_count.encoding(), "listpack");
  by_count.Set("128", "v", 0, kSmall);
  EXPECT_EQ(by_count.encoding(), "hashtable");
  for (int i = 0; i < 128; ++i) by_count.Erase(std::to_string(i));
  EXPECT_EQ(by_count.encoding(), "hashtable");
  HashValue by_size;
  by_size.Set("f", std::string(64, 'v'), 0, kSmall);
  EXPECT_EQ(by_size.encoding(), "listpack");
  by_size.SetExpiry("f", 5);
  EXPECT_EQ(by_size.encoding(), "listpackex");
  by_size.Set("f", std::string(65, 'v'), 0, kSmall);
  EXPECT_EQ(by_size.encoding(), "hashtable");
}

TEST(HashValueTest, BytesOfAnyKindAreFieldsAndValues) {
  for (const EncodingLimits& limits : {kSmall, kNoPacking}) {
    HashValue hash;
    const std::string zeros(3, '\0');
    hash.Set("", "empty name", 0, limits);
    hash.Set(zeros, "", 0, limits);
    EXPECT_EQ(hash.Find("")->value, "empty name");
    EXPECT_EQ(hash.Find(zeros)->value, "");
    EXPECT_FALSE(hash.Find(std::string_view("\0", 1)).has_value());
  }
}

TEST(HashValueTest, RandomFieldsAreLiveAndAllOfThemComeUp) {
  for (const EncodingLimits& limits : {kSmall, kNoPacking}) {
    for (int expired : {0, 5, 90}) {
      HashValue hash;
      Random random(3);
      for (int i = 0; i < 100; ++i) {
        hash.Set(std::to_string(i), "v", i < expired ? 10 : 0, limits);
      }
      std::set<std::string> seen;
      for (int i = 0; i < 3000; ++i) seen.emplace(hash.RandomLive(10, random)->name);
      EXPECT_EQ(seen.size(), static_cast<size_t>(100 - expired));
    }
    HashValue none;
    Random random(3);
    none.Set("f", "v", 10, limits);
    EXPECT_FALSE(none.RandomLive(10, random).has_value());
  }
}

TEST(HashValueTest, AScanReportsWhatIsThereThroughout) {
  HashValue hash;
  for (int i = 0; i < 1000; ++i) hash.Set("keep" + std::to_string(i), "v", 0, kSmall);
  std::set<std::string> seen;
  uint64_t cursor = 0;
  int step = 0;
  do {
    cursor = hash.Scan(cursor, 20, 0, [&](const HashField& field) { seen.emplace(field.name); });
    for (int i = 0; i < 50; ++i) hash.Set("new" + std::to_string(step++), "v", 0, kSmall);
  } while (cursor != 0 && step < 1000000);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(seen.contains("keep" + std::to_string(i)));
}

TEST(HashValueTest, ReleaseIsBoundedAndLeavesNothing) {
  HashValue hash;
  for (int i = 0; i < 1000; ++i) hash.Set(std::to_string(i), "v", i % 2, kSmall);
  const size_t full = hash.MemoryBytes();
  EXPECT_FALSE(hash.ReleaseSome(100));
  EXPECT_EQ(hash.ElementCount(), 900u);
  EXPECT_LT(hash.MemoryBytes(), full);
  while (!hash.ReleaseSome(100)) {
  }
  EXPECT_EQ(hash.ElementCount(), 0u);
  EXPECT_LT(hash.MemoryBytes(), 400u);
}

}  // namespace
}  // namespace flashdb
