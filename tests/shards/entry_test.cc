#include "shards/entry.h"

#include <gtest/gtest.h>

#include <string>

namespace flashdb {
namespace {

TEST(EntryTest, AShortKeyWithAShortStringTakesEightBytesMoreThanItsBytes) {
  Entry* entry = NewInlineEntry(std::string(16, 'k'), std::string(32, 'v'), 0);
  EXPECT_EQ(entry->allocated_size(), 16u + 32u + 8u);
  FreeEntryBlock(entry);
}

TEST(EntryTest, KeysOfAnyLengthKeepTheirBytes) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{65'534}, Entry::kMaxShortKey,
                      Entry::kMaxShortKey + 1, size_t{3'000'000}}) {
    std::string key(size, 'k');
    for (UnixMillis expire_at : {UnixMillis{0}, UnixMillis{123'456'789}}) {
      Entry* entry = NewInlineEntry(key, "value", expire_at);
      EXPECT_EQ(entry->key(), key);
      EXPECT_EQ(entry->string(), "value");
      EXPECT_EQ(entry->expire_at(), expire_at);
      FreeEntryBlock(entry);

      auto* value = new StringValue("large");
      entry = NewObjectEntry(key, ValueType::kString, value, expire_at);
      EXPECT_EQ(entry->key(), key);
      EXPECT_EQ(entry->value(), value);
      EXPECT_EQ(entry->string(), "large");
      EXPECT_EQ(entry->expire_at(), expire_at);
      delete value;
      FreeEntryBlock(entry);
    }
  }
}

TEST(EntryTest, AnInlineStringIsOverwrittenInPlaceWithinItsBlockOnly) {
  Entry* entry = NewInlineEntry("key", std::string(20, 'a'), 0);
  size_t allocated = entry->allocated_size();
  EXPECT_TRUE(OverwriteInline(*entry, "bbbbbbbbbbbbbbbbbbb"));
  EXPECT_EQ(entry->string(), "bbbbbbbbbbbbbbbbbbb");
  EXPECT_EQ(entry->allocated_size(), allocated);
  EXPECT_FALSE(OverwriteInline(*entry, std::string(allocated, 'c')));
  EXPECT_FALSE(OverwriteInline(*entry, ""));
  EXPECT_FALSE(OverwriteInline(*entry, std::string(70'000, 'c')));
  EXPECT_EQ(entry->string(), "bbbbbbbbbbbbbbbbbbb");
  FreeEntryBlock(entry);
}

TEST(EntryTest, IdleTimeIsRightWhenItsClockWrapsAround) {
  Entry* entry = NewInlineEntry("key", "value", 0);
  entry->access_seconds = (uint64_t{1'700'000'000}) & Entry::kAccessMask;
  EXPECT_EQ(entry->IdleSeconds(1'700'000'000), 0u);
  EXPECT_EQ(entry->IdleSeconds(1'700'000'000 + 86'400 * 100), 86'400u * 100);
  FreeEntryBlock(entry);
}

}  // namespace
}  // namespace flashdb
