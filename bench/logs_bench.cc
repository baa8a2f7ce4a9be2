// Several logs on the file system of the current folder, as one server's shards have them: each
// with a thread and a ring of its own. Each log has 32 clients: a client appends a record, waits
// until it is durable, and comes back up to 200 us later. The arguments: frames in flight per log
// (K), and 1 for O_DIRECT|O_DSYNC writes, 0 for O_DIRECT with a sync that covers all frames written
// before it.
//   items_per_second  records of all logs
//   frames            writes per second of all logs
//   p50_us, p99_us    from a record's append until it is durable; the mean over the logs
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "io/posix_file.h"
#include "io/ring.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

constexpr size_t kClients = 32;
constexpr uint64_t kMostThinkNanos = 200'000;
constexpr size_t kPayloadBytes = 64;
constexpr int64_t kCommits = 5000;  // fit into one segment, so that nothing is prepared meanwhile

/// A log in a folder of its own below the current one, which is removed with it.
class LoadedLog {
 public:
  LoadedLog() { made_ = ::mkdtemp(path_.data()) != nullptr; }
  ~LoadedLog() {
    if (log_ != nullptr) {
      log_->BeginClose();
      while (log_->busy()) ring_->Turn(1'000'000);
    }
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  Status Open(uint32_t frames_in_flight, WriteMode mode) {
    if (!made_) return absl::UnavailableError("no folder can be made here");
    FLASHDB_ASSIGN_OR_RETURN(
        ring_, Ring::Create({.entries = 64, .receive_buffers = 2, .receive_buffer_bytes = 64}));
    LogOptions options{.directory = path_, .mode = mode, .frames_in_flight = frames_in_flight};
    options.spare_segments = 1;
    options.block_bytes = files_.LogicalBlockSize(path_);
    FLASHDB_ASSIGN_OR_RETURN(log_, LogWriter::Open(files_, *ring_, clock_, options, LogStart{}));
    // Until the spare segment is filled with zeros, too.
    for (log_->Pump(); log_->busy(); log_->Pump()) ring_->Turn(1'000'000);
    return OkStatus();
  }

  /// Until one more record is durable.
  void Commit() {
    Lsn before = log_->durable();
    while (log_->durable() == before && log_->failure().ok()) {
      uint64_t now = clock_.MonotonicNanos();
      for (; !back_.empty() && back_.top() <= now; back_.pop()) {
        log_->Append(payload_);
        began_.push_back(now);
      }
      log_->Pump();
      uint64_t until = log_->NextDeadlineNanos().value_or(UINT64_MAX);
      if (!back_.empty()) until = std::min(until, back_.top());
      ring_->Turn(until > now ? std::min<uint64_t>(until - now, 100'000'000) : 1);
    }
    uint64_t now = clock_.MonotonicNanos();
    for (Lsn lsn = before; lsn < log_->durable(); ++lsn) {
      nanos_.push_back(now - began_.front());
      began_.pop_front();
      back_.push(now + random_.Below(kMostThinkNanos));
    }
  }

  double Micros(double share) {
    auto at = static_cast<size_t>(static_cast<double>(nanos_.size() - 1) * share);
    std::nth_element(nanos_.begin(), nanos_.begin() + static_cast<std::ptrdiff_t>(at),
                     nanos_.end());
    return static_cast<double>(nanos_[at]) / 1000;
  }
  size_t records() const { return nanos_.size(); }
  const LogWriter& log() const { return *log_; }

 private:
  std::string path_ = "logs-bench-XXXXXX";
  bool made_ = false;
  PosixFileSystem files_;
  SystemClock clock_;
  std::unique_ptr<Ring> ring_;
  std::unique_ptr<LogWriter> log_;
  const std::string payload_ = std::string(kPayloadBytes, 'x');
  Random random_{1};
  // When each client comes back that waits for nothing; at first all of them are here.
  std::priority_queue<uint64_t, std::vector<uint64_t>, std::greater<>> back_{
      std::greater<>(), std::vector<uint64_t>(kClients)};
  std::deque<uint64_t> began_;   // when those under way were appended
  std::vector<uint64_t> nanos_;  // of those that are durable
};

void CommitToLogs(benchmark::State& state) {
  LoadedLog loaded;
  WriteMode mode = state.range(1) == 0 ? WriteMode::kDirect : WriteMode::kDirectSync;
  Status opened = loaded.Open(static_cast<uint32_t>(state.range(0)), mode);
  if (!opened.ok()) return state.SkipWithError(MessageOf(opened).c_str());
  uint64_t frames = loaded.log().stats().frames;
  for (auto _ : state) loaded.Commit();
  if (const Status& failure = loaded.log().failure(); !failure.ok()) {
    return state.SkipWithError(MessageOf(failure).c_str());
  }
  using benchmark::Counter;
  frames = loaded.log().stats().frames - frames;
  state.SetItemsProcessed(static_cast<int64_t>(loaded.records()));
  state.counters["frames"] = Counter(static_cast<double>(frames), Counter::kIsRate);
  state.counters["p50_us"] = Counter(loaded.Micros(0.5), Counter::kAvgThreads);
  state.counters["p99_us"] = Counter(loaded.Micros(0.99), Counter::kAvgThreads);
}

BENCHMARK(CommitToLogs)
    ->ArgNames({"K", "dsync"})
    ->ArgsProduct({{1, 4}, {1, 0}})
    ->ThreadRange(1, 8)
    ->Iterations(kCommits)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace flashdb

BENCHMARK_MAIN();
