// A log on the faked disk, and what comes out of it after a crash.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "sim/fake_disk.h"
#include "wal/recovery.h"
#include "wal/writer.h"

namespace flashdb {

class LogFixture : public testing::Test {
 protected:
  static constexpr const char* kDirectory = "/log";

  LogFixture() {
    options_.directory = kDirectory;
    options_.log_id = 3;
    options_.segment_bytes = kMinSegmentBytes;
    options_.block_bytes = 512;
    options_.mode = WriteMode::kDirectSync;
    options_.epoch_seed = 11;
  }

  void Open(LogStart start = {}) {
    auto log = LogWriter::Open(disk_, disk_, clock_, options_, start);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }

  void OpenAndSettle() {
    Open();
    log_->Pump();
    disk_.RunAll();
  }

  /// Begins a write of one record by itself.
  void Begin(const std::string& payload) {
    log_->Append(payload);
    log_->Pump();
  }
  /// Writes one record in a frame of its own and waits until nothing is under way.
  void Commit(const std::string& payload) {
    Begin(payload);
    disk_.RunAll();
  }

  /// Writes until the log has begun its `count`th segment; returns the number of records.
  size_t FillSegments(uint64_t count) {
    size_t records = 0;
    for (; log_->stats().segments < count; ++records) Commit(std::string(20'000, 'x'));
    return records;
  }

  void Die() {
    disk_.KillProcess(1);
    log_.reset();
  }

  std::string Segment(uint64_t seq) { return std::string(kDirectory) + "/" + SegmentName(seq); }

  StatusOr<LogScan> Scan(Lsn needed = 0) { return ScanLog(disk_, kDirectory, 3, needed); }

  /// Recovers this log alone, returns its records and opens it again.
  std::vector<std::string> Recover() {
    std::vector<std::string> records;
    auto scan = Scan();
    EXPECT_TRUE(scan.ok()) << scan.status();
    if (!scan.ok()) return records;
    scan_ = *scan;
    auto cuts = ComputeCuts({&*scan, 1});
    EXPECT_TRUE(cuts.ok()) << cuts.status();
    auto start = ApplyCut(disk_, *scan, cuts->front());
    EXPECT_TRUE(start.ok()) << start.status();
    Status replayed = ReplayLog(disk_, *scan, cuts->front(),
                                [&](Lsn lsn, RecordType, TxnId, std::string_view payload) {
                                  EXPECT_EQ(lsn, scan->first_lsn + records.size());
                                  records.emplace_back(payload);
                                  return OkStatus();
                                });
    EXPECT_TRUE(replayed.ok()) << replayed;
    Open(*start);
    return records;
  }

  /// Overwrites bytes of a file, whole sectors at a time.
  void Patch(const std::string& path, uint64_t offset, const std::vector<uint8_t>& bytes) {
    auto file = disk_.OpenForWrite(path, WriteMode::kBuffered, false);
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE((*file)->WriteAt(offset, bytes).ok());
  }
  std::vector<uint8_t> Peek(const std::string& path, uint64_t offset, size_t size) {
    auto file = disk_.OpenForRead(path);
    EXPECT_TRUE(file.ok()) << file.status();
    std::vector<uint8_t> bytes(size);
    auto count = (*file)->ReadAt(offset, bytes);
    EXPECT_TRUE(count.ok() && *count == size);
    return bytes;
  }

  FakeDisk disk_{512};
  ManualClock clock_;
  LogOptions options_;
  std::unique_ptr<LogWriter> log_;
  LogScan scan_;
};

}  // namespace flashdb
