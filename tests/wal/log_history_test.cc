// Thousands of small random histories: append, write, sync, crash, recover, go on. Each history is
// repeatable from its seed, which every failure prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "sim/fake_disk.h"
#include "wal/recovery.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

constexpr uint32_t kLogs = 3;

std::string_view Bytes(uint64_t seed, size_t size) {
  static const std::string pool = [] {
    std::string bytes(2u << 20, '\0');
    Random random(7);
    for (char& byte : bytes) byte = static_cast<char>(random.Next());
    return bytes;
  }();
  return std::string_view(pool).substr(seed % (1u << 20), size);
}

// What was appended, by LSN - 1.
struct Record {
  uint64_t seed = 0;
  size_t size = 0;
  TxnId txn = 0;
  std::string_view payload() const { return Bytes(seed, size); }
};

struct Log {
  std::vector<Record> records;
  std::deque<TxnId> to_append;  // transactions, in the sequencer's order
  std::unique_ptr<LogWriter> writer;
};

class History {
 public:
  History(uint64_t seed, uint32_t logs) : random_(seed), disk_(BlockBytes()), logs_(logs) {
    options_.segment_bytes = kMinSegmentBytes;
    options_.block_bytes = disk_.LogicalBlockSize("");
    options_.mode = static_cast<WriteMode>(random_.Below(3));
    options_.policy = static_cast<SyncPolicy>(random_.Below(3));
    options_.sync_interval_ms = 5;
    options_.commit_records = random_.Below(2) == 0 ? 0 : 3;
    options_.commit_bytes = random_.Below(2) == 0 ? 0 : 8192;
    options_.frames_in_flight = 1 + static_cast<uint32_t>(random_.Below(4));
    options_.spare_segments = 1 + static_cast<uint32_t>(random_.Below(2));
    if (logs > 1) options_.policy = SyncPolicy::kAlways;  // only then is anything settled
  }

  void Run() {
    uint64_t lives = 2 + random_.Below(3);
    for (uint64_t life = 0; life < lives && !testing::Test::HasFatalFailure(); ++life) {
      Recover();
      if (testing::Test::HasFatalFailure()) return;
      uint64_t steps = random_.Below(60);
      for (uint64_t step = 0; step < steps; ++step) Step();
      Crash();
    }
    Recover();
  }
  /// Crashes that found a written frame behind one that was still being written.
  uint64_t holes() const { return holes_; }

 private:
  uint32_t BlockBytes() { return random_.Below(2) == 0 ? 512 : 4096; }
  static std::string Directory(uint32_t log) { return "/log" + std::to_string(log); }

  size_t PayloadSize() {
    uint64_t kind = random_.Below(40);
    if (kind == 0) return 100'000 + random_.Below(400'000);
    if (kind < 5) return random_.Below(20'000);
    return random_.Below(300);
  }

  void Step() {
    uint64_t what = random_.Below(10);
    uint32_t id = static_cast<uint32_t>(random_.Below(logs_.size()));
    Log& log = logs_[id];
    if (what < 3) AppendPlain(log);
    if (what == 3 && logs_.size() > 1) BeginTransaction();
    if (what == 4) AppendPart(id);
    if (what == 5) clock_.AdvanceMillis(3);
    if (what <= 6) log.writer->Pump();
    if (what >= 5 && disk_.pending() > 0) RunOne(random_.Below(disk_.pending()));
    if (what == 9 && logs_.size() == 1 && random_.Below(3) == 0) RecycleOldest();
    NoteSettled();
  }

  void RunOne(size_t index) {
    uint64_t frames = 0;
    for (Log& log : logs_) frames += log.writer->stats().frames;
    bool data = disk_.IsDataWrite(index);
    disk_.RunOne(index);
    for (Log& log : logs_) frames -= log.writer->stats().frames;
    if (data && frames == 0) ++behind_a_hole_;
    if (data && frames != 0) behind_a_hole_ = 0;
  }

  // Records in the oldest segment are no longer needed, say.
  void RecycleOldest() {
    auto names = disk_.List(Directory(0));
    ASSERT_TRUE(names.ok());
    std::string oldest = Directory(0) + "/" + names->front();
    Status recycled = logs_[0].writer->RecycleSegment(oldest);
    ASSERT_TRUE(recycled.ok() || absl::IsFailedPrecondition(recycled)) << recycled;
    if (recycled.ok()) recycled_ = true;
  }

  void AppendPlain(Log& log) {
    Record record{random_.Next(), PayloadSize(), 0};
    log.records.push_back(record);
    ASSERT_EQ(log.writer->Append(record.payload()), log.records.size());
  }

  void BeginTransaction() {
    TxnId txn = ++last_txn_;
    uint64_t mask = 1 + random_.Below((1u << logs_.size()) - 1);
    for (uint32_t id = 0; id < logs_.size(); ++id) {
      if ((mask >> id & 1) == 0) continue;
      participants_[txn].push_back(id);
      logs_[id].to_append.push_back(txn);
    }
  }

  void AppendPart(uint32_t id) {
    Log& log = logs_[id];
    if (log.to_append.empty()) return;
    Record record{random_.Next(), PayloadSize(), log.to_append.front()};
    log.to_append.pop_front();
    log.records.push_back(record);
    ASSERT_EQ(log.writer->AppendGroup(record.txn, participants_[record.txn], record.payload()),
              log.records.size());
  }

  // The last transaction that is durable everywhere, as are all before it.
  TxnId Settled() {
    TxnId first_open = last_txn_ + 1;
    for (Log& log : logs_) {
      for (TxnId txn : log.to_append) first_open = std::min(first_open, txn);
      for (size_t i = log.writer->durable(); i < log.records.size(); ++i) {
        if (log.records[i].txn != 0) first_open = std::min(first_open, log.records[i].txn);
      }
    }
    return first_open - 1;
  }

  void NoteSettled() {
    if (logs_.size() == 1 || random_.Below(8) != 0) return;
    TxnId settled = Settled();
    for (Log& log : logs_) log.writer->NoteSettledTxn(settled);
  }

  void Crash() {
    bool power = random_.Below(2) == 0;
    TxnId settled = Settled();
    acknowledged_.assign(logs_.size(), 0);
    for (size_t id = 0; id < logs_.size(); ++id) {
      Log& log = logs_[id];
      ASSERT_TRUE(log.writer->failure().ok()) << log.writer->failure();
      Lsn kept = power ? log.writer->synced_lsn() : log.writer->durable();
      Lsn& count = acknowledged_[id];
      while (count < kept && log.records[count].txn <= settled) ++count;
      log.to_append.clear();
    }
    LosePowerOrDie(power);
  }

  void LosePowerOrDie(bool power) {
    if (std::exchange(behind_a_hole_, 0) > 0) ++holes_;
    if (power) {
      disk_.PowerLoss(random_.Next());
    } else {
      disk_.KillProcess(random_.Next());
    }
    for (Log& log : logs_) log.writer.reset();
  }

  StatusOr<std::vector<LogScan>> ScanAll() {
    std::vector<LogScan> scans;
    for (uint32_t id = 0; id < logs_.size(); ++id) {
      FLASHDB_ASSIGN_OR_RETURN(LogScan scan, ScanLog(disk_, Directory(id), id));
      scans.push_back(std::move(scan));
    }
    return scans;
  }

  // A recovery that fails or loses power on its way must change nothing for the next one.
  void DisturbedRecovery() {
    auto scans = ScanAll();
    ASSERT_TRUE(scans.ok()) << scans.status();
    auto cuts = ComputeCuts(*scans);
    ASSERT_TRUE(cuts.ok()) << cuts.status();
    disk_.FailSyncsFrom(1 + random_.Below(4));
    disk_.FailWritesFrom(1 + random_.Below(4));
    for (size_t id = 0; id < logs_.size(); ++id) {
      if (!ApplyCut(disk_, (*scans)[id], (*cuts)[id]).ok()) break;
    }
    disk_.StopFailing();
    disk_.PowerLoss(random_.Next());
  }

  void Recover() {
    // After kill -9 only: a power loss in between would take what was never synced.
    bool synced = options_.policy == SyncPolicy::kAlways;
    if (synced && random_.Below(3) == 0) DisturbedRecovery();
    auto scans = ScanAll();
    ASSERT_TRUE(scans.ok()) << scans.status();
    auto cuts = ComputeCuts(*scans);
    ASSERT_TRUE(cuts.ok()) << cuts.status();
    std::vector<LogStart> starts;
    for (uint32_t id = 0; id < logs_.size(); ++id) {
      auto start = ApplyCut(disk_, (*scans)[id], (*cuts)[id]);
      ASSERT_TRUE(start.ok()) << start.status();
      starts.push_back(*start);
    }
    if (random_.Below(2) == 0) disk_.PowerLoss(random_.Next());  // nothing may depend on luck now
    for (uint32_t id = 0; id < logs_.size(); ++id) {
      Replay(id, (*scans)[id], (*cuts)[id]);
      if (testing::Test::HasFatalFailure()) return;
      Open(id, starts[id]);
    }
    CheckTransactionsAreWhole();
  }

  void Replay(uint32_t id, const LogScan& scan, const Cut& cut) {
    std::vector<Record>& records = logs_[id].records;
    Lsn next = scan.first_lsn;
    ASSERT_TRUE(recycled_ || next == 1);
    Status replayed = ReplayLog(
        disk_, scan, cut, [&](Lsn lsn, RecordType type, TxnId txn, std::string_view payload) {
          bool same = lsn == next && lsn <= records.size() && txn == records[lsn - 1].txn &&
                      payload == records[lsn - 1].payload() &&
                      (type == RecordType::kGroup) == (txn != 0);
          ++next;
          return same ? OkStatus() : absl::InternalError("record " + std::to_string(lsn));
        });
    ASSERT_TRUE(replayed.ok()) << replayed;
    ASSERT_EQ(next, cut.lsn);
    ASSERT_GE(next - 1, acknowledged_.empty() ? 0 : acknowledged_[id]) << "lost in log " << id;
    records.resize(next - 1);
  }

  void Open(uint32_t id, const LogStart& start) {
    ASSERT_EQ(start.next_lsn, logs_[id].records.size() + 1);
    LogOptions options = options_;
    options.directory = Directory(id);
    options.log_id = id;
    options.epoch_seed = random_.Next() | 1;
    auto writer = LogWriter::Open(disk_, disk_, clock_, options, start);
    ASSERT_TRUE(writer.ok()) << writer.status();
    logs_[id].writer = *std::move(writer);
  }

  void CheckTransactionsAreWhole() {
    std::map<TxnId, size_t> parts;
    for (Log& log : logs_) {
      for (const Record& record : log.records) {
        if (record.txn != 0) ++parts[record.txn];
      }
    }
    for (auto& [txn, count] : parts) {
      ASSERT_EQ(count, participants_[txn].size()) << "transaction " << txn << " is torn apart";
    }
  }

  Random random_;
  FakeDisk disk_;
  ManualClock clock_;
  LogOptions options_;
  std::vector<Log> logs_;
  std::vector<Lsn> acknowledged_;
  TxnId last_txn_ = 0;
  bool recycled_ = false;
  uint64_t behind_a_hole_ = 0;  // frames that ended since one counted as written
  uint64_t holes_ = 0;
  std::map<TxnId, std::vector<uint32_t>> participants_;
};

TEST(LogHistoryTest, NothingAcknowledgedIsLostAndNothingIsInvented) {
  uint64_t holes = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History history(seed, 1);
    history.Run();
    if (HasFatalFailure()) return;
    holes += history.holes();
  }
  EXPECT_GT(holes, 100u) << "too few crashes with several frames in flight";
}

TEST(LogHistoryTest, TransactionsOverSeveralLogsAreWholeOrAbsent) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    History(seed, kLogs).Run();
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace flashdb
