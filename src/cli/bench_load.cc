#include "cli/bench_load.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLook(100);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What the threads share.
class Load {
 public:
  Load(const LoadOptions& options, size_t workers) : options_(options), running_(workers) {}

  void Work(const LoadStep& step) {
    ApiClient client(options_.api);
    LoadResult own;
    Status status;
    while (!stop_) {
      const auto begin = Clock::now();
      auto records = step(client);
      status = records.status();
      if (!status.ok() || *records == 0) break;
      const auto took = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
      own.latency.Record(static_cast<uint64_t>(took.count()));
      own.records += *records;
      ++own.requests;
      records_.fetch_add(*records, std::memory_order_relaxed);
    }
    std::lock_guard lock(mutex_);
    Merge(own, status);
    --running_;
    changed_.notify_all();
  }

  // Until all workers have ended.
  void Watch() {
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      changed_.wait_for(lock, kLook);
      const double seconds = SecondsSince(start_);
      if (Interrupt::requested() || (options_.seconds && seconds >= *options_.seconds))
        stop_ = true;
      if (options_.progress) options_.progress(records_.load(), seconds);
    }
    result_.seconds = SecondsSince(start_);
    result_.bytes = result_.records * options_.record_bytes;
  }

  StatusOr<LoadResult> Result() const {
    if (!first_error_.ok()) return first_error_;
    return result_;
  }

 private:
  void Merge(const LoadResult& own, const Status& status) {
    result_.records += own.records;
    result_.requests += own.requests;
    result_.latency.Merge(own.latency);
    if (status.ok() || (absl::IsCancelled(status) && Interrupt::requested())) return;
    first_error_.Update(status);
    stop_ = true;
  }

  const LoadOptions& options_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> records_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t running_;
  LoadResult result_;
  Status first_error_;
};

}  // namespace

Json LoadResult::ToJson() const {
  return {{"records", records},
          {"requests", requests},
          {"bytes", bytes},
          {"seconds", seconds},
          {"records_per_second", records_per_second()},
          {"bytes_per_second", bytes_per_second()},
          {"latency_us",
           {{"p50", latency.Percentile(50)},
            {"p99", latency.Percentile(99)},
            {"p99_9", latency.Percentile(99.9)},
            {"max", latency.Percentile(100)}}}};
}

StatusOr<LoadResult> RunLoad(const LoadOptions& options, std::vector<LoadStep> steps) {
  Load load(options, steps.size());
  std::vector<std::thread> threads;
  for (const LoadStep& step : steps) threads.emplace_back([&load, &step] { load.Work(step); });
  load.Watch();
  for (std::thread& thread : threads) thread.join();
  return load.Result();
}

}  // namespace flashdb::cli
