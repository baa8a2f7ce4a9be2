#include "cli/demo/workers.h"

#include "cli/api_paths.h"
#include "cli/membership.h"
#include "cli/partitions.h"
#include "cli/record.h"
#include "cli/text.h"

namespace flashdb::cli {
namespace {

constexpr std::chrono::milliseconds kBreath(50);

}  // namespace

Worker::Worker(ApiOptions options, std::string group, std::string topic, std::string name,
               std::chrono::milliseconds session_timeout)
    : options_(std::move(options)),
      group_(std::move(group)),
      topic_(std::move(topic)),
      name_(std::move(name)),
      session_timeout_(session_timeout),
      thread_([this] { Run(); }) {}

Worker::~Worker() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

void Worker::Crash() {
  crash_ = true;
  stop_ = true;
  thread_.join();
}

Worker::State Worker::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void Worker::Run() {
  const Status status = Work();
  std::lock_guard lock(mutex_);
  state_.alive = false;
  state_.partitions.clear();
  state_.error = status;
}

// One batch: reads, works (here: counts), commits.
Status Worker::ReadShare(ApiClient& client, const Membership& membership) {
  const std::string query = Query().Add("member", name_).text();
  auto answer = client.Call({.target = GroupRecordsPath(group_, topic_) + query});
  if (absl::IsNotFound(answer.status())) return OkStatus();  // the heartbeat joins again
  FLASHDB_RETURN_IF_ERROR(answer.status());
  const Json& records = Member(*answer, "records");
  if (records.empty()) return OkStatus();
  const Status status =
      CommitOffsets(client, group_, topic_, NextOffsetsIn(*answer), membership.stamp());
  if (IsNoLongerOurs(status)) return OkStatus();  // others work on it
  FLASHDB_RETURN_IF_ERROR(status);
  std::lock_guard lock(mutex_);
  state_.records += static_cast<int64_t>(records.size());
  state_.latest = Escape(StringOf(records.back(), "value"));
  return OkStatus();
}

Status Worker::Work() {
  ApiClient client(options_);
  Membership membership(client, group_, topic_, name_, session_timeout_);
  FLASHDB_RETURN_IF_ERROR(membership.Join());
  while (!stop_) {
    {
      std::lock_guard lock(mutex_);
      state_.partitions = membership.partitions();
    }
    FLASHDB_RETURN_IF_ERROR(ReadShare(client, membership));
    std::this_thread::sleep_for(kBreath);
    // More often than it must, so that a new share is seen at once.
    FLASHDB_RETURN_IF_ERROR(membership.Heartbeat().status());
  }
  return crash_ ? OkStatus() : membership.Leave();
}

}  // namespace flashdb::cli
