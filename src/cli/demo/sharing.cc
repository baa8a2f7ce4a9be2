#include "cli/demo/sharing.h"

#include "cli/api_paths.h"
#include "cli/demo/workers.h"
#include "cli/partitions.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kSession(2000);
constexpr milliseconds kTurn(100);
constexpr seconds kBothWork(4);
constexpr seconds kTakeOverLimit(20);

std::string LineOf(const Worker& worker) {
  const Worker::State state = worker.state();
  if (!state.alive)
    return fmt::format("{:<6} crashed after {} records", worker.name(), state.records);
  return fmt::format("{:<6} partitions [{}]  {} records  {}", worker.name(),
                     fmt::join(state.partitions, ","), state.records, state.latest);
}

// What stays the same between two looks, so that without a terminal only news are printed.
std::string SharesOf(const Worker& worker) {
  const Worker::State state = worker.state();
  if (!state.alive) return fmt::format("{:<6} crashed", worker.name());
  return fmt::format("{:<6} partitions [{}]", worker.name(), fmt::join(state.partitions, ","));
}

class Sharing {
 public:
  Sharing(Screen& screen, const ApiOptions& options, const std::string& group,
          const std::string& topic)
      : screen_(screen),
        client_(options),
        group_(group),
        topic_(topic),
        alice_(options, group, topic, "alice", kSession),
        bob_(options, group, topic, "bob", kSession) {}

  Status Run() {
    FLASHDB_ASSIGN_OR_RETURN(auto bounds, FetchBounds(client_, topic_));
    partitions_ = bounds.size();
    const auto crash = Clock::now() + kBothWork;
    FLASHDB_RETURN_IF_ERROR(WaitUntil(
        crash + kTakeOverLimit,
        [&] { return Clock::now() >= crash && Shares(alice_) == Shares(bob_); },
        "the two did not get equal shares"));
    alice_.Crash();
    FLASHDB_RETURN_IF_ERROR(WaitUntil(
        Clock::now() + kTakeOverLimit, [&] { return Shares(bob_) == partitions_; },
        "the partitions of the lost worker were not given to the other"));
    producing_ = false;
    return WaitUntil(
        Clock::now() + kTakeOverLimit, [&] { return IsAllRead(); }, "records are left unread");
  }

 private:
  static size_t Shares(const Worker& worker) { return worker.state().partitions.size(); }

  template <typename Done>
  Status WaitUntil(Clock::time_point deadline, Done done, const char* otherwise) {
    while (!done()) {
      if (Clock::now() > deadline) return absl::InternalError(otherwise);
      FLASHDB_RETURN_IF_ERROR(bob_.state().error);
      if (producing_) FLASHDB_RETURN_IF_ERROR(ProduceSome());
      Draw();
      FLASHDB_RETURN_IF_ERROR(screen_.Pause(kTurn));
    }
    Draw();
    return OkStatus();
  }

  Status ProduceSome() {
    constexpr const char* kFruit[] = {"apples", "pears", "plums", "cherries", "figs"};
    Json records = Json::array();
    for (int i = 0; i < 5; ++i, ++produced_) {
      records.push_back({{"key", fmt::format("customer-{}", produced_ % 97)},
                         {"value", fmt::format("{} {}", produced_ % 9 + 1, kFruit[i])}});
    }
    return client_.Call("POST", RecordsPath(topic_), {{"records", std::move(records)}}).status();
  }

  bool IsAllRead() {
    auto bounds = FetchBounds(client_, topic_);
    auto committed = FetchCommitted(client_, group_, topic_);
    if (!bounds.ok() || !committed.ok()) return false;
    for (const PartitionBounds& each : *bounds) {
      if (each.end > each.start && (*committed)[each.partition] != each.end) return false;
    }
    return true;
  }

  void Draw() {
    if (screen_.redraws()) {
      screen_.Live({fmt::format("orders produced: {}", produced_), LineOf(alice_), LineOf(bob_)});
    } else {
      screen_.Live({SharesOf(alice_), SharesOf(bob_)});
    }
  }

  Screen& screen_;
  ApiClient client_;
  const std::string& group_;
  const std::string& topic_;
  size_t partitions_ = 0;
  bool producing_ = true;
  int64_t produced_ = 0;
  Worker alice_;
  Worker bob_;
};

}  // namespace

Status ShowSharing(Screen& screen, const ApiOptions& options, const std::string& group,
                   const std::string& topic) {
  const Status status = Sharing(screen, options, group, topic).Run();
  screen.EndLive();
  return status;
}

}  // namespace flashdb::cli
