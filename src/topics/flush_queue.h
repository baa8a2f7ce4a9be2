// The partitions of one shard that have records which their storages lack: those that wait for
// their turn, the one that has waited longest first, and those that are being flushed.
//
// Small flushes cost as much as large ones. So a partition waits until it has much, or has waited
// for long, or memory is wanted; and then those go first that have gathered for the longest time.
// Used by its shard's thread only.
#pragma once

#include <list>

#include "topics/partition.h"

namespace flashdb {

class FlushQueue {
 public:
  bool empty() const { return waiting_.empty() && flushing_.empty(); }
  size_t flushing() const { return flushing_.size(); }
  /// The one that has waited longest; null if none waits.
  Partition* oldest() const { return waiting_.empty() ? nullptr : waiting_.front(); }

  /// It has got records at `nanos` of the monotonic clock. It may be in the queue already.
  void Add(Partition& partition, uint64_t nanos);
  /// Its turn has come. Nothing happens unless it waits.
  void Begin(Partition& partition);
  void Remove(Partition& partition);

  /// Calls `goes_on(partition)` for each that is being flushed, until it returns false. Then the
  /// partition leaves the queue, or, if it has got more records meanwhile, waits again from
  /// `nanos`.
  template <typename F>
  void GoOn(uint64_t nanos, F goes_on);
  /// Calls `visit(partition)` for all.
  template <typename F>
  void ForEach(F visit) const;
  void Clear();

 private:
  using Place = FlushPlace;

  Place::List waiting_;
  Place::List flushing_;
};

template <typename F>
void FlushQueue::GoOn(uint64_t nanos, F goes_on) {
  for (auto at = flushing_.begin(); at != flushing_.end();) {
    Partition& partition = **at++;
    if (goes_on(partition)) continue;
    Remove(partition);
    if (partition.tail_bytes() > 0) Add(partition, nanos);
  }
}

template <typename F>
void FlushQueue::ForEach(F visit) const {
  for (Partition* partition : flushing_) visit(*partition);
  for (Partition* partition : waiting_) visit(*partition);
}

}  // namespace flashdb
