#include "topics/client_waits.h"

#include <gtest/gtest.h>

namespace flashdb {
namespace {

// Counts its wake-ups.
struct Sleeper {
  OneShotEvent event;
  int woken = 0;

  void Wait() {
    Detach([](Sleeper* self) -> Task<void> {
      co_await self->event;
      ++self->woken;
    }(this));
  }
};

TEST(ClientWaitsTest, AWaitEndsOnceByItsToken) {
  ClientWaits waits;
  Sleeper sleeper;
  sleeper.Wait();
  const uint64_t token = waits.Begin(sleeper.event, 100);
  EXPECT_EQ(waits.count(), 1u);
  waits.Wake(token);
  waits.Wake(token);
  waits.WakeDue(1000);
  EXPECT_EQ(sleeper.woken, 1);
  EXPECT_EQ(waits.count(), 0u);
}

TEST(ClientWaitsTest, ThoseThatAreDueAreWokenAndNoOthers) {
  ClientWaits waits;
  Sleeper early, late;
  early.Wait();
  late.Wait();
  waits.Begin(late.event, 200);
  waits.Begin(early.event, 100);
  EXPECT_EQ(waits.NextDeadlineNanos(), 100u);
  waits.WakeDue(150);
  EXPECT_EQ(early.woken, 1);
  EXPECT_EQ(late.woken, 0);
  EXPECT_EQ(waits.NextDeadlineNanos(), 200u);
  waits.EndAll();
  EXPECT_EQ(late.woken, 1);
  EXPECT_TRUE(waits.ended());
}

TEST(ClientWaitsTest, AForgottenWaitIsNotWoken) {
  ClientWaits waits;
  Sleeper sleeper;
  sleeper.Wait();
  waits.Forget(waits.Begin(sleeper.event, 100));
  waits.WakeDue(1000);
  EXPECT_EQ(sleeper.woken, 0);
  EXPECT_FALSE(waits.NextDeadlineNanos().has_value());
  sleeper.event.Set();  // lets the coroutine end
}

}  // namespace
}  // namespace flashdb
