#include "topics/flush_queue.h"

namespace flashdb {

void FlushQueue::Add(Partition& partition, uint64_t nanos) {
  Place& place = partition.flush_place;
  if (place.stage != Place::kNowhere) return;
  place.since = nanos;
  place.stage = Place::kWaiting;
  place.at = waiting_.insert(waiting_.end(), &partition);
}

void FlushQueue::Begin(Partition& partition) {
  Place& place = partition.flush_place;
  if (place.stage != Place::kWaiting) return;
  place.stage = Place::kFlushing;
  place.marked = false;
  flushing_.splice(flushing_.end(), waiting_, place.at);
}

void FlushQueue::Remove(Partition& partition) {
  Place& place = partition.flush_place;
  if (place.stage == Place::kNowhere) return;
  (place.stage == Place::kWaiting ? waiting_ : flushing_).erase(place.at);
  place.stage = Place::kNowhere;
}

void FlushQueue::Clear() {
  ForEach([](Partition& partition) { partition.flush_place.stage = Place::kNowhere; });
  waiting_.clear();
  flushing_.clear();
}

}  // namespace flashdb
