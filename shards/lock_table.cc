#include "shards/lock_table.h"

#include <algorithm>

#include "base/check.h"

namespace flashdb {
namespace {

// How many requests of a queue hold the lock: one exclusive, or the leading shared ones.
size_t GrantedPrefix(const std::deque<LockRequest*>& requests) {
  if (requests.empty()) return 0;
  if (requests.front()->exclusive) return 1;
  size_t n = 0;
  while (n < requests.size() && !requests[n]->exclusive) ++n;
  return n;
}

}  // namespace

bool LockTable::SlowBlocks(SlotId slot, bool exclusive) const {
  if (!all_.empty()) {
    bool only_shared =
        std::all_of(all_.begin(), all_.end(), [](const LockRequest* r) { return !r->exclusive; });
    if (exclusive || !only_shared) return true;
  }
  auto it = queues_.find(slot);
  if (it == queues_.end()) return false;
  if (exclusive) return true;
  const auto& requests = it->second.requests;
  return std::any_of(requests.begin(), requests.end(),
                     [](const LockRequest* r) { return r->exclusive; });
}

bool LockTable::Acquire(LockRequest& request) {
  request.granted = false;
  request.waiting_for = 0;
  if (!all_.empty()) {
    all_.push_back(&request);
    return false;
  }
  if (request.all) {
    all_.push_back(&request);
    request.granted = active_ == 0;
    return request.granted;
  }
  Enter(request);
  request.granted = request.waiting_for == 0;
  return request.granted;
}

void LockTable::Enter(LockRequest& request) {
  ++active_;
  for (SlotId slot : request.slots) {
    auto& requests = queues_[slot].requests;
    locked_[slot] = 1;
    requests.push_back(&request);
    if (GrantedPrefix(requests) < requests.size()) ++request.waiting_for;
  }
}

void LockTable::Release(LockRequest& request) {
  FLASHDB_CHECK(request.granted, "a lock was released that had not been granted");
  request.granted = false;
  if (request.all) {
    FLASHDB_CHECK(!all_.empty() && all_.front() == &request);
    all_.pop_front();
  } else {
    --active_;
    for (SlotId slot : request.slots) LeaveSlot(slot, request);
  }
  AdmitBacklog();
  CallGranted();
}

void LockTable::Grant(LockRequest& request) {
  request.granted = true;
  ready_.push_back(&request);
}

void LockTable::CallGranted() {
  if (calling_) return;
  calling_ = true;
  while (!ready_.empty()) {
    LockRequest* next = ready_.front();
    ready_.pop_front();
    next->on_granted(*next);
  }
  calling_ = false;
}

void LockTable::LeaveSlot(SlotId slot, LockRequest& request) {
  auto it = queues_.find(slot);
  auto& requests = it->second.requests;
  size_t granted_before = GrantedPrefix(requests);
  requests.erase(std::find(requests.begin(), requests.end(), &request));
  if (requests.empty()) {
    queues_.erase(it);
    locked_[slot] = 0;
    return;
  }
  size_t granted_now = GrantedPrefix(requests);
  for (size_t i = granted_before - 1; i < granted_now; ++i) {
    if (--requests[i]->waiting_for == 0) Grant(*requests[i]);
  }
}

void LockTable::AdmitBacklog() {
  // A granted whole-shard request at the front holds everything behind it back.
  while (!all_.empty() && !all_.front()->granted) {
    LockRequest* next = all_.front();
    if (next->all) {
      if (active_ == 0) Grant(*next);
      return;
    }
    all_.pop_front();
    Enter(*next);
    if (next->waiting_for == 0) Grant(*next);
  }
}

}  // namespace flashdb
