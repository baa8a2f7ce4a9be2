// Statistics of commands: what is counted, what is timed, what LATENCY HISTOGRAM shows of it.
#include "commands/observe.h"

#include <gtest/gtest.h>

#include "base/cycles.h"
#include "commands/metered.h"
#include "tests/commands/server_fixture.h"

namespace flashdb {
namespace {

uint64_t Cycles(double micros) { return static_cast<uint64_t>(micros * CyclesPerMicro()); }

class ObserveTest : public test::ServerFixture {
 protected:
  void Observe(std::string_view name, double micros, bool failed = false) {
    std::vector<std::string_view> args = {name};
    ObserveCommand(engine_, *FindCommand(name), args, &session(), Cycles(micros), failed);
  }
};

TEST_F(ObserveTest, CallsFailuresAndRejectionsAreCountedApart) {
  Observe("get", 1);
  Observe("get", 1, /*failed=*/true);
  CountRejection(engine_, *FindCommand("get"), "NOAUTH Authentication required.");
  const CommandStat& stat = engine_.stats.Of(*FindCommand("get"));
  EXPECT_EQ(stat.calls, 2u);
  EXPECT_EQ(stat.failed, 1u);
  EXPECT_EQ(stat.rejected, 1u);
  EXPECT_EQ(stat.cycles, 2 * Cycles(1));
  EXPECT_EQ(engine_.stats.commands, 2u);
  EXPECT_EQ(engine_.stats.errors["NOAUTH"], 1u);
}

TEST_F(ObserveTest, SlowCommandsAreNotedButForExecWhoseCommandsAre) {
  engine_.slow_micros = 1000;
  engine_.latency_threshold_millis = 5;
  engine_.ArmThresholds();
  Observe("get", 999);
  EXPECT_EQ(Run("SLOWLOG LEN"), ":0\r\n");
  Observe("get", 1001);
  Observe("exec", 6000);
  EXPECT_EQ(Run("SLOWLOG LEN"), ":1\r\n");
  Observe("keys", 6000);
  Observe("get", 6000);
  EXPECT_EQ(engine_.latency.size(), 2u);
  EXPECT_TRUE(engine_.latency.contains("command"));
  EXPECT_TRUE(engine_.latency.contains("fast-command"));
}

TEST_F(ObserveTest, WithoutThresholdsNothingIsNotable) {
  engine_.slow_micros = -1;
  engine_.ArmThresholds();
  EXPECT_EQ(engine_.notable_cycles, UINT64_MAX);
  Observe("get", 1e6);
  EXPECT_EQ(Run("SLOWLOG LEN"), ":0\r\n");
}

TEST_F(ObserveTest, HistogramsDoubleTheirTimes) {
  Observe("get", 0.5);
  Observe("get", 3);
  Observe("get", 100);
  EXPECT_EQ(Run("LATENCY HISTOGRAM get nosuch"),
            "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n:3\r\n$14\r\nhistogram_usec\r\n*6\r\n"
            ":1\r\n:1\r\n:4\r\n:2\r\n:132\r\n:3\r\n");
  EXPECT_EQ(Run("LATENCY HISTOGRAM set"), "*0\r\n");
}

TEST_F(ObserveTest, AContainersHistogramIsThatOfItsSubcommands) {
  ObserveCommand(engine_, *FindSubcommand("client", "id"), {}, nullptr, 1, false);
  ObserveCommand(engine_, *FindSubcommand("client", "list"), {}, nullptr, 1, false);
  EXPECT_TRUE(Run("LATENCY HISTOGRAM client").starts_with("*4\r\n$9\r\nclient|id\r\n"));
  EXPECT_TRUE(Run("LATENCY HISTOGRAM client|list").starts_with("*2\r\n$11\r\nclient|list\r\n"));
}

TEST_F(ObserveTest, NoHistogramIsKeptWithoutLatencyTracking) {
  engine_.latency_tracking = false;
  Observe("get", 1);
  EXPECT_EQ(Run("LATENCY HISTOGRAM"), "*0\r\n");
  EXPECT_EQ(Run("INFO latencystats"), "$16\r\n# Latencystats\r\n\r\n");
}

// ---- Tasks --------------------------------------------------------------------------------------

OneShotEvent* gate = nullptr;

void Burn(double micros) {
  const uint64_t begin = CycleCount();
  while (CycleCount() - begin < Cycles(micros)) {
  }
}

Task<void> BurnWaitBurn(SessionContext& context) {
  Burn(500);
  co_await *gate;
  context.meter.Start();
  Burn(500);
}

TEST_F(ObserveTest, WhatATaskWaitsForIsNotItsTime) {
  OneShotEvent event;
  gate = &event;
  Command command{
      .name = "t", .arity = 1, .flags = 0, .keys = {}, .kind = CommandKind::kSessionTask};
  command.session_task = &BurnWaitBurn;
  std::string out;
  ReplyWriter reply(out, 2);
  SessionContext context{{}, session(), engine_, reply};
  Detach(RunMetered(command, context));
  Burn(20'000);  // while the task waits
  event.Set();
  EXPECT_GE(context.meter.cycles(), Cycles(999));
  EXPECT_LT(context.meter.cycles(), Cycles(20'000));
}

TEST_F(ObserveTest, WorkOnAllShardsIsATasksTime) {
  auto burn = [](SessionContext& context) -> Task<void> {
    auto part = [](ShardId shard) {
      Burn(500);
      return shard;
    };
    std::vector<ShardId> shards = co_await MeteredOnAll(context, part);
    EXPECT_EQ(shards, std::vector<ShardId>{0});
  };
  Command command{
      .name = "t", .arity = 1, .flags = 0, .keys = {}, .kind = CommandKind::kSessionTask};
  command.session_task = +burn;
  std::string out;
  ReplyWriter reply(out, 2);
  SessionContext context{{}, session(), engine_, reply};
  Detach(RunMetered(command, context));
  EXPECT_GE(context.meter.cycles(), Cycles(499));
}

}  // namespace
}  // namespace flashdb
