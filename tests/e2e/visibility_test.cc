// Durable before visible: what any client has seen is there after kill -9; and reads of other keys
// do not wait for writes.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "e2e/fixture.h"

namespace flashdb::e2e {
namespace {

using std::chrono::milliseconds;

class VisibilityTest : public ServerTest {
 protected:
  static constexpr uint32_t kShards = 2;
  VisibilityTest() : ServerTest(SmallServer(kShards)) {}

  // Repeats `step` on a connection of its own until it returns false or the connection is lost.
  template <typename F>
  std::thread Repeat(F step) {
    return std::thread([this, step] {
      Client own = Connect();
      while (!stop_ && own.connected() && step(own)) {
      }
    });
  }

  std::atomic<bool> stop_ = false;
  const std::string a = KeyOn(0, kShards, "a");
  const std::string b = KeyOn(1, kShards, "b");
};

TEST_F(VisibilityTest, AValueThatWasReadIsThereAfterAKill) {
  std::mt19937_64 random(3);
  for (int round = 0; round < Rounds(10) && !HasFailure(); ++round) {
    std::atomic<int64_t> seen = 0;
    auto saw = [&seen](int64_t value) {
      int64_t before = seen;
      while (before < value && !seen.compare_exchange_weak(before, value)) {
      }
    };
    std::vector<std::thread> threads;
    threads.push_back(Repeat([this](Client& own) {
      own.Pipeline(std::vector<std::vector<std::string>>(50, {"INCR", a}));
      return true;
    }));
    threads.push_back(Repeat([this, saw](Client& own) {
      saw(atoll(own.Command({"GET", a}).str.c_str()));
      return true;
    }));
    threads.push_back(Repeat([this, saw](Client& own) {
      const Reply both = own.Command({"MGET", b, a});
      if (both.elements.size() == 2) saw(atoll(both.elements[1].str.c_str()));
      return true;
    }));
    std::this_thread::sleep_for(milliseconds(50 + random() % 200));
    server.Kill9();
    for (std::thread& thread : threads) thread.join();
    ASSERT_NO_FATAL_FAILURE(Start());
    EXPECT_GE(atoll(client->Command({"GET", a}).str.c_str()), seen) << "round " << round;
  }
}

// A reply that tells that a key exists is a read too.
TEST_F(VisibilityTest, AKeyThatRefusedSetnxIsThereAfterAKill) {
  std::mt19937_64 random(4);
  for (int round = 0; round < Rounds(10) && !HasFailure(); ++round) {
    auto name = [round](int i) { return fmt::format("r{}:{}", round, i); };
    std::atomic<int> written = 0;
    std::atomic<int> refused = -1;
    std::vector<std::thread> threads;
    threads.push_back(Repeat([&](Client& own) {
      std::vector<std::vector<std::string>> batch;
      for (int i = 0; i < 20; ++i) batch.push_back({"SET", name(written++), "x"});
      own.Pipeline(batch);
      return true;
    }));
    threads.push_back(Repeat([&](Client& own) {
      const int last = written - 1;
      if (last < 0) return true;
      if (own.Command({"SET", name(last), "y", "NX", "GET"}) == Reply::String("x")) {
        refused = last;
      }
      return true;
    }));
    std::this_thread::sleep_for(milliseconds(30 + random() % 150));
    server.Kill9();
    for (std::thread& thread : threads) thread.join();
    ASSERT_NO_FATAL_FAILURE(Start());
    if (refused < 0) continue;
    EXPECT_EQ(client->Command({"GET", name(refused)}), Reply::String("x")) << "round " << round;
  }
}

// A message tells what its publisher wrote before it.
TEST_F(VisibilityTest, AWriteThatAMessageFollowedIsThereAfterAKill) {
  std::mt19937_64 random(5);
  for (int round = 0; round < Rounds(10) && !HasFailure(); ++round) {
    auto name = [round](int64_t i) { return fmt::format("m{}:{}", round, i); };
    std::atomic<int> written = 0;
    std::atomic<int64_t> heard = -1;
    Client subscriber = Connect();
    ASSERT_EQ(subscriber.Command({"SUBSCRIBE", "c"}).elements.size(), 3u);
    std::vector<std::thread> threads;
    threads.push_back(Repeat([&](Client& own) {
      std::vector<std::vector<std::string>> batch;
      for (int i = 0; i < 30; ++i) {
        const int number = written++;
        const bool multi = number % 3 == 0;
        if (multi) batch.push_back({"MULTI"});
        batch.push_back({"SET", name(number), std::string(500, 'x')});
        batch.push_back({"PUBLISH", "c", std::to_string(number)});
        if (multi) batch.push_back({"EXEC"});
      }
      own.Pipeline(batch);
      return true;
    }));
    threads.emplace_back([&] {
      for (Reply told = subscriber.GetReply(); told.elements.size() == 3;
           told = subscriber.GetReply()) {
        heard = atoll(told.elements[2].str.c_str());
      }
    });
    std::this_thread::sleep_for(milliseconds(30 + random() % 150));
    server.Kill9();
    for (std::thread& thread : threads) thread.join();
    ASSERT_NO_FATAL_FAILURE(Start());
    for (int64_t i = 0; i <= heard; ++i) {
      ASSERT_EQ(client->Command({"EXISTS", name(i)}), Reply::Integer(1)) << "round " << round;
    }
  }
}

TEST_F(VisibilityTest, ReadsOfOtherKeysAreServedWhileWritesAreUnderWay) {
  ASSERT_TRUE(client->Command({"MSET", a, "cold", b, "cold"}).ok());
  std::vector<std::thread> threads;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    const std::string key = KeyOn(shard, kShards, "big");
    threads.push_back(Repeat([key](Client& own) {
      return own.Command({"SET", key, std::string(2'000'000, 'x')}).ok();
    }));
  }
  std::vector<milliseconds> times;
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_EQ(client->Command({"GET", i % 2 == 0 ? a : b}), Reply::String("cold"));
    times.push_back(
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin));
  }
  stop_ = true;
  for (std::thread& thread : threads) thread.join();
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[times.size() / 2], milliseconds(50));
  EXPECT_LT(times.back(), milliseconds(2000));
}

}  // namespace
}  // namespace flashdb::e2e
