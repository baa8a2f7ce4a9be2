// The log's writer: nanoseconds per record that it costs to gather 64 records into a frame (on a
// disk that takes everything at once), and microseconds until one commit is on the real disk below
// the current folder, written in each of the two ways.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "io/posix_file.h"
#include "io/ring.h"
#include "sim/fake_disk.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

/// Completes everything when told to, and keeps nothing.
class EmptyDisk final : public AsyncFiles {
 public:
  void Write(File&, uint64_t, std::span<const uint8_t> bytes, Completion& done) override {
    pending_.push_back({&done, static_cast<int32_t>(bytes.size())});
  }
  void Read(File&, uint64_t, std::span<uint8_t> into, Completion& done) override {
    pending_.push_back({&done, static_cast<int32_t>(into.size())});
  }
  void Sync(File&, Completion& done) override { pending_.push_back({&done, 0}); }
  void Allocate(File&, uint64_t, Completion& done) override { pending_.push_back({&done, 0}); }
  void SyncDirectory(File&, Completion& done) override { pending_.push_back({&done, 0}); }
  void Create(const std::string&, std::unique_ptr<File>&, Completion& done) override {
    pending_.push_back({&done, 0});
  }
  void CreateDirectory(const std::string&, Completion& done) override {
    pending_.push_back({&done, 0});
  }
  void Rename(const std::string&, const std::string&, Completion& done) override {
    pending_.push_back({&done, 0});
  }
  void Remove(const std::string&, Completion& done) override { pending_.push_back({&done, 0}); }
  void RemoveDirectory(const std::string&, Completion& done) override {
    pending_.push_back({&done, 0});
  }
  void Close(std::unique_ptr<File>) override {}

  void RunAll() {
    while (!pending_.empty()) {
      running_.swap(pending_);
      for (auto [done, result] : running_) done->on_done(*done, result);
      running_.clear();
    }
  }

 private:
  struct Pending {
    Completion* done;
    int32_t result;
  };
  std::vector<Pending> pending_;
  std::vector<Pending> running_;
};

void AppendToFrames(benchmark::State& state) {
  constexpr int64_t kRecords = 64;
  FakeDisk files(4096);
  EmptyDisk disk;
  SystemClock clock;
  auto log = LogWriter::Open(files, disk, clock,
                             {.directory = "/log", .mode = WriteMode::kDirectSync}, LogStart{});
  if (!log.ok()) {
    state.SkipWithError(MessageOf(log.status()).c_str());
    return;
  }
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    for (int64_t i = 0; i < kRecords; ++i) (*log)->Append(payload);
    (*log)->Pump();
    disk.RunAll();
  }
  if (!(*log)->failure().ok()) state.SkipWithError(MessageOf((*log)->failure()).c_str());
  state.SetItemsProcessed(state.iterations() * kRecords);
  state.SetBytesProcessed(state.iterations() * kRecords * state.range(0));
}

/// A folder below the current one, removed with all it holds.
class Folder {
 public:
  Folder() { made_ = ::mkdtemp(path_.data()) != nullptr; }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "log-bench-XXXXXX";
  bool made_ = false;
};

// The writer must not be destroyed while the ring still works for it.
void Finish(LogWriter& log, Ring& ring) {
  log.BeginClose();
  while (log.busy()) ring.Turn(1'000'000);
}

void CommitOnDisk(benchmark::State& state, WriteMode mode) {
  Folder folder;
  PosixFileSystem files;
  SystemClock clock;
  auto ring = Ring::Create({.entries = 64, .receive_buffers = 2, .receive_buffer_bytes = 64});
  if (!folder.made() || !ring.ok()) {
    state.SkipWithError("no folder can be made here, or no io_uring");
    return;
  }
  LogOptions options{.directory = folder.path(), .mode = mode};
  options.block_bytes = files.LogicalBlockSize(folder.path());
  auto log = LogWriter::Open(files, **ring, clock, options, LogStart{});
  if (!log.ok()) {
    state.SkipWithError(MessageOf(log.status()).c_str());
    return;
  }
  const std::string payload(static_cast<size_t>(state.range(0)), 'x');
  for (auto _ : state) {
    Lsn lsn = (*log)->Append(payload);
    (*log)->Pump();
    while ((*log)->durable() < lsn && (*log)->failure().ok()) (*ring)->Turn(100'000'000);
  }
  if (!(*log)->failure().ok()) state.SkipWithError(MessageOf((*log)->failure()).c_str());
  Finish(**log, **ring);
  state.SetItemsProcessed(state.iterations());
}

void CommitDirect(benchmark::State& state) { CommitOnDisk(state, WriteMode::kDirectSync); }
void CommitBuffered(benchmark::State& state) { CommitOnDisk(state, WriteMode::kBuffered); }

BENCHMARK(AppendToFrames)->Arg(64)->Arg(1024);
BENCHMARK(CommitDirect)->Arg(64)->Arg(4096)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK(CommitBuffered)->Arg(64)->Arg(4096)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace flashdb

BENCHMARK_MAIN();
