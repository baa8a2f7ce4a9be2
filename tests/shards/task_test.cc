#include "shards/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace flashdb {
namespace {

// Counts how many are alive, to see that frames are destroyed.
struct Alive {
  explicit Alive(int& counter) : count(counter) { ++count; }
  Alive(const Alive& other) : count(other.count) { ++count; }
  ~Alive() { --count; }
  int& count;
};

Task<int> Value(int value) { co_return value; }

Task<void> Append(std::string& log, char c) {
  log += c;
  co_return;
}

TEST(TaskTest, NothingRunsBeforeItIsAwaited) {
  std::string log;
  Task<void> task = Append(log, 'x');
  EXPECT_EQ(log, "");
  Detach(std::move(task));
  EXPECT_EQ(log, "x");
}

TEST(TaskTest, GivesItsValueToTheAwaiter) {
  int got = 0;
  Detach([](int& into) -> Task<void> { into = co_await Value(42); }(got));
  EXPECT_EQ(got, 42);
}

TEST(TaskTest, RunsItsPartsInOrder) {
  std::string log;
  auto both = [](std::string& into) -> Task<void> {
    co_await Append(into, 'a');
    co_await Append(into, 'b');
    into += 'c';
  };
  Detach(both(log));
  EXPECT_EQ(log, "abc");
}

TEST(TaskTest, MoveOnlyResultsAreMovedOut) {
  auto make = []() -> Task<std::unique_ptr<std::string>> {
    co_return std::make_unique<std::string>("moved");
  };
  std::unique_ptr<std::string> got;
  auto take = [&]() -> Task<void> { got = co_await make(); };
  Detach(take());
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(*got, "moved");
}

Task<uint64_t> SumTo(uint64_t n) {
  if (n == 0) co_return 0;
  uint64_t rest = co_await SumTo(n - 1);
  co_return rest + n;
}

TEST(TaskTest, TasksNest) {
  uint64_t got = 0;
  auto sum = [&]() -> Task<void> { got = co_await SumTo(200); };
  Detach(sum());
  EXPECT_EQ(got, 20100u);
}

Task<void> Hold(Alive) { co_return; }

TEST(TaskTest, ATaskThatNeverRanIsDestroyedWithItsArguments) {
  int alive = 0;
  {
    Task<void> task = Hold(Alive(alive));
    EXPECT_EQ(alive, 1);
    Task<void> moved = std::move(task);
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(TaskTest, ADetachedTaskEndsLaterAndFreesItsFrame) {
  int alive = 0;
  OneShotEvent event;
  auto wait = [](OneShotEvent& on, Alive) -> Task<void> { co_await on; };
  Detach(wait(event, Alive(alive)));
  EXPECT_EQ(alive, 1);
  event.Set();
  EXPECT_EQ(alive, 0);
}

TEST(OneShotEventTest, ResumesItsWaiterOnTheSpot) {
  OneShotEvent event;
  std::string log;
  auto wait = [](OneShotEvent& on, std::string& into) -> Task<void> {
    into += '1';
    co_await on;
    into += '3';
  };
  Detach(wait(event, log));
  log += '2';
  event.Set();
  EXPECT_EQ(log, "123");
}

TEST(OneShotEventTest, WhatIsSetAlreadyIsNotWaitedFor) {
  OneShotEvent event;
  event.Set();
  bool done = false;
  auto wait = [](OneShotEvent& on, bool& into) -> Task<void> {
    co_await on;
    into = true;
  };
  Detach(wait(event, done));
  EXPECT_TRUE(done);
}

TEST(OneShotEventTest, SettingTwiceResumesOnce) {
  OneShotEvent event;
  int resumed = 0;
  auto wait = [](OneShotEvent& on, int& into) -> Task<void> {
    co_await on;
    ++into;
  };
  Detach(wait(event, resumed));
  event.Set();
  event.Set();
  EXPECT_EQ(resumed, 1);
}

TEST(OneShotEventTest, AValueArrivesThroughTasksThatWaited) {
  OneShotEvent event;
  int got = 0;
  auto inner = [](OneShotEvent& on) -> Task<int> {
    co_await on;
    co_return 7;
  };
  auto middle = [&](OneShotEvent& on) -> Task<int> { co_return 10 * co_await inner(on); };
  auto outer = [&]() -> Task<void> { got = co_await middle(event); };
  Detach(outer());
  EXPECT_EQ(got, 0);
  event.Set();
  EXPECT_EQ(got, 70);
}

}  // namespace
}  // namespace flashdb
