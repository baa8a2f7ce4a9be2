// Fetching: from memory in one visit to the owner; what only the files have is read there by a
// coroutine. A long poll registers with the owners and comes back when one of them wakes it.
#include <algorithm>

#include "topics/topic_visit.h"

namespace flashdb {
namespace {

// Where to begin in a partition: at `offset`, at a time, or where a group is.
struct Begin {
  std::optional<Offset> offset;
  std::optional<UnixMillis> time;
  GroupId group = 0;
};

struct Step {
  Status status;
  bool in_storage = false;  // the owner has to read on in its files
  FetchedPart part;
};

class Fetcher {
 public:
  Fetcher(const Topic& topic, const FetchQuery& query, Gates& gates)
      : topic_(topic), query_(query), gates_(gates) {}

  Status Prepare() {
    if (query_.max_records == 0 || query_.max_records > kMaxFetchRecords) {
      return absl::InvalidArgumentError(
          fmt::format("max_records {}; it may be 1 to {}", query_.max_records, kMaxFetchRecords));
    }
    if (query_.max_bytes == 0 || query_.max_bytes > kMaxFetchBytes) {
      return absl::InvalidArgumentError(
          fmt::format("max_bytes {}; it may be 1 to {}", query_.max_bytes, kMaxFetchBytes));
    }
    if (query_.partition.value_or(0) >= topic_.config.partitions) {
      return absl::InvalidArgumentError(fmt::format("topic '{}' has no partition {}; it has {}",
                                                    topic_.name, *query_.partition,
                                                    topic_.config.partitions));
    }
    if (query_.offset.has_value() && !query_.partition && topic_.config.partitions > 1) {
      return absl::InvalidArgumentError(fmt::format(
          "an offset needs a partition: topic '{}' has {}", topic_.name, topic_.config.partitions));
    }
    Begin begin{.offset = query_.offset, .time = query_.from_time};
    if (query_.group.has_value() && !begin.offset && !begin.time) {
      const Group* group = TopicStore::Here().catalog().FindGroup(*query_.group);
      if (group != nullptr) begin.group = group->id;
    }
    for (PartitionNumber p = 0; p < topic_.config.partitions; ++p) {
      if (Wanted(p)) begins_.emplace_back(p, begin);
    }
    return OkStatus();
  }

  Task<StatusOr<std::vector<FetchedPart>>> Execute() {
    const uint64_t deadline = Shard::Current().clock().MonotonicNanos() +
                              std::min(query_.wait_ms, kMaxFetchWaitMillis) * 1'000'000;
    for (;;) {
      Status status = co_await FetchAll();
      if (!status.ok()) co_return status;
      if (query_.wait_ms == 0 || HasEnough() || Ended() ||
          Shard::Current().clock().MonotonicNanos() >= deadline) {
        break;
      }
      co_await WaitForMore(deadline);
    }
    std::sort(parts_.begin(), parts_.end(),
              [](const auto& a, const auto& b) { return a.partition < b.partition; });
    co_return std::move(parts_);
  }

 private:
  uint64_t MinBytes() const { return std::min(query_.min_bytes, query_.max_bytes); }

  // Records that are there, but are not in the answer, did not fit: nothing more will.
  bool HasEnough() const {
    const bool full = std::any_of(parts_.begin(), parts_.end(), [](const FetchedPart& part) {
      return part.next_offset < part.high_watermark;
    });
    return bytes_ >= MinBytes() || count_ >= query_.max_records || (full && count_ > 0);
  }

  // What the next partition may add.
  ReadLimits Limits() const {
    const uint64_t bytes = query_.max_bytes - bytes_;
    const uint64_t missing = MinBytes() - std::min(MinBytes(), bytes_);
    return {.records = query_.max_records - count_,
            .bytes = bytes,
            .enough = query_.wait_ms == 0 ? bytes / 2 : std::max(bytes / 2, missing)};
  }

  bool Ended() const {
    return TopicStore::Here().waits().ended() ||
           (query_.cancel != nullptr && query_.cancel->cancelled);
  }

  bool Wanted(PartitionNumber partition) const {
    if (query_.partition.has_value()) return partition == *query_.partition;
    return query_.only.empty() ||
           std::find(query_.only.begin(), query_.only.end(), partition) != query_.only.end();
  }

  // Begins with another partition each time, so that none is left out for ever.
  Task<Status> FetchAll() {
    parts_.clear();
    bytes_ = 0;
    count_ = 0;
    const size_t first = begins_.empty() ? 0 : round_++ % begins_.size();
    for (size_t i = 0; i < begins_.size(); ++i) {
      auto& [partition, begin] = begins_[(first + i) % begins_.size()];
      StatusOr<FetchedPart> part = co_await FetchPart(partition, begin);
      if (!part.ok()) co_return part.status();
      begin = {.offset = part->count > 0 ? begin.offset : part->next_offset};
      if (part->count > 0 && !begin.offset) begin.offset = part->frames.First().offset;
      bytes_ += part->frames.bytes();
      count_ += part->count;
      parts_.push_back(std::move(*part));
      if (count_ >= query_.max_records || bytes_ >= query_.max_bytes) break;
    }
    co_return OkStatus();
  }

  Task<StatusOr<FetchedPart>> FetchPart(PartitionNumber partition, Begin begin) {
    const SlotId slot = topic_.SlotOfPartition(partition);
    const ShardId owner = OwnerOf(slot, ShardCount());
    if (begin.time.has_value()) {
      StatusOr<Offset> offset = co_await OffsetAt(partition, *begin.time);
      if (!offset.ok()) co_return offset.status();
      begin = {.offset = *offset};
    }
    auto read = [this, partition, begin](TopicStore& store) {
      return ReadThere(store, partition, begin);
    };
    Step step;
    const SlotId slots[] = {slot};
    auto visit = VisitUnlocked(slots, false, 0, read);
    auto visited = co_await visit;
    if (visited.has_value()) {
      if (visited->gate != 0) gates_.push_back({owner, visited->gate});
      step = std::move(visited->result);
    } else {
      step = co_await ReadInTransaction(slot, read);
    }
    if (!step.status.ok()) co_return step.status;
    if (step.in_storage) co_return co_await ReadStorage(owner, std::move(step.part));
    co_return std::move(step.part);
  }

  template <typename Read>
  Task<Step> ReadInTransaction(SlotId slot, Read read) {
    Transaction transaction(false);
    transaction.AddSlot(slot);
    co_await transaction.Lock(0);
    auto there = [&read](Keyspace&) { return read(TopicStore::Here()); };
    Step step = co_await transaction.At(slot, there);
    co_await transaction.Finish();
    gates_.insert(gates_.end(), transaction.gates().begin(), transaction.gates().end());
    co_return step;
  }

  // On the owner.
  Step ReadThere(TopicStore& store, PartitionNumber number, const Begin& begin) const {
    Partition* partition = store.Find(topic_, number);
    if (partition == nullptr) return {.status = Deleted()};
    Offset from = begin.offset.value_or(0);
    const PartitionCommit* commit = partition->FindCommit(begin.group);
    if (begin.group != 0 && commit != nullptr) from = commit->offset;
    if (from > partition->end()) {
      return {.status = absl::OutOfRangeError(fmt::format(
                  "offset {} is above the high watermark {} of partition {} of topic '{}'", from,
                  partition->end(), number, topic_.name))};
    }
    Step step;
    step.in_storage =
        !store.ReadFromMemory(*partition, std::max(from, partition->start()), Limits(), step.part);
    return step;
  }

  Status Deleted() const {
    return absl::NotFoundError(fmt::format("topic '{}' was deleted just now", topic_.name));
  }

  Task<StatusOr<FetchedPart>> ReadStorage(ShardId owner, FetchedPart begun) {
    auto there = [this, &begun]() { return ReadStorageThere(std::move(begun)); };
    if (owner == CurrentShardId()) co_return co_await there();
    auto remote = TaskOn(owner, there);
    co_return co_await remote;
  }

  // On the owner.
  Task<StatusOr<FetchedPart>> ReadStorageThere(FetchedPart begun) const {
    TopicStore& store = TopicStore::Here();
    Partition* partition = store.Find(topic_, begun.partition);
    (void)store.shard().keys().TakeGate();  // the visit before has noted it
    if (partition == nullptr) co_return Deleted();
    co_return co_await store.ReadFromStorage(*partition, std::move(begun), Limits());
  }

 public:
  // The first offset at or after `time`, for FetchPart and FindOffsetOfTime.
  Task<StatusOr<Offset>> OffsetAt(PartitionNumber number, UnixMillis time) {
    const SlotId slot = topic_.SlotOfPartition(number);
    auto there = [this, number, time]() { return OffsetAtThere(number, time); };
    // Whoever reads from that offset on takes the gate; a wait for locks comes before this.
    Transaction transaction(false);
    transaction.AddSlot(slot);
    co_await transaction.Lock(0);
    auto note = [slot](Keyspace& keys) {
      keys.NoteSlot(slot);
      return 0;
    };
    co_await transaction.At(slot, note);
    const ShardId owner = OwnerOf(slot, ShardCount());
    auto remote = TaskOn(owner, there);
    StatusOr<Offset> offset = co_await remote;
    co_await transaction.Finish();
    gates_.insert(gates_.end(), transaction.gates().begin(), transaction.gates().end());
    co_return offset;
  }

 private:
  Task<StatusOr<Offset>> OffsetAtThere(PartitionNumber number, UnixMillis time) const {
    TopicStore& store = TopicStore::Here();
    Partition* partition = store.Find(topic_, number);
    (void)store.shard().keys().TakeGate();
    if (partition == nullptr) co_return Deleted();
    co_return co_await store.OffsetOfTime(*partition, time);
  }

  // Ends when one of the partitions has a record that was not fetched, or at the deadline.
  Task<void> WaitForMore(uint64_t deadline) {
    OneShotEvent woken;
    ClientWaits& waits = TopicStore::Here().waits();
    const ClientWait wait{CurrentShardId(), waits.Begin(woken, deadline)};
    if (query_.cancel != nullptr) query_.cancel->token = wait.token;
    for (const FetchedPart& part : parts_) {
      const PartitionNumber number = part.partition;
      const Offset seen = part.high_watermark;
      auto enlist = [this, number, seen, wait] { return EnlistThere(number, seen, wait); };
      auto call = On(OwnerOf(topic_.SlotOfPartition(number), ShardCount()), enlist);
      if (!co_await call) waits.Wake(wait.token);
    }
    co_await woken;
    if (query_.cancel != nullptr) query_.cancel->token = 0;
    waits.Forget(wait.token);
    for (const FetchedPart& part : parts_) {
      const PartitionNumber number = part.partition;
      auto strike = [this, number, wait] { return StrikeThere(number, wait); };
      auto call = On(OwnerOf(topic_.SlotOfPartition(number), ShardCount()), strike);
      co_await call;
    }
  }

  // On the owner: false if there is news already.
  bool EnlistThere(PartitionNumber number, Offset seen, const ClientWait& wait) const {
    TopicStore& store = TopicStore::Here();
    Partition* partition = store.Find(topic_, number);
    (void)store.shard().keys().TakeGate();  // nothing is told yet
    if (partition == nullptr || partition->end() > seen) return false;
    partition->waits().push_back(wait);
    return true;
  }

  int StrikeThere(PartitionNumber number, const ClientWait& wait) const {
    TopicStore& store = TopicStore::Here();
    Partition* partition = store.Find(topic_, number);
    (void)store.shard().keys().TakeGate();
    if (partition == nullptr) return 0;
    std::erase_if(partition->waits(), [&](const ClientWait& other) {
      return other.home == wait.home && other.token == wait.token;
    });
    return 0;
  }

  const Topic topic_;
  const FetchQuery& query_;
  Gates& gates_;
  std::vector<std::pair<PartitionNumber, Begin>> begins_;
  std::vector<FetchedPart> parts_;
  uint64_t bytes_ = 0;
  uint32_t count_ = 0;
  size_t round_ = 0;
};

}  // namespace

Task<StatusOr<std::vector<FetchedPart>>> FetchRecords(FetchQuery query, Gates& gates) {
  StatusOr<Topic> topic = co_await FindTopic(query.topic, gates);
  if (!topic.ok()) co_return topic.status();
  Fetcher fetcher(*topic, query, gates);
  if (Status prepared = fetcher.Prepare(); !prepared.ok()) co_return prepared;
  co_return co_await fetcher.Execute();
}

Task<StatusOr<Offset>> FindOffsetOfTime(std::string topic, PartitionNumber partition,
                                        UnixMillis time, Gates& gates) {
  StatusOr<Topic> found = co_await FindTopic(topic, gates);
  if (!found.ok()) co_return found.status();
  FetchQuery query{.topic = topic, .partition = partition};
  Fetcher fetcher(*found, query, gates);
  if (Status prepared = fetcher.Prepare(); !prepared.ok()) co_return prepared;
  co_return co_await fetcher.OffsetAt(partition, time);
}

void CancelFetch(FetchCancel& cancel) {
  cancel.cancelled = true;
  if (cancel.token != 0) TopicStore::Here().waits().Wake(cancel.token);
}

void EndClientWaits() { TopicStore::Here().waits().EndAll(); }

TopicStats StatsOfTopics() { return TopicStore::Here().Stats(); }

}  // namespace flashdb
