#include "topics/types.h"

#include <gtest/gtest.h>

#include <string>

namespace flashdb {
namespace {

TEST(TopicNameTest, LettersDigitsAndThreeSignsAreTaken) {
  for (const char* name : {"a", "Orders", "orders.v1", "_x", "0", "a-b", "...", ".hidden"}) {
    EXPECT_TRUE(IsValidTopicName(name)) << name;
  }
}

TEST(TopicNameTest, WhatIsNoFileNameOrLooksLikeAnOptionIsRefused) {
  for (std::string_view name : {"", "-a", ".", "..", "a/b", "a b", "\xc3\xa4", "a\n", "a:b"}) {
    EXPECT_FALSE(IsValidTopicName(name)) << name;
  }
  EXPECT_FALSE(IsValidTopicName(std::string_view("a\0b", 3)));
}

TEST(TopicNameTest, TheLongestNameHas255Bytes) {
  EXPECT_TRUE(IsValidTopicName(std::string(255, 'x')));
  EXPECT_FALSE(IsValidTopicName(std::string(256, 'x')));
}

}  // namespace
}  // namespace flashdb
