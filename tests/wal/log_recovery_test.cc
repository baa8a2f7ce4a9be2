// The decision table of wal/FORMAT.md, row by row, on real bytes.
#include <algorithm>

#include "log_fixture.h"
#include "wal/decision.h"

namespace flashdb {
namespace {

using Records = std::vector<std::string>;

class LogRecoveryTest : public LogFixture {
 protected:
  static constexpr uint64_t kFirstFrame = 4096;  // every record here takes one block of 512 bytes

  void WriteThree() {
    Open();
    for (const char* payload : {"one", "two", "three"}) Commit(payload);
    Die();
  }

  void ExpectDamage(const StatusOr<LogScan>& scan, const std::string& path, uint64_t offset) {
    ASSERT_TRUE(absl::IsDataLoss(scan.status())) << scan.status();
    std::string message = MessageOf(scan.status());
    EXPECT_NE(message.find(path), std::string::npos) << message;
    EXPECT_NE(message.find("offset " + std::to_string(offset)), std::string::npos) << message;
    EXPECT_NE(message.find("backup"), std::string::npos) << message;
  }

  void AppendTxn(TxnId txn, std::vector<uint32_t> logs) {
    log_->AppendGroup(txn, logs, "part");
    log_->Pump();
    disk_.RunAll();
  }
};

TEST_F(LogRecoveryTest, AnEmptyOrMissingDirectoryIsANewLog) {
  EXPECT_EQ(Recover(), Records{});
  Commit("first");
  EXPECT_EQ(log_->durable(), 1u);
}

TEST_F(LogRecoveryTest, ACleanEndLosesNothingAndSaysNothing) {
  WriteThree();
  EXPECT_EQ(Recover(), (Records{"one", "two", "three"}));
  EXPECT_TRUE(scan_.note.empty());
  Commit("four");
  Die();
  EXPECT_EQ(Recover(), (Records{"one", "two", "three", "four"}));
}

TEST_F(LogRecoveryTest, ATornTailIsCutOffAndReported) {
  WriteThree();
  disk_.Damage(Segment(1), kFirstFrame + 2 * 512 + 57);
  EXPECT_EQ(Recover(), (Records{"one", "two"}));
  EXPECT_EQ(scan_.torn_bytes, 512u);
  EXPECT_NE(scan_.note.find(Segment(1) + ": cut 512 bytes"), std::string::npos) << scan_.note;
  Commit("new three");
  Die();
  EXPECT_EQ(Recover(), (Records{"one", "two", "new three"}));
}

TEST_F(LogRecoveryTest, ABadFrameThatALaterOneProvesDurableIsDamage) {
  WriteThree();
  disk_.Damage(Segment(1), kFirstFrame + 512 + 57);
  ExpectDamage(Scan(), Segment(1), kFirstFrame + 512);
}

TEST_F(LogRecoveryTest, ABlockOfZerosWhereADurableFrameWasIsDamage) {
  WriteThree();
  Patch(Segment(1), kFirstFrame, std::vector<uint8_t>(512));
  ExpectDamage(Scan(), Segment(1), kFirstFrame);
}

TEST_F(LogRecoveryTest, ABadFrameThatWasNeverSyncedIsATornTail) {
  options_.policy = SyncPolicy::kPeriodic;
  WriteThree();
  disk_.Damage(Segment(1), kFirstFrame + 512 + 57);
  EXPECT_EQ(Recover(), (Records{"one"}));
  EXPECT_NE(scan_.note.find("and what was written after them"), std::string::npos);
}

TEST_F(LogRecoveryTest, ARecordWithoutItsLastFragmentIsCutAtItsFirst) {
  Open();
  Commit("whole");
  log_->Append(std::string(200'000, 'h'));
  log_->Pump();
  for (uint64_t frames = log_->stats().frames; log_->stats().frames < frames + 2;) disk_.RunOne();
  disk_.PowerLoss(2);
  log_.reset();
  EXPECT_EQ(Recover(), (Records{"whole"}));
  EXPECT_TRUE(scan_.unfinished_record);
  Commit("next");
  Die();
  EXPECT_EQ(Recover(), (Records{"whole", "next"}));
}

TEST_F(LogRecoveryTest, PreparedSegmentsAndLeftoversAreRemoved) {
  WriteThree();
  ASSERT_TRUE(disk_.OpenForWrite("/log/write-probe.tmp", WriteMode::kBuffered, true).ok());
  ASSERT_TRUE(disk_.OpenForWrite(Segment(9), WriteMode::kBuffered, true).ok());  // empty
  EXPECT_EQ(Recover(), (Records{"one", "two", "three"}));
  EXPECT_EQ(scan_.removable.size(), 4u) << "two spares, the empty segment and the other file";
  EXPECT_FALSE(disk_.Exists("/log/write-probe.tmp"));
  EXPECT_FALSE(disk_.Exists(Segment(9)));
  EXPECT_GT(log_->current_segment(), 9u) << "a number is never used again";
}

TEST_F(LogRecoveryTest, ADamagedHeaderOfTheOnlySegmentIsDamage) {
  WriteThree();
  disk_.Damage(Segment(1), 20);
  ExpectDamage(Scan(), Segment(1), 0);
}

TEST_F(LogRecoveryTest, ADamagedHeaderOfTheFirstSegmentIsDamage) {
  Open();
  FillSegments(2);
  Die();
  disk_.Damage(Segment(1), 20);
  ExpectDamage(Scan(), Segment(1), 0);
}

TEST_F(LogRecoveryTest, ADamagedHeaderOfTheLastSegmentIsDamageIfItsFramesWereDurable) {
  Open();
  FillSegments(2);
  Commit("x");
  Commit("y");
  Die();
  uint64_t end = Scan()->segments.front().end_offset;
  disk_.Damage(Segment(2), 20);
  ExpectDamage(Scan(), Segment(1), end);
}

TEST_F(LogRecoveryTest, AHeaderTornTogetherWithItsFirstFrameIsATornTail) {
  Open();
  size_t records = FillSegments(2);
  Die();
  disk_.Damage(Segment(2), 20);
  EXPECT_EQ(Recover().size(), records - 1) << "the frame was written together with the header";
}

TEST_F(LogRecoveryTest, AMissingSegmentInTheMiddleIsDamage) {
  Open();
  FillSegments(3);
  Die();
  uint64_t end = Scan()->segments.front().end_offset;
  ASSERT_TRUE(disk_.Remove(Segment(2)).ok());
  auto scan = Scan();
  ExpectDamage(scan, Segment(1), end);
  EXPECT_NE(MessageOf(scan.status()).find("segment 2 is missing"), std::string::npos);
}

TEST_F(LogRecoveryTest, AMissingFirstSegmentIsDamageOnlyIfItsRecordsAreNeeded) {
  Open();
  size_t records = FillSegments(3);
  Die();
  ASSERT_TRUE(disk_.Remove(Segment(1)).ok());
  EXPECT_TRUE(absl::IsDataLoss(Scan(1).status()));
  auto scan = Scan();
  ASSERT_TRUE(scan.ok()) << scan.status();
  EXPECT_TRUE(Scan(scan->first_lsn).ok());
  size_t found = Recover().size();
  EXPECT_EQ(scan_.first_lsn + found - 1, records);
}

TEST_F(LogRecoveryTest, ALogMayBeginInTheMiddleOfARecord) {
  Open();
  log_->Append(std::string(400'000, 'h'));
  log_->Append("after");
  log_->Pump();
  disk_.RunAll();
  Die();
  ASSERT_TRUE(disk_.Remove(Segment(1)).ok());
  EXPECT_EQ(Recover(), (Records{"after"}));
  EXPECT_EQ(scan_.first_lsn, 2u);
}

TEST_F(LogRecoveryTest, ANewerFormatVersionIsRefusedByName) {
  WriteThree();
  auto header = Peek(Segment(1), 0, 512);
  header[8] = kLogFormatVersion + 1;
  Patch(Segment(1), 0, header);
  auto scan = Scan();
  EXPECT_TRUE(absl::IsFailedPrecondition(scan.status())) << scan.status();
  EXPECT_NE(MessageOf(scan.status()).find(Segment(1) + " has log format version 2"),
            std::string::npos);
}

TEST_F(LogRecoveryTest, AnotherLogsSegmentIsRefused) {
  WriteThree();
  auto scan = ScanLog(disk_, kDirectory, 4);
  EXPECT_TRUE(absl::IsFailedPrecondition(scan.status())) << scan.status();
}

TEST_F(LogRecoveryTest, ATruncatedSegmentFileIsDamage) {
  WriteThree();
  auto file = disk_.OpenForWrite(Segment(1), WriteMode::kBuffered, false);
  ASSERT_TRUE((*file)->Truncate(8192).ok());
  EXPECT_TRUE(absl::IsDataLoss(Scan().status())) << Scan().status();
}

TEST_F(LogRecoveryTest, ARecordOfAnUnknownTypeIsRefusedByNumber) {
  WriteThree();
  auto block = Peek(Segment(1), kFirstFrame, 512);
  block[kFrameHeaderBytes + 5] = 77;
  SealFrame(PeekFrameHeader(block.data()), block.data());
  Patch(Segment(1), kFirstFrame, block);
  auto scan = Scan();
  EXPECT_TRUE(absl::IsFailedPrecondition(scan.status())) << scan.status();
  EXPECT_NE(MessageOf(scan.status()).find("type 77"), std::string::npos);
}

TEST_F(LogRecoveryTest, AFrameThatContradictsItselfIsDamage) {
  WriteThree();
  auto block = Peek(Segment(1), kFirstFrame, 512);
  block[kFrameHeaderBytes + 4] = static_cast<uint8_t>(FragmentKind::kMiddle);
  SealFrame(PeekFrameHeader(block.data()), block.data());
  Patch(Segment(1), kFirstFrame, block);
  ExpectDamage(Scan(), Segment(1), kFirstFrame);
}

TEST_F(LogRecoveryTest, NoDamagedByteIsEverServed) {
  Open();
  Records written;
  Random random(5);
  while (log_->stats().segments < 4) {
    written.emplace_back(random.Below(9000), static_cast<char>('a' + random.Below(26)));
    Commit(written.back());
  }
  Die();
  for (int round = 0; round < 300; ++round) {
    std::string path = Segment(1 + random.Below(4));
    uint64_t offset = random.Below(4) == 0 ? random.Below(4200) : random.Below(kMinSegmentBytes);
    disk_.Damage(path, offset);
    auto scan = Scan();
    if (scan.ok()) {
      Records found;
      Status replayed = ReplayLog(disk_, *scan, {3, scan->next_lsn, 0},
                                  [&](Lsn, RecordType, TxnId, std::string_view payload) {
                                    found.emplace_back(payload);
                                    return OkStatus();
                                  });
      ASSERT_TRUE(replayed.ok()) << replayed;
      // The very last frame is the one whose damage looks like a torn write.
      ASSERT_GE(found.size() + 1, written.size()) << path << " offset " << offset;
      ASSERT_TRUE(std::equal(found.begin(), found.end(), written.begin()));
    } else {
      ASSERT_NE(MessageOf(scan.status()).find("/log/"), std::string::npos) << scan.status();
    }
    disk_.Damage(path, offset);  // flips it back
  }
}

TEST_F(LogRecoveryTest, AWriteThatLandsAfterRecoveryIsVoid) {
  WriteThree();
  auto late = Peek(Segment(1), kFirstFrame + 1024, 512);
  Patch(Segment(1), kFirstFrame + 1024, std::vector<uint8_t>(512));
  EXPECT_EQ(Recover(), (Records{"one", "two"}));
  Commit("new three");
  Patch(Segment(1), kFirstFrame + 1024, late);
  Die();
  EXPECT_EQ(Recover(), (Records{"one", "two", "new three"}));
}

TEST_F(LogRecoveryTest, RepeatedRestartsAddNoFiles) {
  WriteThree();
  ASSERT_TRUE(Recover().size() == 3);
  Die();
  for (int i = 0; i < 3; ++i) {
    auto scan = Scan();
    auto start = ApplyCut(disk_, *scan, {3, scan->next_lsn, 0});
    ASSERT_TRUE(start.ok());
    EXPECT_EQ(start->next_lsn, 4u);
  }
  EXPECT_EQ(disk_.List(kDirectory)->size(), 4u);
}

TEST_F(LogRecoveryTest, ALogIsCutAtItsFirstRecordOfAPartialTransactionOrALaterOne) {
  Open();
  Commit("plain");
  AppendTxn(1, {3, 5});
  log_->Append("same frame");
  AppendTxn(3, {3});
  Commit("after");
  Die();
  LogScan other;  // log 5 holds its part of 1, but not of 2, which has a part in log 6 only
  other.log_id = 5;
  other.groups = {{1, {3, 5}, 1, 1, 4096, 1}};
  other.next_lsn = 2;
  LogScan third;
  third.log_id = 6;
  third.groups = {{2, {5, 6}, 9, 1, 4096, 1}};
  third.next_lsn = 12;
  std::vector<LogScan> scans = {*Scan(), other, third};
  auto cuts = ComputeCuts(scans);
  ASSERT_TRUE(cuts.ok()) << cuts.status();
  EXPECT_EQ((*cuts)[0].lsn, 4u);
  EXPECT_EQ((*cuts)[0].txn, 2u);
  EXPECT_EQ((*cuts)[1].lsn, 2u) << "nothing to cut";
  EXPECT_EQ((*cuts)[2].lsn, 9u);
  auto start = ApplyCut(disk_, scans[0], (*cuts)[0]);
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->next_lsn, 4u);
  EXPECT_EQ(Scan()->next_lsn, 4u) << "the record before it in the same frame stays";
  Open(*start);
  Commit("new");
  Die();
  auto scan = Scan();
  Records records;
  Status replayed = ReplayLog(disk_, *scan, {3, scan->next_lsn, 0},
                              [&](Lsn, RecordType, TxnId, std::string_view payload) {
                                records.emplace_back(payload);
                                return OkStatus();
                              });
  ASSERT_TRUE(replayed.ok()) << replayed;
  EXPECT_EQ(records, (Records{"plain", "part", "same frame", "new"}));
}

TEST_F(LogRecoveryTest, ASettledTransactionMayLackParts) {
  LogScan a;
  a.log_id = 1;
  a.groups = {{8, {1, 2}, 5, 1, 4096, 1}};
  a.next_lsn = 6;
  LogScan b;
  b.log_id = 2;
  b.settled_txn = 8;
  std::vector<LogScan> scans = {a, b};
  EXPECT_EQ(ComputeCuts(scans)->front().lsn, 6u);
  scans[1].settled_txn = 7;
  EXPECT_EQ(ComputeCuts(scans)->front().lsn, 5u);
  EXPECT_TRUE(absl::IsFailedPrecondition(ComputeCuts({scans.data(), 1}).status()))
      << "a log that is not there cannot be judged";
}

TEST(JudgeTailTest, WalksEveryRow) {
  EXPECT_EQ(JudgeTail({5, false, false, 0, true, false}), TailVerdict::kNextSegment);
  EXPECT_EQ(JudgeTail({5, true, true, 9, true, false}), TailVerdict::kNextSegment);
  EXPECT_EQ(JudgeTail({5, false, false, 0, false, true}), TailVerdict::kDamage);
  EXPECT_EQ(JudgeTail({5, false, true, 5, false, false}), TailVerdict::kDamage);
  EXPECT_EQ(JudgeTail({5, true, true, 4, false, false}), TailVerdict::kTornTail);
  EXPECT_EQ(JudgeTail({5, false, true, 4, false, false}), TailVerdict::kTornTail);
  EXPECT_EQ(JudgeTail({5, true, false, 0, false, false}), TailVerdict::kTornTail);
  EXPECT_EQ(JudgeTail({5, false, false, 0, false, false}), TailVerdict::kCleanEnd);
}

TEST(JudgeSegmentTest, WalksEveryRow) {
  EXPECT_EQ(JudgeSegment({false, true, false, false, false}), SegmentVerdict::kNewerVersion);
  EXPECT_EQ(JudgeSegment({false, false, true, true, true}), SegmentVerdict::kUnused);
  EXPECT_EQ(JudgeSegment({true, false, false, true, true}), SegmentVerdict::kForeign);
  EXPECT_EQ(JudgeSegment({true, false, true, false, true}), SegmentVerdict::kUnused);
  EXPECT_EQ(JudgeSegment({true, false, true, true, false}), SegmentVerdict::kWrongSize);
  EXPECT_EQ(JudgeSegment({true, false, true, true, true}), SegmentVerdict::kLive);
}

}  // namespace
}  // namespace flashdb
