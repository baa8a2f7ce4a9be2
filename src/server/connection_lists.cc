#include "server/connection_lists.h"

#include <algorithm>
#include <array>

namespace flashdb {
namespace {

constexpr size_t kIdleRuns = 64;
constexpr size_t kPreparedTogether = 16;
constexpr size_t kCommandsTogether = 256;

}  // namespace

void ConnectionLists::MarkReady(SocketConnection& connection) {
  if (std::exchange(connection.listed_ready, true)) return;
  ready_.push_back(&connection);
}

void ConnectionLists::MarkDirty(SocketConnection& connection) {
  if (std::exchange(connection.listed_dirty, true)) return;
  dirty_.push_back(&connection);
}

void ConnectionLists::Unlist(SocketConnection& connection) {
  if (std::exchange(connection.listed_ready, false)) std::erase(ready_, &connection);
  if (std::exchange(connection.listed_dirty, false)) std::erase(dirty_, &connection);
}

bool ConnectionLists::Work(Shard& here, uint64_t for_nanos) {
  working_.swap(ready_);
  const uint64_t until = here.clock().MonotonicNanos() + for_nanos;
  size_t served = 0;
  while (served < working_.size()) {
    served += WorkTogether(here, std::span(working_).subspan(served), until);
    if (served < working_.size() && here.clock().MonotonicNanos() >= until) break;
  }
  ready_.insert(ready_.begin(), working_.begin() + static_cast<ptrdiff_t>(served), working_.end());
  working_.clear();
  return !ready_.empty();
}

// Serves the first of those that wait. Parses the input of several clients before it executes any:
// so the keys of all are loaded at once. Returns their number.
size_t ConnectionLists::WorkTogether(Shard& here, std::span<SocketConnection* const> waiting,
                                     uint64_t until_nanos) {
  std::array<Run*, kPreparedTogether> runs;
  size_t count = 0;
  size_t prepared = 0;
  size_t commands = 0;
  while (count < std::min(kPreparedTogether, waiting.size()) && commands < kCommandsTogether) {
    SocketConnection& connection = *waiting[count++];
    connection.listed_ready = false;
    Run* run = connection.Prepare();
    if (run == nullptr) continue;
    runs[prepared++] = run;
    commands += run->until - run->at;
  }
  LookAhead(here, {runs.data(), prepared});
  for (SocketConnection* connection : waiting.first(count)) {
    if (connection->Work(until_nanos)) MarkReady(*connection);
  }
  return count;
}

std::unique_ptr<Run> ConnectionLists::BorrowRun() {
  if (idle_runs_.empty()) return std::make_unique<Run>();
  std::unique_ptr<Run> run = std::move(idle_runs_.back());
  idle_runs_.pop_back();
  return run;
}

void ConnectionLists::ReturnRun(std::unique_ptr<Run> run) {
  if (idle_runs_.size() < kIdleRuns) idle_runs_.push_back(std::move(run));
}

}  // namespace flashdb
