#include "shards/key_lookahead.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace flashdb {
namespace {

class KeyLookaheadTest : public testing::Test {
 protected:
  KeyLookaheadTest() : keyspace_(0, kSlotCount) {}

  static std::string Name(int i) { return fmt::format("key:{}", i); }
  void Set(int i) { keyspace_.SetString(0, MakeKey(Name(i)), Name(i), 0); }
  bool Has(int i) { return keyspace_.Find(0, MakeKey(Name(i))) != nullptr; }

  Keyspace keyspace_;
  KeyLookahead lookahead_;
};

TEST_F(KeyLookaheadTest, ARowTakesItsMostKeysAndNoMore) {
  for (size_t i = 0; i < KeyLookahead::kMaxKeys; ++i) {
    ASSERT_FALSE(lookahead_.full()) << i;
    lookahead_.Add(0, MakeKey("k"));
  }
  EXPECT_TRUE(lookahead_.full());
  lookahead_.Clear();
  EXPECT_FALSE(lookahead_.full());
}

// It holds no pointers: the address sanitizer would see one of them used after its end.
TEST_F(KeyLookaheadTest, WhatItLooksAtMayChangeAndVanishMeanwhile) {
  constexpr int kKeys = 5000;  // some slots have none, and database 1 has never been used
  for (int i = 0; i < kKeys; ++i) Set(i);
  for (int round = 0; round < 20; ++round) {
    lookahead_.Clear();
    for (int i = 0; !lookahead_.full(); ++i) {
      lookahead_.Add(i % 3 == 0 ? 1 : 0, MakeKey(Name((i * 37 + round) % (2 * kKeys))));
    }
    lookahead_.Begin(keyspace_);
    for (int i = 0; i < static_cast<int>(KeyLookahead::kMaxKeys); ++i) {
      lookahead_.Pass(keyspace_);
      const int key = (i * 53 + round * 101) % kKeys;
      (void)keyspace_.Delete(0, MakeKey(Name(key)));
      EXPECT_FALSE(Has(key));
      if (i % 2 == 0) Set(key);
    }
    if (round % 5 == 4) keyspace_.Swap(0, 1);
    if (round % 7 == 6) keyspace_.Flush(0);
    while (!keyspace_.ReleaseSome(1000)) continue;
    for (int i = 0; i < kKeys; ++i) Set(i);
    lookahead_.Pass(keyspace_);  // beyond the row's end
  }
}

}  // namespace
}  // namespace flashdb
