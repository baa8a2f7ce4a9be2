// The log on real files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "io/posix_file.h"
#include "wal/probe.h"
#include "wal/recovery.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

// Performs each operation at once and calls its completion from Run.
class SyncAsyncFiles final : public AsyncFiles {
 public:
  void Write(File& file, uint64_t offset, std::span<const uint8_t> bytes,
             Completion& done) override {
    Push(file.WriteAt(offset, bytes), static_cast<int32_t>(bytes.size()), done);
  }
  void Read(File& file, uint64_t offset, std::span<uint8_t> into, Completion& done) override {
    auto count = file.ReadAt(offset, into);
    Push(count.status(), count.ok() ? static_cast<int32_t>(*count) : 0, done);
  }
  void Sync(File& file, Completion& done) override { Push(file.Sync(), 0, done); }
  void Allocate(File& file, uint64_t size, Completion& done) override {
    Push(file.Allocate(size), 0, done);
  }
  void SyncDirectory(File& directory, Completion& done) override {
    Push(directory.Sync(), 0, done);
  }
  void Create(const std::string& path, std::unique_ptr<File>& file, Completion& done) override {
    auto created = PosixFileSystem().OpenForWrite(path, WriteMode::kBuffered, true);
    if (created.ok()) file = *std::move(created);
    Push(created.status(), 0, done);
  }
  void CreateDirectory(const std::string& path, Completion& done) override {
    Push(PosixFileSystem().CreateDirectory(path), 0, done);
  }
  void Rename(const std::string& from, const std::string& to, Completion& done) override {
    Push(PosixFileSystem().Rename(from, to), 0, done);
  }
  void Remove(const std::string& path, Completion& done) override {
    Push(PosixFileSystem().Remove(path), 0, done);
  }
  void RemoveDirectory(const std::string& path, Completion& done) override {
    Push(PosixFileSystem().RemoveDirectory(path), 0, done);
  }
  void Close(std::unique_ptr<File> file) override { file.reset(); }
  void Run() {
    while (!ended_.empty()) {
      auto [done, result] = ended_.front();
      ended_.pop_front();
      done->on_done(*done, result);
    }
  }

 private:
  void Push(const Status& status, int32_t result, Completion& done) {
    ended_.emplace_back(&done, status.ok() ? result : -EIO);
  }
  std::deque<std::pair<Completion*, int32_t>> ended_;
};

class PosixLogTest : public testing::Test {
 protected:
  PosixLogTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flashdb-wal-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~PosixLogTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
  PosixFileSystem files_;
  SyncAsyncFiles async_;
  SystemClock clock_;
};

TEST_F(PosixLogTest, KeepsItsRecordsOverRestartsInEachMode) {
  auto probe = ProbeWriteMode(files_, directory_, clock_, SyncPolicy::kAlways);
  ASSERT_TRUE(probe.ok()) << probe.status();
  LogOptions options;
  options.directory = directory_ + "/log";
  options.segment_bytes = 1u << 20;
  options.block_bytes = files_.LogicalBlockSize(directory_);
  std::vector<std::string> written;
  for (int life = 0; life < 5; ++life) {
    bool direct = probe->direct_micros > 0 && life > 0;
    options.mode = direct ? WriteMode::kDirectSync : WriteMode::kBuffered;
    // Now and then without a sync, which is with kDirect.
    options.policy = life % 2 == 0 ? SyncPolicy::kAlways : SyncPolicy::kNever;
    auto scan = ScanLog(files_, options.directory, 0);
    ASSERT_TRUE(scan.ok()) << scan.status();
    auto cuts = ComputeCuts({&*scan, 1});
    auto start = ApplyCut(files_, *scan, cuts->front());
    ASSERT_TRUE(start.ok()) << start.status();
    std::vector<std::string> found;
    Status replayed = ReplayLog(files_, *scan, cuts->front(),
                                [&](Lsn, RecordType, TxnId, std::string_view payload) {
                                  found.emplace_back(payload);
                                  return OkStatus();
                                });
    ASSERT_TRUE(replayed.ok()) << replayed;
    ASSERT_EQ(found, written);
    auto log = LogWriter::Open(files_, async_, clock_, options, *start);
    ASSERT_TRUE(log.ok()) << log.status();
    for (size_t size : {10u, 0u, 5000u, 1'500'000u, 77u}) {
      written.emplace_back(size, static_cast<char>('a' + life));
      (*log)->Append(written.back());
      (*log)->Pump();
      async_.Run();
    }
    ASSERT_EQ((*log)->durable(), written.size());
  }
}

TEST_F(PosixLogTest, TheProbeForUnsyncedWritesTriesNothingElse) {
  auto probe = ProbeWriteMode(files_, directory_, clock_, SyncPolicy::kPeriodic);
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_EQ(probe->buffered_micros, 0);
  EXPECT_EQ(probe->mode, probe->direct_micros > 0 ? WriteMode::kDirect : WriteMode::kBuffered);
  EXPECT_TRUE(files_.List(directory_)->empty());
}

TEST_F(PosixLogTest, TheProbeMeasuresAndLeavesNothingBehind) {
  auto probe = ProbeWriteMode(files_, directory_, clock_, SyncPolicy::kAlways);
  ASSERT_TRUE(probe.ok()) << probe.status();
  EXPECT_GT(probe->buffered_micros, 0);
  EXPECT_TRUE(probe->mode == WriteMode::kBuffered || probe->direct_micros > 0);
  EXPECT_TRUE(files_.List(directory_)->empty());
}

}  // namespace
}  // namespace flashdb
