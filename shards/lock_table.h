// Slot locks of one shard, for transactions. Requests queue in order of arrival; a request is
// granted when no earlier one that conflicts with it is left. Multi-shard transactions arrive at
// every shard in the sequencer's one global order, so they are granted in the same order
// everywhere: no deadlock, no retry.
//
// A single-shard command takes no lock: it asks Blocks() and, only if that says so, queues a
// request of its own, runs at once when granted, and releases.
//
// A *hold* is the light kind of lock: taken at once or not at all, kept for one visit of another
// shard, never waited for while something else is held. Used by one shard's thread only.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/types.h"

namespace flashdb {

/// One request. Owned by the caller; must stay in place until released.
struct LockRequest {
  absl::InlinedVector<SlotId, 8> slots;  // sorted, no duplicates; ignored if `all`
  bool all = false;                      // every slot of the shard
  bool exclusive = true;
  /// Called once if Acquire() could not grant at once. May call Release().
  void (*on_granted)(LockRequest& self) = nullptr;

  // Kept by the table.
  uint32_t waiting_for = 0;
  bool granted = false;
};

/// One slot that a batch keeps others from changing (or, if `exclusive`, from reading).
struct SlotHold {
  SlotId slot;
  bool exclusive;
};

class LockTable {
 public:
  LockTable() : locked_(kSlotCount, 0), held_(kSlotCount, 0) {}

  /// Whether a command on `slot` that arrives now has to queue. The fast path's one question.
  bool Blocks(SlotId slot, bool exclusive) const {
    if (locked_[slot] == 0 && held_[slot] == 0 && all_.empty()) [[likely]] {
      return false;
    }
    return SlowBlocks(slot, exclusive);
  }
  bool Locked(SlotId slot) const { return locked_[slot] != 0 || held_[slot] != 0 || !all_.empty(); }
  bool idle() const { return active_ == 0 && holds_ == 0 && all_.empty(); }

  /// Queues the request; true if it is granted already (then on_granted is not called).
  bool Acquire(LockRequest& request);
  /// Ends a granted request and grants those that waited for it.
  void Release(LockRequest& request);

  /// Takes all of `holds` (each slot once) or, if one of them conflicts with what is locked, held
  /// or waited for, none.
  bool TryHold(std::span<const SlotHold> holds);
  /// Ends what TryHold() took and grants requests that waited for it.
  void ReleaseHolds(std::span<const SlotHold> holds);

 private:
  // Values of held_; below it, the number of shared holds.
  static constexpr uint8_t kHeldExclusive = 255;

  struct SlotQueue {
    std::deque<LockRequest*> requests;  // granted ones first, in order of arrival
    size_t granted = 0;                 // one exclusive, or the leading shared ones
    size_t exclusive = 0;               // granted or not
  };

  bool HoldBlocks(SlotId slot, bool exclusive) const {
    return held_[slot] == kHeldExclusive || (exclusive && held_[slot] != 0);
  }
  bool MayAdmitNext(SlotId slot, const SlotQueue& queue) const;
  void AdmitWaiting(SlotId slot, SlotQueue& queue);
  bool SlowBlocks(SlotId slot, bool exclusive) const;
  void Enter(LockRequest& request);
  void PushToAll(LockRequest& request);
  void PopFromAll();
  void LeaveSlot(SlotId slot, LockRequest& request);
  void AdmitBacklog();
  void Grant(LockRequest& request);
  void CallGranted();

  absl::flat_hash_map<SlotId, SlotQueue> queues_;
  std::vector<uint8_t> locked_;  // by slot: 1 while it has a queue
  std::vector<uint8_t> held_;    // by slot
  size_t active_ = 0;            // requests inside queues_, granted or not
  size_t holds_ = 0;
  // From the first whole-shard request on, everything waits here in order of arrival; all_.front()
  // is granted once it is a whole-shard request and nothing is active or held.
  std::deque<LockRequest*> all_;
  size_t all_exclusive_ = 0;  // how many of them are exclusive
  // Granted, to be called. A callback that releases only adds here, so a long chain of waiters
  // needs no deep stack.
  std::deque<LockRequest*> ready_;
  bool calling_ = false;
};

}  // namespace flashdb
