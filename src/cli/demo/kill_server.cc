#include "cli/demo/kill_server.h"

#include <atomic>
#include <thread>

#include "cli/api_paths.h"
#include "cli/partitions.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTurn(100);
constexpr int kTurns = 12;       // before the kill,
constexpr int kMostTurns = 300;  // unless the disk is so slow that little is acknowledged by then
constexpr int64_t kFewRecords = 20;

StatusOr<int64_t> CountRecords(const ApiOptions& options, const std::string& topic) {
  ApiClient client(options);
  FLASHDB_ASSIGN_OR_RETURN(auto bounds, FetchBounds(client, topic));
  int64_t count = 0;
  for (const PartitionBounds& each : bounds) count += each.end - each.start;
  return count;
}

// Appends until the first error, which the kill brings.
class Producer {
 public:
  Producer(const ApiOptions& options, const std::string& topic)
      : thread_([this, options, topic] { Run(options, topic); }) {}
  ~Producer() { Join(); }
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  void Join() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int64_t acknowledged() const { return acknowledged_; }

 private:
  void Run(const ApiOptions& options, const std::string& topic) {
    ApiClient client(options);
    while (!stop_) {
      const Json body = {{"value", fmt::format("order {}", acknowledged_.load())}};
      if (!client.Call("POST", RecordsPath(topic), body).ok()) return;
      ++acknowledged_;
    }
  }

  std::atomic<bool> stop_{false};
  std::atomic<int64_t> acknowledged_{0};
  std::thread thread_;
};

Status KillInTheMiddle(Screen& screen, DemoServer& server, Producer& producer) {
  for (int i = 0; i < kTurns || (i < kMostTurns && producer.acknowledged() < kFewRecords); ++i) {
    if (screen.redraws()) {
      screen.Live({fmt::format("acknowledged: {}",
                               FormatCount(static_cast<uint64_t>(producer.acknowledged())))});
    }
    FLASHDB_RETURN_IF_ERROR(screen.Pause(kTurn));
  }
  server.Kill9();
  producer.Join();
  return OkStatus();
}

}  // namespace

StatusOr<CrashReport> KillWhileProducing(Screen& screen, DemoServer& server,
                                         const ApiOptions& options, const std::string& topic) {
  CrashReport report;
  FLASHDB_ASSIGN_OR_RETURN(report.acknowledged, CountRecords(options, topic));
  {
    Producer producer(options, topic);
    const Status killed = KillInTheMiddle(screen, server, producer);
    screen.EndLive();
    FLASHDB_RETURN_IF_ERROR(killed);
    report.acknowledged += producer.acknowledged();
  }
  FLASHDB_RETURN_IF_ERROR(server.Start());
  FLASHDB_ASSIGN_OR_RETURN(report.found, CountRecords(options, topic));
  return report;
}

}  // namespace flashdb::cli
