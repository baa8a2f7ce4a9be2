#include "log_fixture.h"
#include "wal/probe.h"

namespace flashdb {
namespace {

class LogWriterTest : public LogFixture {};

// Runs pending operations until a write of log data is next.
void RunUntilDataWrite(FakeDisk& disk) {
  while (disk.pending() > 0 && !disk.IsDataWrite(0)) disk.RunOne();
}

TEST_F(LogWriterTest, ADirectWriteMakesItsRecordsDurableWhenItEnds) {
  Open();
  disk_.RunAll();
  EXPECT_EQ(log_->Append("a"), 1u);
  EXPECT_EQ(log_->Append("b"), 2u);
  EXPECT_EQ(log_->durable(), 0u);
  log_->Pump();
  EXPECT_EQ(log_->durable(), 0u) << "the write has only begun";
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 2u);
  EXPECT_EQ(log_->synced_lsn(), 2u);
  EXPECT_EQ(log_->stats().frames, 1u);
  EXPECT_TRUE(log_->idle());
}

TEST_F(LogWriterTest, ABufferedWriteMakesItsRecordsDurableWhenItsSyncEnds) {
  options_.mode = WriteMode::kBuffered;
  Open();
  log_->Append("a");
  log_->Pump();
  RunUntilDataWrite(disk_);
  disk_.RunOne();
  EXPECT_EQ(log_->durable(), 0u);
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_EQ(log_->stats().syncs, 1u);
}

TEST_F(LogWriterTest, WhatIsAppendedDuringAWriteGoesOutTogetherWithoutAPump) {
  Open();
  log_->Append("first");
  log_->Pump();
  for (int i = 0; i < 10; ++i) log_->Append("later");
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 11u);
  EXPECT_EQ(log_->stats().frames, 2u);
}

TEST_F(LogWriterTest, AFrameHoldsAtMostTheConfiguredNumberOfRecords) {
  options_.commit_records = 4;
  Open();
  for (int i = 0; i < 10; ++i) log_->Append("x");
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->stats().frames, 3u);
}

TEST_F(LogWriterTest, NoBlockIsWrittenTwice) {
  Open();
  FillSegments(4);
  EXPECT_EQ(disk_.overwritten_sectors(), 0u);
}

TEST_F(LogWriterTest, ProgressIsReportedOncePerFrame) {
  Open();
  disk_.RunAll();
  std::vector<Lsn> seen;
  log_->set_on_progress([&] { seen.push_back(log_->durable()); });
  Commit("a");
  Commit("b");
  EXPECT_EQ(seen, (std::vector<Lsn>{1, 2}));
}

TEST_F(LogWriterTest, PeriodicModeSyncsWhenTheIntervalHasPassed) {
  options_.policy = SyncPolicy::kPeriodic;
  Open();
  Commit("a");
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_EQ(log_->synced_lsn(), 0u);
  ASSERT_TRUE(log_->NextDeadlineNanos().has_value());
  EXPECT_EQ(*log_->NextDeadlineNanos(), clock_.MonotonicNanos() + 1'000'000'000);
  clock_.AdvanceMillis(1000);
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->synced_lsn(), 1u);
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value());
}

TEST_F(LogWriterTest, PeriodicModeSyncsEarlierWhenEnoughIsUnsynced) {
  options_.policy = SyncPolicy::kPeriodic;
  options_.commit_records = 3;
  Open();
  Commit("a");
  Commit("b");
  EXPECT_EQ(log_->synced_lsn(), 0u);
  Commit("c");
  EXPECT_EQ(log_->synced_lsn(), 3u);
}

TEST_F(LogWriterTest, PeriodicModeSyncsEarlierOnRequestAndThenGoesByTheIntervalAgain) {
  options_.policy = SyncPolicy::kPeriodic;
  Open();
  Commit("a");
  log_->RequestSync();
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->synced_lsn(), 1u);
  Commit("b");
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->synced_lsn(), 1u);
}

TEST_F(LogWriterTest, NeverModeSyncsOnlyFullSegments) {
  options_.policy = SyncPolicy::kNever;
  Open();
  size_t records = FillSegments(2);
  clock_.AdvanceMillis(100'000);
  log_->Pump();
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), records);
  EXPECT_EQ(log_->synced_lsn(), records - 1) << "the last one began the second segment";
}

TEST_F(LogWriterTest, AFailedWriteIsFinal) {
  Open();
  disk_.RunAll();
  Commit("kept");
  disk_.FailWritesFrom(1);
  bool told = false;
  log_->set_on_progress([&] { told = !log_->failure().ok(); });
  Commit("lost");
  EXPECT_TRUE(told);
  disk_.StopFailing();
  Commit("never written");
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_EQ(log_->appended(), 3u);
  EXPECT_FALSE(log_->CanAdmit(0));
  EXPECT_FALSE(log_->CanAdmit(1));
  EXPECT_NE(MessageOf(log_->admission_error()).find("restart the server"), std::string::npos);
  Die();
  EXPECT_EQ(Recover(), (std::vector<std::string>{"kept"}));
}

TEST_F(LogWriterTest, AFailedSyncIsFinalEvenWithAWriteUnderWay) {
  options_.policy = SyncPolicy::kPeriodic;
  Open();
  disk_.RunAll();
  Commit("a");
  disk_.FailSyncsFrom(1);
  clock_.AdvanceMillis(2000);
  log_->Append("b");
  log_->Pump();
  disk_.RunOne(disk_.pending() - 1);  // the sync, while the write is under way
  EXPECT_FALSE(log_->failure().ok());
  disk_.StopFailing();
  disk_.RunAll();
  log_->Pump();
  EXPECT_EQ(disk_.pending(), 0u);
  EXPECT_EQ(log_->synced_lsn(), 0u);
  EXPECT_EQ(log_->durable(), 1u);
}

TEST_F(LogWriterTest, AFullDiskRefusesBeforeAnythingIsHalfWrittenAndTakesWritesAgain) {
  Open();
  disk_.RunAll();
  disk_.set_capacity(disk_.used_bytes());
  std::string payload(5000, 'x');
  size_t admitted = 0;
  for (; log_->CanAdmit(payload.size()) && admitted < 1000; ++admitted) Commit(payload);
  EXPECT_GT(admitted, 40u);
  EXPECT_LT(admitted, 200u);
  EXPECT_EQ(log_->durable(), admitted);
  EXPECT_TRUE(absl::IsResourceExhausted(log_->admission_error()));
  EXPECT_NE(MessageOf(log_->admission_error()).find("disk is full"), std::string::npos);
  Commit(payload);
  EXPECT_EQ(log_->durable(), admitted + 1) << "what was admitted before still fits";

  disk_.set_capacity(UINT64_MAX);
  ASSERT_TRUE(log_->NextDeadlineNanos().has_value());
  clock_.AdvanceMillis(1000);
  log_->Pump();
  disk_.RunAll();
  EXPECT_TRUE(log_->CanAdmit(payload.size()));
  EXPECT_FALSE(log_->NextDeadlineNanos().has_value());
}

TEST_F(LogWriterTest, RecordsAreInTheSameFrameFromTheFirstThatEndsInItToItsSubmission) {
  OpenAndSettle();
  const Lsn a = log_->Append("a");
  const Lsn b = log_->Append("b");
  EXPECT_TRUE(log_->InSameFrame(a, b));
  EXPECT_FALSE(log_->InSameFrame(a - 1, b));
  log_->Pump();
  EXPECT_FALSE(log_->InSameFrame(a, b)) << "it is not being filled any more";
  const Lsn c = log_->Append("c");
  EXPECT_FALSE(log_->InSameFrame(b, c));
  EXPECT_TRUE(log_->InSameFrame(c, c));
  const Lsn split = log_->Append(std::string(200'000, 's'));
  EXPECT_FALSE(log_->InSameFrame(c, split)) << "it begins there and ends in another";
  EXPECT_TRUE(log_->InSameFrame(split, log_->Append("d")));
}

TEST_F(LogWriterTest, AFrameOfOneRecordHasNoOther) {
  options_.commit_records = 1;
  OpenAndSettle();
  const Lsn a = log_->Append("a");
  EXPECT_FALSE(log_->InSameFrame(a, log_->Append("b")));
}

// By records a frame and bytes a record.
class LogAdmissionTest : public LogFixture,
                         public testing::WithParamInterface<std::tuple<uint32_t, size_t>> {};

INSTANTIATE_TEST_SUITE_P(Records, LogAdmissionTest,
                         testing::Combine(testing::Values(1, 3, 1'000'000),
                                          testing::Values(1, 255, 300, 5000, 70'000)));

TEST_P(LogAdmissionTest, WhatOneTurnAdmitsFitsOnAFullDiskWhateverItsRecords) {
  options_.commit_records = std::get<0>(GetParam());
  const std::string payload(std::get<1>(GetParam()), 'x');
  OpenAndSettle();
  disk_.set_capacity(disk_.used_bytes());
  log_->Pump();
  while (log_->CanAdmit(payload.size())) log_->Append(payload);
  EXPECT_GT(log_->appended(), 0u);
  while (log_->durable() < log_->appended()) {
    log_->Pump();
    ASSERT_GT(disk_.pending(), 0u) << log_->durable() << " of " << log_->appended();
    disk_.RunAll();
  }
  EXPECT_TRUE(log_->failure().ok()) << log_->failure();
}

TEST_F(LogWriterTest, AFullDiskRefusesWritesOfUnknownSizeToo) {
  OpenAndSettle();
  disk_.set_capacity(disk_.used_bytes());
  while (log_->CanAdmit(1)) Commit("x");
  EXPECT_FALSE(log_->CanAdmit(0));
}

TEST_F(LogWriterTest, ARecordLargerThanTheReserveCanBeReservedFor) {
  Open();
  std::string huge(3u << 20, 'h');
  EXPECT_FALSE(log_->CanAdmit(huge.size()));
  EXPECT_TRUE(absl::IsUnavailable(log_->admission_error()));
  ASSERT_TRUE(log_->Reserve(huge.size()).ok());
  EXPECT_TRUE(log_->CanAdmit(huge.size()));
  disk_.set_capacity(disk_.used_bytes());
  Commit(huge);
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_TRUE(absl::IsResourceExhausted(log_->Reserve(huge.size())));
  disk_.set_capacity(UINT64_MAX);
  Die();
  EXPECT_EQ(Recover(), (std::vector<std::string>{huge}));
}

TEST_F(LogWriterTest, AnUnmetDemandIsReservedInTheBackground) {
  Open();
  EXPECT_FALSE(log_->CanAdmit(1u << 20));
  for (int i = 0; i < 20 && !log_->CanAdmit(1u << 20); ++i) {
    log_->Pump();
    disk_.RunAll();
  }
  EXPECT_TRUE(log_->CanAdmit(1u << 20));
}

TEST_F(LogWriterTest, SparesArePreparedOneSmallStepAtATime) {
  Open();
  EXPECT_EQ(log_->stats().spare_segments, 2u);
  log_->Pump();
  for (int steps = 0; disk_.pending() > 0; ++steps) {
    ASSERT_EQ(disk_.pending(), 1u);
    ASSERT_LT(steps, 20);
    disk_.RunOne();
  }
}

TEST_F(LogWriterTest, AFullDiskAtTheStartIsAnError) {
  disk_.set_capacity(1000);
  auto log = LogWriter::Open(disk_, disk_, clock_, options_, {});
  EXPECT_TRUE(absl::IsResourceExhausted(log.status())) << log.status();
}

TEST_F(LogWriterTest, OptionsOutOfRangeAreRefused) {
  options_.segment_bytes = kMinSegmentBytes - 4096;
  EXPECT_TRUE(
      absl::IsInvalidArgument(LogWriter::Open(disk_, disk_, clock_, options_, {}).status()));
  options_.segment_bytes = kMinSegmentBytes;
  options_.block_bytes = 1000;
  EXPECT_TRUE(
      absl::IsInvalidArgument(LogWriter::Open(disk_, disk_, clock_, options_, {}).status()));
}

TEST_F(LogWriterTest, ACleanCloseLeavesEverythingOnDiskAndNoSpares) {
  options_.policy = SyncPolicy::kNever;
  Open();
  Commit("a");
  std::string large(400'000, 'b');
  log_->Append(large);
  log_->BeginClose();
  disk_.RunAll();
  ASSERT_FALSE(log_->busy());
  ASSERT_TRUE(log_->CloseCleanly().ok());
  EXPECT_EQ(log_->synced_lsn(), 2u);
  log_.reset();
  disk_.PowerLoss(3);
  EXPECT_EQ(Recover(), (std::vector<std::string>{"a", large}));
  EXPECT_TRUE(scan_.removable.empty());
  EXPECT_TRUE(scan_.note.empty()) << scan_.note;
}

TEST_F(LogWriterTest, ClosingWhileAWriteIsUnderWayIsRefused) {
  Open();
  log_->Append("a");
  log_->Pump();
  log_->BeginClose();
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->CloseCleanly()));
  disk_.RunAll();
  EXPECT_TRUE(log_->CloseCleanly().ok());
}

TEST_F(LogWriterTest, ARecycledSegmentsOldFramesNeverPassForNewOnes) {
  Open();
  size_t records = FillSegments(3);
  ASSERT_TRUE(log_->RecycleSegment(Segment(1)).ok());
  EXPECT_FALSE(disk_.Exists(Segment(1)));
  uint64_t recycled = log_->current_segment() + 3;
  ASSERT_TRUE(disk_.Exists(Segment(recycled)));
  while (log_->current_segment() != recycled) {
    Commit(std::string(20'000, 'y'));
    ++records;
  }
  Commit("last");
  ++records;
  Die();
  std::vector<std::string> found = Recover();
  EXPECT_EQ(scan_.first_lsn + found.size() - 1, records);
  EXPECT_EQ(found.back(), "last");
  EXPECT_EQ(scan_.segments.back().header.flags, SegmentHeader::kRecycled);
  EXPECT_EQ(scan_.torn_bytes, 0u) << scan_.note;
}

TEST_F(LogWriterTest, ASegmentIsNotRecycledBeforeALaterOneIsOnDisk) {
  options_.policy = SyncPolicy::kPeriodic;
  Open();
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->RecycleSegment(Segment(1))));
  FillSegments(2);
  EXPECT_TRUE(absl::IsFailedPrecondition(log_->RecycleSegment(Segment(1))));
  clock_.AdvanceMillis(1000);
  log_->Pump();
  disk_.RunAll();
  EXPECT_TRUE(log_->RecycleSegment(Segment(1)).ok());
}

TEST_F(LogWriterTest, AnUnusedRecycledSegmentIsNoPartOfTheLog) {
  Open();
  size_t records = FillSegments(3);
  ASSERT_TRUE(log_->RecycleSegment(Segment(1)).ok());
  Die();
  std::vector<std::string> found = Recover();
  EXPECT_EQ(scan_.first_lsn + found.size() - 1, records);
}

TEST_F(LogWriterTest, ASegmentHeaderCarriesTheSettledTransaction) {
  Open();
  log_->NoteSettledTxn(42);
  log_->NoteSettledTxn(7);
  FillSegments(2);
  Die();
  Recover();
  EXPECT_EQ(scan_.settled_txn, 42u);
}

TEST_F(LogWriterTest, TheProbeFallsBackWhereDirectWritesAreRefused) {
  disk_.set_refuse_direct(true);
  for (SyncPolicy policy : {SyncPolicy::kAlways, SyncPolicy::kPeriodic, SyncPolicy::kNever}) {
    auto probe = ProbeWriteMode(disk_, "/", clock_, policy);
    ASSERT_TRUE(probe.ok()) << probe.status();
    EXPECT_EQ(probe->mode, WriteMode::kBuffered);
    EXPECT_EQ(disk_.used_bytes(), 0u) << "the probe's file is gone";
  }
}

TEST_F(LogWriterTest, TheProbeTakesDirectWritesThatNeedNotBeDurableWherePossible) {
  auto probe = ProbeWriteMode(disk_, "/", clock_, SyncPolicy::kNever);
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ(probe->mode, WriteMode::kDirect);
}

}  // namespace
}  // namespace flashdb
