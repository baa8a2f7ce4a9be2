#include "server/connection_lists.h"

#include <algorithm>
#include <array>

namespace flashdb {
namespace {

constexpr size_t kIdleRuns = 64;
constexpr size_t kPreparedTogether = 16;

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

bool ConnectionLists::Work(Shard& here) {
  working_.swap(ready_);
  for (size_t i = 0; i < working_.size(); i += kPreparedTogether) {
    size_t count = std::min(kPreparedTogether, working_.size() - i);
    WorkTogether(here, std::span(working_).subspan(i, count));
  }
  working_.clear();
  return !ready_.empty();
}

// Parses the input of several clients before it executes any: so the keys of all are loaded at
// once.
void ConnectionLists::WorkTogether(Shard& here, std::span<SocketConnection* const> connections) {
  std::array<Run*, kPreparedTogether> runs;
  size_t count = 0;
  for (SocketConnection* connection : connections) {
    connection->listed_ready = false;
    if (Run* run = connection->Prepare()) runs[count++] = run;
  }
  LookAhead(here, {runs.data(), count});
  for (SocketConnection* connection : connections) {
    if (connection->Work()) MarkReady(*connection);
  }
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
