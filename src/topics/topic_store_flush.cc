// The way from the log to the topics' files, and what leaves them again: retention, compaction.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "topics/topic_store.h"

namespace flashdb {
namespace {

constexpr uint64_t kMilli = 1'000'000;
constexpr uint64_t kPumpNanos = 5'000'000;
// While partitions only wait for their turn, it is enough to look at them so often.
constexpr uint64_t kWaitingPumpNanos = 100'000'000;
// What a full disk has stopped is tried again so often.
constexpr uint64_t kRetryNanos = 1'000'000'000;
// That are being flushed at a time: with no need to hurry clients shall not notice it.
constexpr size_t kFlushesAtATime = 32;
constexpr size_t kHurriedFlushesAtATime = 256;
constexpr UnixMillis kRetentionMillis = 1000;
constexpr size_t kRetainedPerPump = 16;
constexpr size_t kDropsPerPump = 16;
constexpr UnixMillis kTombstoneMillis = 24 * 3600 * 1000;

}  // namespace

void TopicStore::Pump() {
  if (partitions_.empty() && dropped_.empty() && waits_.count() == 0) return;
  const uint64_t nanos = shard_.clock().MonotonicNanos();
  waits_.WakeDue(nanos);
  if (nanos < next_pump_nanos_) return;
  next_pump_nanos_ = nanos + kPumpNanos;
  const UnixMillis now = keys_.now();
  BuryDead(kDropsPerPump);
  if (unflushed_bytes_ >= options_.unflushed_bytes / 2) shard_.log().RequestSync();
  retries_stalled_ = nanos >= next_retry_nanos_;
  flushes_.GoOn(nanos, [this](Partition& partition) { return FlushSome(partition); });
  BeginFlushes(nanos);
  if (retries_stalled_) {
    next_retry_nanos_ = nanos + kRetryNanos;
    NoteStall();
  }
  NoteBehind();
  RetainSome(now);
}

uint64_t TopicStore::NextDeadlineNanos() const {
  uint64_t pump = UINT64_MAX;
  if (flushes_.flushing() > 0 || FlushIsDue(shard_.clock().MonotonicNanos()) || !dropped_.empty() ||
      retains_more_) {
    pump = next_pump_nanos_;
  } else if (!flushes_.empty()) {
    pump = next_pump_nanos_ + kWaitingPumpNanos;
  }
  return std::min(pump, waits_.NextDeadlineNanos().value_or(UINT64_MAX));
}

// Whether the partition that has waited longest shall wait no longer.
bool TopicStore::FlushIsDue(uint64_t nanos) const {
  const Partition* oldest = flushes_.oldest();
  if (oldest == nullptr) return false;
  return Hurries() || nanos >= oldest->flush_place.since + options_.flush_interval * kMilli;
}

void TopicStore::BeginFlushes(uint64_t nanos) {
  const size_t most = Hurries() ? kHurriedFlushesAtATime : kFlushesAtATime;
  while (flushes_.flushing() < most && FlushIsDue(nanos)) {
    Partition& oldest = *flushes_.oldest();
    flushes_.Begin(oldest);
    (void)FlushSome(oldest);
  }
}

// Gives to the files what is settled; false when they have what there was when it began.
bool TopicStore::FlushSome(Partition& partition) {
  TakeReadable(partition);
  if (!partition.storage().failure().ok()) {
    Fail(partition.storage().failure());
    return false;
  }
  if (Status stalled = partition.storage().stalled(); !stalled.ok()) {
    if (retries_stalled_) {
      stall_met_ = std::move(stalled);
      partition.storage().Retry();
    }
    return true;
  }
  FlushPlace& place = partition.flush_place;
  const bool wants_mark = !place.marked || partition.unmarked_bytes() >= kFlushBytes;
  if (wants_mark && partition.mark_lsn() == 0 && !shard_.locks().Locked(partition.slot())) {
    unmarked_bytes_ -= partition.unmarked_bytes();
    partition.MarkSettlesAt(keys_.LastChange(partition.slot()));
    place.marked = true;
  }
  if (partition.mark_lsn() != 0 && !NameIsTaken(partition) &&
      shard_.commits().settled() >= partition.mark_lsn() &&
      (!options_.log_is_synced || shard_.log().synced_lsn() >= partition.mark_lsn())) {
    CountStored(partition, [&] { partition.FlushToMark(); });
  }
  return !place.marked || partition.mark_lsn() != 0 || partition.IsBeingStored();
}

void TopicStore::TakeReadable(Partition& partition) {
  const uint64_t before = partition.tail_bytes();
  for (BlockRef& block : partition.TakeReadable()) {
    cache_.Insert(partition.cache_handle(), std::move(block), partition.cache_records);
  }
  unflushed_bytes_ -= before - partition.tail_bytes();
}

// ---- Behind the log ----------------------------------------------------------------------------

void TopicStore::NoteBehind() {
  const bool behind = Behind();
  if (!room_waits_.empty() && !(behind && failure_.ok())) WakeAll(room_waits_);
  CountBehind(behind);
}

void TopicStore::CountBehind(bool behind) {
  if (behind == counted_behind_) return;
  counted_behind_ = behind;
  shards_behind_.fetch_add(behind ? 1 : -1, std::memory_order_relaxed);
}

bool TopicStore::AwaitRoom(const ClientWait& wait) {
  if (!Behind() || !failure_.ok()) return false;
  room_waits_.push_back(wait);
  return true;
}

Status TopicStore::BehindStatus() const {
  if (!failure_.ok()) {
    return absl::UnavailableError(
        fmt::format("the topics' files cannot be written, and what waits for them in memory is at "
                    "its bound; nothing was appended. Mend the disk and restart the server: {}",
                    MessageOf(failure_)));
  }
  if (!stall_.ok()) {
    return absl::UnavailableError(
        fmt::format("the topics' files cannot be written now, and what waits for them in memory is "
                    "at its bound; nothing was appended. Make room and try again: {}",
                    MessageOf(stall_)));
  }
  return absl::UnavailableError(
      "the topics' files are too far behind the log; nothing was appended. Try again");
}

// The records are in the log and stay in memory: nothing is lost, but memory is finite.
void TopicStore::Fail(Status status) {
  if (!failure_.ok()) return;
  failure_ = std::move(status);
  spdlog::error(
      "topics: {}. Appends go on until {} MiB wait for the files; mend the disk and restart: the "
      "log has everything",
      MessageOf(failure_), options_.unflushed_bytes >> 20);
}

// Told once when it begins, and once when all partitions go on.
void TopicStore::NoteStall() {
  if (stall_.ok() && !stall_met_.ok()) {
    spdlog::warn(
        "topics: {}. Make room: their files are tried again each second. Until then up to {} MiB "
        "of "
        "records wait in memory; the log has them",
        MessageOf(stall_met_), options_.unflushed_bytes >> 20);
  } else if (!stall_.ok() && stall_met_.ok()) {
    spdlog::info("topics: the files are written again");
  }
  stall_ = std::exchange(stall_met_, OkStatus());
}

// ---- Retention and compaction ------------------------------------------------------------------

void TopicStore::RetainSome(UnixMillis now) {
  retains_more_ = false;
  if (retain_round_.empty()) {
    if (now < next_retention_) return;
    next_retention_ = now + kRetentionMillis;
    for (const auto& [key, partition] : partitions_) retain_round_.push_back(key);
  }
  if (shard_.RefusesWrite(0).has_value()) return;
  for (size_t i = 0; i < kRetainedPerPump && !retain_round_.empty(); ++i) {
    auto found = partitions_.find(retain_round_.back());
    retain_round_.pop_back();
    if (found != partitions_.end()) Retain(*found->second, now);
  }
  shard_.CommitEffects();
  (void)keys_.TakeGate();  // nobody was told anything
}

void TopicStore::Retain(Partition& partition, UnixMillis now) {
  const Topic* topic = catalog_.TopicById(partition.topic());
  if (topic == nullptr || shard_.locks().Locked(partition.slot())) return;
  const TopicConfig& config = topic->config;
  if (config.cleanup != Cleanup::kDelete) {
    CountStored(partition, [&] { (void)partition.storage().Compact(now - kTombstoneMillis); });
  }
  if (config.cleanup == Cleanup::kCompact) return;
  const Offset start = partition.storage().StartFor(config.retention, now);
  if (start <= partition.start()) return;
  std::string& log = *keys_.BeginTenantEffect(EffectOp::kTopicTrim, partition.slot());
  PutVarint(log, partition.topic());
  PutVarint(log, partition.number());
  PutVarint(log, start);
  CountStored(partition, [&] { partition.TrimTo(start); });
  cache_.TrimTo(partition.cache_handle(), partition.start());
  retain_round_.emplace_back(partition.topic(), partition.number());  // there may be more
  retains_more_ = true;
}

// ---- The end of partitions and of all ----------------------------------------------------------

// The files of a deleted partition go when its end is settled: until then a crash would bring it
// back.
void TopicStore::BuryDead(size_t most) {
  for (Dropped& dropped : dropped_) {
    if (most == 0) break;
    const SlotId slot = dropped.partition->slot();
    if (!dropped.waits || shard_.locks().Locked(slot) ||
        shard_.commits().settled() < keys_.LastChange(slot)) {
      continue;
    }
    for (; dropped.waits && most > 0; --most) {
      dropped.waits = dropped.partition->storage().Drop();
    }
  }
  std::erase_if(dropped_, [](const Dropped& dropped) {
    return !dropped.waits && !dropped.partition->storage().busy();
  });
}

// A deleted topic of the same name may still have files there.
bool TopicStore::NameIsTaken(const Partition& partition) const {
  return std::any_of(dropped_.begin(), dropped_.end(), [&](const Dropped& dropped) {
    return dropped.partition->slot() == partition.slot() &&
           dropped.partition->number() == partition.number();
  });
}

bool TopicStore::busy() const {
  auto busy = [](const Partition& partition) { return partition.storage().busy(); };
  return segment_files_.busy() ||
         std::any_of(dropped_.begin(), dropped_.end(),
                     [&](const Dropped& dropped) { return busy(*dropped.partition); }) ||
         std::any_of(partitions_.begin(), partitions_.end(),
                     [&](const auto& entry) { return busy(*entry.second); });
}

void TopicStore::GiveAll() {
  BuryDead(SIZE_MAX);  // their places are free for those that follow
  flushes_.ForEach([](Partition& partition) { partition.GiveAll(); });
}

Status TopicStore::Close() {
  Status flushed = OkStatus();
  flushes_.ForEach([&flushed](Partition& partition) {
    if (flushed.ok()) flushed = partition.FlushBlocking();
  });
  if (flushed.ok()) flushes_.Clear();
  return flushed;
}

Lsn TopicStore::DurableLsn() const {
  Lsn durable = shard_.commits().settled();
  for (const auto& [key, partition] : partitions_) {
    if (!partition->FullyGiven() || !partition->storage().durable()) {
      durable = std::min(durable, partition->durable_lsn());
    }
  }
  return durable;
}

TopicStats TopicStore::Stats() const {
  TopicStats stats = stats_;
  stats.topics = catalog_.topics().size();
  stats.groups = catalog_.groups().size();
  stats.partitions = partitions_.size();
  stats.cache_hits = cache_.statistics().hits;
  stats.cache_misses = cache_.statistics().misses;
  stats.cache_bytes = cache_.bytes();
  stats.unflushed_bytes = unflushed_bytes_;
  stats.waiting_fetches = waits_.count();
  if (const Status& error = failure_.ok() ? stall_ : failure_; !error.ok()) {
    stats.files_error = MessageOf(error);
  }
  for (const auto& [key, partition] : partitions_) stats.stored_bytes += partition->bytes();
  return stats;
}

}  // namespace flashdb
