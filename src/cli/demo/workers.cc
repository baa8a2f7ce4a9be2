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

Status Worker::Work() {
  ApiClient client(options_);
  Membership membership(client, group_, topic_, name_, session_timeout_);
  FLASHDB_RETURN_IF_ERROR(membership.Join());
  while (!stop_) {
    {
      std::lock_guard lock(mutex_);
      state_.partitions = membership.partitions();
    }
    for (int64_t partition : membership.partitions()) {
      FLASHDB_ASSIGN_OR_RETURN(auto batch, FetchForGroup(client, group_, topic_, partition));
      if (batch.records.empty()) continue;
      {
        std::lock_guard lock(mutex_);
        state_.records += static_cast<int64_t>(batch.records.size());
        state_.latest = Escape(StringOf(batch.records.back(), "value"));
      }
      FLASHDB_RETURN_IF_ERROR(CommitOffset(client, group_, topic_,
                                           {.partition = partition, .offset = batch.next_offset}));
    }
    std::this_thread::sleep_for(kBreath);
    // More often than it must, so that a new share is seen at once.
    FLASHDB_RETURN_IF_ERROR(membership.Heartbeat().status());
  }
  return crash_ ? OkStatus() : membership.Leave();
}

}  // namespace flashdb::cli
