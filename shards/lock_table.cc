#include "shards/lock_table.h"

#include <algorithm>

#include "base/check.h"

namespace flashdb {

// A crowd may wait at one slot: counts answer here what a walk over the queue would.
bool LockTable::MayAdmitNext(SlotId slot, const SlotQueue& queue) const {
  if (queue.granted == queue.requests.size()) return false;
  const bool exclusive = queue.requests[queue.granted]->exclusive;
  if (HoldBlocks(slot, exclusive)) return false;
  return queue.granted == 0 || (!exclusive && !queue.requests.front()->exclusive);
}

bool LockTable::SlowBlocks(SlotId slot, bool exclusive) const {
  if (!all_.empty() && (exclusive || all_exclusive_ > 0)) return true;
  if (HoldBlocks(slot, exclusive)) return true;
  auto it = queues_.find(slot);
  if (it == queues_.end()) return false;
  return exclusive || it->second.exclusive > 0;
}

bool LockTable::Acquire(LockRequest& request) {
  request.granted = false;
  request.waiting_for = 0;
  if (!all_.empty()) {
    PushToAll(request);
    return false;
  }
  if (request.all) {
    PushToAll(request);
    request.granted = active_ == 0 && holds_ == 0;
    return request.granted;
  }
  Enter(request);
  request.granted = request.waiting_for == 0;
  return request.granted;
}

void LockTable::Enter(LockRequest& request) {
  ++active_;
  for (SlotId slot : request.slots) {
    SlotQueue& queue = queues_[slot];
    locked_[slot] = 1;
    queue.requests.push_back(&request);
    if (request.exclusive) ++queue.exclusive;
    // If an earlier one waits, that one may not be admitted, and so this one may not.
    if (MayAdmitNext(slot, queue)) {
      ++queue.granted;
    } else {
      ++request.waiting_for;
    }
  }
}

void LockTable::PushToAll(LockRequest& request) {
  all_.push_back(&request);
  if (request.exclusive) ++all_exclusive_;
}

void LockTable::PopFromAll() {
  if (all_.front()->exclusive) --all_exclusive_;
  all_.pop_front();
}

void LockTable::Release(LockRequest& request) {
  FLASHDB_CHECK(request.granted, "a lock was released that had not been granted");
  request.granted = false;
  if (request.all) {
    FLASHDB_CHECK(!all_.empty() && all_.front() == &request);
    PopFromAll();
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
  SlotQueue& queue = it->second;
  queue.requests.erase(std::find(queue.requests.begin(), queue.requests.end(), &request));
  if (queue.requests.empty()) {
    queues_.erase(it);
    locked_[slot] = 0;
    return;
  }
  --queue.granted;
  if (request.exclusive) --queue.exclusive;
  AdmitWaiting(slot, queue);
}

void LockTable::AdmitWaiting(SlotId slot, SlotQueue& queue) {
  while (MayAdmitNext(slot, queue)) {
    LockRequest* next = queue.requests[queue.granted++];
    if (--next->waiting_for == 0) Grant(*next);
  }
}

#ifdef FLASHDB_BREAK_BATCH_HOLDS  // a broken build, to prove that the checks notice
bool LockTable::TryHold(std::span<const SlotHold>) { return true; }
void LockTable::ReleaseHolds(std::span<const SlotHold>) {}
#else
bool LockTable::TryHold(std::span<const SlotHold> holds) {
  // A whole-shard request waits, or is granted: nothing may pass it.
  if (!all_.empty()) return false;
  for (const SlotHold& hold : holds) {
    const bool full = held_[hold.slot] == kHeldExclusive - 1;
    if (full || Blocks(hold.slot, hold.exclusive)) return false;
  }
  for (const SlotHold& hold : holds) {
    if (hold.exclusive) {
      held_[hold.slot] = kHeldExclusive;
    } else {
      ++held_[hold.slot];
    }
  }
  holds_ += holds.size();
  return true;
}

void LockTable::ReleaseHolds(std::span<const SlotHold> holds) {
  FLASHDB_CHECK(holds_ >= holds.size(), "more holds were released than are taken");
  holds_ -= holds.size();
  for (const SlotHold& hold : holds) {
    uint8_t& held = held_[hold.slot];
    FLASHDB_CHECK(held != 0, "a hold was released that had not been taken");
    held = hold.exclusive ? 0 : held - 1;
    if (held == 0 && locked_[hold.slot] != 0) AdmitWaiting(hold.slot, queues_.at(hold.slot));
  }
  AdmitBacklog();
  CallGranted();
}
#endif

void LockTable::AdmitBacklog() {
  // A granted whole-shard request at the front holds everything behind it back.
  while (!all_.empty() && !all_.front()->granted) {
    LockRequest* next = all_.front();
    if (next->all) {
      if (active_ == 0 && holds_ == 0) Grant(*next);
      return;
    }
    PopFromAll();
    Enter(*next);
    if (next->waiting_for == 0) Grant(*next);
  }
}

}  // namespace flashdb
