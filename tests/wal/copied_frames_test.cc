// Frames that the event loop itself writes to the page cache.
#include <gtest/gtest.h>

#include "wal/log_fixture.h"

namespace flashdb {
namespace {

class CopiedFramesTest : public LogFixture {
 protected:
  CopiedFramesTest() {
    options_.mode = WriteMode::kBuffered;
    options_.policy = SyncPolicy::kNever;
  }
};

TEST_F(CopiedFramesTest, WhereNobodyWaitsForTheMediumARecordIsDurableInTheSameTurn) {
  for (SyncPolicy policy : {SyncPolicy::kPeriodic, SyncPolicy::kNever}) {
    options_.policy = policy;
    disk_ = FakeDisk(512);
    OpenAndSettle();
    std::vector<Lsn> seen;
    log_->set_on_progress([&] { seen.push_back(log_->durable()); });
    Begin("a");
    Begin("b");
    EXPECT_EQ(disk_.pending(), 0u);
    EXPECT_EQ(seen, (std::vector<Lsn>{1, 2}));
    EXPECT_EQ(log_->synced_lsn(), 0u);
    Die();
    EXPECT_EQ(Recover(), (std::vector<std::string>{"a", "b"}));
    log_.reset();
  }
}

TEST_F(CopiedFramesTest, PastThePageCacheAndWithWaitingClientsTheDeviceWrites) {
  options_.mode = WriteMode::kDirect;
  OpenAndSettle();
  Begin("a");
  EXPECT_EQ(disk_.pending(), 1u);
  disk_.RunAll();
  log_.reset();

  disk_ = FakeDisk(512);
  options_.mode = WriteMode::kBuffered;
  options_.policy = SyncPolicy::kAlways;
  OpenAndSettle();
  Begin("a");
  EXPECT_EQ(disk_.pending(), 1u);
  disk_.RunAll();
}

TEST_F(CopiedFramesTest, MoreThanALittleIsLeftToAWorker) {
  OpenAndSettle();
  Begin(std::string(kMinSegmentBytes / 2, 'x'));  // several frames
  EXPECT_EQ(log_->durable(), 0u);
  EXPECT_GT(disk_.pending(), 0u);
  Begin("behind it");
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 2u);
}

TEST_F(CopiedFramesTest, ASegmentThatIsNotFilledWithZerosIsLeftToAWorker) {
  options_.segment_bytes = 16 * kMinSegmentBytes;  // filled in several steps
  Open();
  for (int i = 0; i < 1000 && log_->stats().segments < 2; ++i) {
    Begin(std::string(20'000, 'x'));
    // The first segment is full: the next one is taken after one step of filling it.
    if (log_->stats().segments < 2 && log_->durable() < log_->appended()) disk_.RunOne();
  }
  ASSERT_EQ(log_->stats().segments, 2u);
  ASSERT_LT(log_->durable(), log_->appended());
  ASSERT_GT(disk_.pending(), 0u);
  EXPECT_TRUE(disk_.IsDataWrite(disk_.pending() - 1) || disk_.IsDataWrite(0));
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), log_->appended());
}

TEST_F(CopiedFramesTest, AfterACopyThatHadToWaitAWorkerWritesForASecond) {
  OpenAndSettle();
  disk_.set_during_write([this] { clock_.AdvanceMillis(5); });
  Begin("slow");
  EXPECT_EQ(log_->durable(), 1u);
  disk_.set_during_write({});
  Begin("by a worker");
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_EQ(disk_.pending(), 1u);
  disk_.RunAll();
  EXPECT_EQ(log_->durable(), 2u);
  clock_.AdvanceMillis(1000);
  Begin("quick again");
  EXPECT_EQ(log_->durable(), 3u);
}

TEST_F(CopiedFramesTest, AFailedCopyIsFinal) {
  OpenAndSettle();
  Begin("kept");
  disk_.FailWritesFrom(1);
  bool told = false;
  log_->set_on_progress([&] { told = !log_->failure().ok(); });
  Begin("lost");
  EXPECT_TRUE(told);
  disk_.StopFailing();
  Begin("never written");
  EXPECT_EQ(log_->durable(), 1u);
  EXPECT_FALSE(log_->CanAdmit(1));
}

TEST_F(CopiedFramesTest, WithoutAnySyncFramesArePaddedToTheSmallestBlockOnly) {
  options_.block_bytes = 4096;
  OpenAndSettle();
  uint64_t before = log_->stats().bytes;
  Begin("a");
  EXPECT_EQ(log_->stats().bytes - before, 512u);
  Die();
  EXPECT_EQ(Recover(), (std::vector<std::string>{"a"}));
}

}  // namespace
}  // namespace flashdb
