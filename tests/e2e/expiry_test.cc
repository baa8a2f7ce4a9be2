// Keys and hash fields that expire: on time, without being asked for, and over restarts.
#include <gmock/gmock.h>

#include <algorithm>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;

class ExpiryTest : public ServerTest {
 protected:
  int64_t Integer(std::initializer_list<std::string_view> command) {
    const Reply reply = client->Command(command);
    EXPECT_EQ(reply.type, Reply::Type::kInteger) << ToString(reply);
    return reply.integer;
  }
  void KillAndRestart() {
    server.Kill9();
    ASSERT_NO_FATAL_FAILURE(Start());
  }
};

TEST_F(ExpiryTest, AKeyLivesAsLongAsAskedFor) {
  ASSERT_TRUE(client->Command({"SET", "k", "v", "PX", "400"}).ok());
  const int64_t left = Integer({"PTTL", "k"});
  EXPECT_GT(left, 200);
  EXPECT_LE(left, 400);
  std::this_thread::sleep_for(milliseconds(left - 100));
  const Reply before = client->Command({"GET", "k"});
  const int64_t still = Integer({"PTTL", "k"});
  if (still > 0) {
    EXPECT_EQ(before, Reply::String("v"));
  }
  std::this_thread::sleep_for(milliseconds(110));
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  EXPECT_EQ(Integer({"TTL", "k"}), -2);
}

TEST_F(ExpiryTest, AnExpiredKeyThatWasAskedForIsNotCountedAnyMore) {
  client->Command({"DEBUG", "SET-ACTIVE-EXPIRE", "0"});
  client->Command({"SET", "k", "v", "PX", "1"});
  client->Command({"HSET", "h", "a", "1", "b", "2"});
  client->Command({"HPEXPIRE", "h", "1", "FIELDS", "1", "a"});
  client->Command({"SET", "unseen", "v", "PX", "1"});
  std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  EXPECT_EQ(Integer({"DBSIZE"}), 2);
  EXPECT_TRUE(client->Command({"HGET", "h", "a"}).is_null());
  EXPECT_EQ(Integer({"HLEN", "h"}), 1);
  server.Kill9();
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  EXPECT_EQ(Integer({"HEXISTS", "h", "a"}), 0);
}

TEST_F(ExpiryTest, ExpiredKeysGoWithoutBeingAskedFor) {
  std::vector<std::vector<std::string>> writes;
  for (int i = 0; i < 5000; ++i) {
    writes.push_back(
        {"SET", fmt::format("mortal:{}", i), "v", "PX", std::to_string(100 + i % 200)});
  }
  for (int i = 0; i < 100; ++i) writes.push_back({"SET", fmt::format("stays:{}", i), "v"});
  for (const Reply& reply : client->Pipeline(writes)) ASSERT_TRUE(reply.ok());
  EXPECT_TRUE(Eventually([this] { return Integer({"DBSIZE"}) == 100; }))
      << Integer({"DBSIZE"}) << " keys are left";
}

TEST_F(ExpiryTest, NothingIsRemovedWhileClientsArePaused) {
  ASSERT_TRUE(client->Command({"SET", "k", "v", "PX", "500"}).ok());
  ASSERT_TRUE(client->Command({"CLIENT", "PAUSE", "60000", "WRITE"}).ok());
  std::this_thread::sleep_for(milliseconds(600));
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(Integer({"DBSIZE"}), 1);
  ASSERT_TRUE(client->Command({"CLIENT", "UNPAUSE"}).ok());
  EXPECT_TRUE(Eventually([&] { return Integer({"DBSIZE"}) == 0; }));
}

TEST_F(ExpiryTest, TheServerAnswersWhileManyKeysExpire) {
  std::vector<std::vector<std::string>> writes;
  for (int i = 0; i < 50'000; ++i) {
    writes.push_back({"SET", fmt::format("mortal:{}", i), "v", "PX", "2000"});
  }
  Client patient(server.port(), milliseconds(60000));
  for (const Reply& reply : patient.Pipeline(writes)) ASSERT_TRUE(reply.ok());
  milliseconds worst(0);
  const bool gone = Eventually(
      [&] {
        const auto begin = std::chrono::steady_clock::now();
        client->Command({"GET", "other"});
        worst = std::max(worst, std::chrono::duration_cast<milliseconds>(
                                    std::chrono::steady_clock::now() - begin));
        return Integer({"DBSIZE"}) == 0;
      },
      milliseconds(30000));
  EXPECT_TRUE(gone);
  EXPECT_LT(worst, milliseconds(500));
}

TEST_F(ExpiryTest, TimesSurviveARestart) {
  client->Command({"SET", "soon", "v", "PX", "300"});
  client->Command({"SET", "later", "v", "PXAT", "4102444800123"});
  client->Command({"SET", "never", "v", "EX", "100"});
  client->Command({"PERSIST", "never"});
  client->Command({"SET", "overwritten", "v", "EX", "100"});
  client->Command({"SET", "overwritten", "v"});
  client->Command({"SET", "kept", "v", "PXAT", "4102444800123"});
  client->Command({"SET", "kept", "w", "KEEPTTL"});
  client->Command({"EXPIRE", "soon", "100", "GT"});
  client->Command({"PEXPIRE", "soon", "200"});
  ASSERT_NO_FATAL_FAILURE(KillAndRestart());
  EXPECT_EQ(Integer({"PEXPIRETIME", "later"}), 4102444800123);
  EXPECT_EQ(Integer({"PEXPIRETIME", "kept"}), 4102444800123);
  EXPECT_EQ(Integer({"TTL", "never"}), -1);
  EXPECT_EQ(Integer({"TTL", "overwritten"}), -1);
  EXPECT_LE(Integer({"PTTL", "soon"}), 200);
  EXPECT_TRUE(Eventually([this] { return Integer({"DBSIZE"}) == 4; }));
}

TEST_F(ExpiryTest, WhatExpiredIsGoneAfterARestart) {
  client->Command({"SET", "k", "v", "PX", "50"});
  server.Kill9();
  std::this_thread::sleep_for(milliseconds(60));
  ASSERT_NO_FATAL_FAILURE(Start());
  EXPECT_TRUE(client->Command({"GET", "k"}).is_null());
  EXPECT_EQ(client->Command({"SET", "k", "new", "NX"}), Reply::Status("OK"));
  ASSERT_NO_FATAL_FAILURE(KillAndRestart());
  EXPECT_EQ(client->Command({"GET", "k"}), Reply::String("new"));
}

TEST_F(ExpiryTest, HashFieldsExpireAndTheEmptyHashGoes) {
  client->Command({"HSET", "h", "mortal", "1", "other", "2"});
  client->Command({"HPEXPIRE", "h", "100", "FIELDS", "1", "mortal"});
  EXPECT_EQ(client->Command({"HGET", "h", "mortal"}), Reply::String("1"));
  std::this_thread::sleep_for(milliseconds(120));
  EXPECT_TRUE(client->Command({"HGET", "h", "mortal"}).is_null());
  EXPECT_EQ(ToString(client->Command({"HGETALL", "h"})), "[\"other\", \"2\"]");
  client->Command({"HPEXPIRE", "h", "50", "FIELDS", "1", "other"});
  EXPECT_TRUE(Eventually([this] { return Integer({"DBSIZE"}) == 0; }));
}

TEST_F(ExpiryTest, TimesOfHashFieldsSurviveARestart) {
  client->Command({"HSET", "h", "soon", "1", "later", "2", "never", "3"});
  client->Command({"HPEXPIRE", "h", "300", "FIELDS", "1", "soon"});
  client->Command({"HPEXPIREAT", "h", "4102444800123", "FIELDS", "2", "later", "never"});
  client->Command({"HPERSIST", "h", "FIELDS", "1", "never"});
  ASSERT_NO_FATAL_FAILURE(KillAndRestart());
  EXPECT_EQ(ToString(client->Command({"HPEXPIRETIME", "h", "FIELDS", "2", "later", "never"})),
            "[(integer) 4102444800123, (integer) -1]");
  EXPECT_TRUE(Eventually(
      [this] {
        return client->Command({"HGET", "h", "soon"}).is_null();
      },
      milliseconds(2000)));
  EXPECT_TRUE(Eventually([this] { return Integer({"HLEN", "h"}) == 2; }));
}

}  // namespace
}  // namespace flashdb::e2e
