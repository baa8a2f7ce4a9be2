// Several frames of a log under way at the same time: order, pacing, crashes, failures.
#include "log_fixture.h"

namespace flashdb {
namespace {

using Records = std::vector<std::string>;

class FramesInFlightTest : public LogFixture {
 protected:
  FramesInFlightTest() { options_.frames_in_flight = 4; }

  static constexpr uint64_t kFirstFrame = 4096;  // every short record takes one block of 512 bytes

  /// After "kept", three frames that were under way together, all written in the end.
  void WriteThreeTogether() {
    OpenAndSettle();
    Commit("kept");
    for (const char* payload : {"one", "two", "three"}) Begin(payload);
    ASSERT_EQ(disk_.pending(), 3u);
    disk_.RunAll();
  }
  void Zero(uint64_t frame) {
    Patch(Segment(1), kFirstFrame + frame * 512, std::vector<uint8_t>(512));
  }
  /// Commits take this long from now on.
  void CommitIn(uint64_t micros) {
    Begin("slow");
    clock_.AdvanceMicros(micros);
    disk_.RunAll();
  }
};

TEST_F(FramesInFlightTest, RecordsBecomeDurableInOrderWhateverTheOrderInWhichWritesEnd) {
  OpenAndSettle();
  std::vector<Lsn> seen;
  log_->set_on_progress([&] { seen.push_back(log_->durable()); });
  for (const char* payload : {"a", "b", "c", "d"}) Begin(payload);
  ASSERT_EQ(disk_.pending(), 4u);
  disk_.RunOne(2);
  disk_.RunOne(1);
  EXPECT_EQ(log_->durable(), 0u);
  disk_.RunOne(0);
  EXPECT_EQ(log_->durable(), 3u);
  EXPECT_EQ(log_->stats().frames, 3u);
  EXPECT_FALSE(log_->idle());
  disk_.RunOne(0);
  EXPECT_EQ(seen, (std::vector<Lsn>{3, 4}));
  EXPECT_TRUE(log_->idle());
}

TEST_F(FramesInFlightTest, NoMoreFramesAreUnderWayThanConfigured) {
  options_.frames_in_flight = 2;
  OpenAndSettle();
  for (int i = 0; i < 5; ++i) Begin("x");
  EXPECT_EQ(disk_.pending(), 2u);
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value()) << "the end of a write starts the next";
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 5u);
  EXPECT_EQ(log_->stats().frames, 3u) << "the other three gathered";
}

TEST_F(FramesInFlightTest, AHoleLeftByACrashIsWhereTheLogEnds) {
  WriteThreeTogether();
  Die();
  Zero(2);
  EXPECT_EQ(Recover(), (Records{"kept", "one"}));
  EXPECT_NE(scan_.note.find("and what was written after them"), std::string::npos) << scan_.note;
  EXPECT_EQ(scan_.torn_bytes, 1024u);
  Commit("new two");
  Die();
  EXPECT_EQ(Recover(), (Records{"kept", "one", "new two"}));
}

TEST_F(FramesInFlightTest, AHoleThatALaterFrameCallsDurableIsDamage) {
  WriteThreeTogether();
  Commit("says so");
  Die();
  Zero(2);
  EXPECT_TRUE(absl::IsDataLoss(Scan().status())) << Scan().status();
}

TEST_F(FramesInFlightTest, AFrameThatLandsInItsHoleAfterRecoveryIsVoid) {
  WriteThreeTogether();
  Die();
  auto late = Peek(Segment(1), kFirstFrame + 512, 512);
  Zero(1);
  EXPECT_EQ(Recover(), (Records{"kept"}));
  Commit("new one");
  Patch(Segment(1), kFirstFrame + 512, late);  // now old frames go on without a gap
  Die();
  EXPECT_EQ(Recover(), (Records{"kept", "new one"}));
}

TEST_F(FramesInFlightTest, TheNextSegmentWaitsUntilAllOfTheCurrentOneIsDurable) {
  OpenAndSettle();
  std::string quarter(60'000, 'q');
  for (int i = 0; i < 4; ++i) Begin(quarter);
  ASSERT_EQ(disk_.pending(), 4u);
  Begin(quarter);
  disk_.RunOne(3);
  disk_.RunOne(1);
  disk_.RunOne(1);
  EXPECT_EQ(log_->stats().segments, 1u);
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value());
  disk_.RunOne(0);
  EXPECT_EQ(log_->stats().segments, 2u);
  EXPECT_EQ(log_->durable(), 4u);
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 5u);
}

TEST_F(FramesInFlightTest, ASegmentWhoseHeaderIsMissingAlthoughItsSecondFrameIsThereIsCutOff) {
  OpenAndSettle();
  size_t records = 0;
  std::string quarter(60'000, 'q');
  for (; records < 4; ++records) Commit(quarter);
  Begin(quarter);
  Begin("behind it");
  ASSERT_EQ(log_->stats().segments, 2u);
  disk_.RunAll();
  Die();
  uint64_t header_and_frame = kFirstFrame + RoundUp(60'000 + kFrameHeaderBytes + 8, 512);
  Patch(Segment(2), 0, std::vector<uint8_t>(header_and_frame));
  EXPECT_EQ(Recover().size(), records);
  EXPECT_FALSE(scan_.note.empty());
}

TEST_F(FramesInFlightTest, AFailedFrameEndsTheLogAfterThoseBeforeIt) {
  OpenAndSettle();
  for (const char* payload : {"a", "b", "c", "d"}) Begin(payload);
  Begin("queued");
  disk_.RunOne(0);
  disk_.FailWritesFrom(1);
  disk_.RunOne(0);
  disk_.StopFailing();
  EXPECT_FALSE(log_->failure().ok());
  EXPECT_TRUE(log_->busy()) << "the buffers of the other frames are still being read";
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_EQ(log_->synced_lsn(), 1u);
  EXPECT_FALSE(log_->busy());
  EXPECT_TRUE(log_->idle());
  EXPECT_EQ(log_->stats().buffered_bytes, 0u);
  Die();
  EXPECT_EQ(Recover(), (Records{"a"})) << "c and d are behind a hole";
}

TEST_F(FramesInFlightTest, WhatEndsAfterAFailureIsIgnoredEvenIfItCameBefore) {
  OpenAndSettle();
  for (const char* payload : {"a", "b", "c"}) Begin(payload);
  disk_.RunOne(2);
  disk_.FailWritesFrom(1);
  disk_.RunOne(1);
  disk_.StopFailing();
  int told = 0;
  log_->set_on_progress([&] { ++told; });
  disk_.RunAll();
  log_->Pump();
  EXPECT_EQ(log_->durable(), 0u);
  EXPECT_EQ(told, 0);
  EXPECT_FALSE(log_->busy());
  EXPECT_EQ(disk_.pending(), 0u);
}

TEST_F(FramesInFlightTest, AFrameLeavesAtOnceWhenNothingIsUnderWay) {
  OpenAndSettle();
  CommitIn(800);
  Begin("a");
  EXPECT_EQ(disk_.pending(), 1u);
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value());
}

TEST_F(FramesInFlightTest, FramesLeaveEvenlySpacedOverTheTimeThatACommitTakes) {
  OpenAndSettle();
  CommitIn(800);
  Begin("a");
  Begin("b");
  Begin("c");
  EXPECT_EQ(disk_.pending(), 1u);
  EXPECT_EQ(log_->NextDeadlineNanos(), clock_.MonotonicNanos() + 200'000);
  clock_.AdvanceMicros(199);
  log_->Pump();
  EXPECT_EQ(disk_.pending(), 1u);
  clock_.AdvanceMicros(1);
  log_->Pump();
  EXPECT_EQ(disk_.pending(), 2u);
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value());
  disk_.RunAll();
  EXPECT_EQ(log_->stats().frames, 3u) << "slow, a, b with c";
}

TEST_F(FramesInFlightTest, AFullFrameDoesNotWaitForItsTurn) {
  options_.commit_records = 2;
  OpenAndSettle();
  CommitIn(800);
  Begin("a");
  Begin("b");
  EXPECT_EQ(disk_.pending(), 1u);
  Begin("c");
  EXPECT_EQ(disk_.pending(), 2u);
}

TEST_F(FramesInFlightTest, TheEndOfTheOnlyWriteStartsAHeldFrame) {
  OpenAndSettle();
  CommitIn(800);
  Begin("a");
  Begin("held");
  disk_.RunOne(0);
  EXPECT_EQ(disk_.pending(), 1u);
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 3u);
}

TEST_F(FramesInFlightTest, ABufferedFrameThatEndsDuringASyncWaitsForTheNextSync) {
  options_.mode = WriteMode::kBuffered;
  OpenAndSettle();
  Begin("a");
  disk_.RunOne(0);  // now its sync is under way
  Begin("b");
  Begin("c");
  ASSERT_EQ(disk_.pending(), 3u);
  disk_.RunOne(2);
  disk_.RunOne(1);
  EXPECT_EQ(log_->durable(), 0u);
  disk_.RunOne(0);
  EXPECT_EQ(log_->durable(), 1u);
  ASSERT_EQ(disk_.pending(), 1u) << "one sync for both";
  disk_.RunOne(0);
  EXPECT_EQ(log_->durable(), 3u);
  EXPECT_EQ(log_->stats().syncs, 2u);
  log_.reset();
  disk_.PowerLoss(1);
  EXPECT_EQ(Recover(), (Records{"a", "b", "c"}));
}

TEST_F(FramesInFlightTest, APeriodicSyncCountsForWhatWasWrittenWhenItBegan) {
  options_.policy = SyncPolicy::kPeriodic;
  OpenAndSettle();
  Begin("a");
  Begin("b");
  Begin("c");
  ASSERT_EQ(disk_.pending(), 1u) << "one is enough where nobody waits for the medium";
  disk_.RunOne(0);
  EXPECT_EQ(log_->durable(), 1u);
  ASSERT_EQ(disk_.pending(), 1u) << "b and c together";
  clock_.AdvanceMillis(1000);
  log_->Pump();
  ASSERT_EQ(disk_.pending(), 2u);
  disk_.RunOne(0);  // b and c, while the sync is under way
  EXPECT_EQ(log_->durable(), 3u);
  disk_.RunOne(0);
  EXPECT_EQ(log_->synced_lsn(), 1u);
  EXPECT_EQ(log_->NextDeadlineNanos(), clock_.MonotonicNanos() + 1'000'000'000);
  clock_.AdvanceMillis(1000);
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->synced_lsn(), 3u);
}

TEST_F(FramesInFlightTest, ACleanCloseWritesAllThatIsQueuedBehindFramesUnderWay) {
  for (WriteMode mode : {WriteMode::kBuffered, WriteMode::kDirect, WriteMode::kDirectSync}) {
    FakeDisk fresh(512);
    disk_ = fresh;
    options_.mode = mode;
    options_.commit_records = 1;
    OpenAndSettle();
    Records written;
    for (char c = 'a'; c <= 'k'; ++c) {
      written.emplace_back(c == 'f' ? 60'000 : 100, c);
      log_->Append(written.back());
    }
    log_->Pump();
    ASSERT_GT(disk_.pending(), 1u);
    log_->BeginClose();
    EXPECT_TRUE(absl::IsFailedPrecondition(log_->CloseCleanly()));
    while (disk_.pending() > 0) disk_.RunOne(disk_.pending() - 1);
    ASSERT_FALSE(log_->busy());
    Status closed = log_->CloseCleanly();
    ASSERT_TRUE(closed.ok()) << closed;
    EXPECT_EQ(log_->synced_lsn(), written.size());
    EXPECT_EQ(log_->durable(), written.size());
    log_.reset();
    disk_.PowerLoss(5);
    EXPECT_EQ(Recover(), written);
    log_.reset();
  }
}

}  // namespace
}  // namespace flashdb
