// The mutators of topics, and reading from memory.
#include "topics/topic_store.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "topics/memory_storage.h"

namespace flashdb {

TopicStore::TopicStore(Shard& shard, FileSystem& files, TopicOptions options)
    : shard_(shard),
      keys_(shard.keys()),
      options_(std::move(options)),
      segment_files_(files, {.directory = options_.directory,
                             .segment_bytes = options_.segment_bytes,
                             .direct_bytes = options_.direct_bytes,
                             .write_bytes = options_.write_bytes,
                             .max_open_files = options_.max_open_files}),
      cache_(options_.cache_bytes),
      groups_(catalog_) {
  keys_.set_tenant(this);
}

TopicStore::~TopicStore() {
  keys_.set_tenant(nullptr);
  CountBehind(false);  // whoever still waits for room is not told: no shard runs here any more
}

TopicStore& TopicStore::Here() {
  Tenant* tenant = Shard::Current().keys().tenant();
  FLASHDB_CHECK(tenant != nullptr, "this shard has no topics");
  return static_cast<TopicStore&>(*tenant);
}

// ---- The catalog -------------------------------------------------------------------------------

const Topic& TopicStore::PutTopic(Topic topic) {
  const uint64_t version = catalog_.version() + 1;
  if (topic.id == 0) topic.id = version;
  if (std::string* log = keys_.BeginTenantEffectOnAll(EffectOp::kTopicPut)) {
    PutVarint(*log, version);
    EncodeTopic(*log, topic);
  }
  const Topic& put = catalog_.PutTopic(version, std::move(topic));
  Status added = AddPartitions(put, FilesOf::kNewTopic);
  FLASHDB_CHECK(added.ok(), "{}", MessageOf(added));  // there was nothing to open
  return put;
}

void TopicStore::RemoveTopic(TopicId id) {
  const uint64_t version = catalog_.version() + 1;
  if (std::string* log = keys_.BeginTenantEffectOnAll(EffectOp::kTopicRemove)) {
    PutVarint(*log, version);
    PutVarint(*log, id);
  }
  const Topic* topic = catalog_.TopicById(id);
  for (PartitionNumber p = 0; topic != nullptr && p < topic->config.partitions; ++p) {
    auto found = partitions_.find({id, p});
    if (found == partitions_.end()) continue;
    DropPartition(std::move(found->second));
    partitions_.erase(found);
  }
  catalog_.RemoveTopic(version, id);
}

const Group& TopicStore::PutGroup(Group group) {
  const uint64_t version = catalog_.version() + 1;
  if (group.id == 0) group.id = version;
  if (std::string* log = keys_.BeginTenantEffectOnAll(EffectOp::kGroupPut)) {
    PutVarint(*log, version);
    PutVarint(*log, group.id);
    PutBytes(*log, group.name);
    PutSigned(*log, group.created_at);
  }
  return catalog_.PutGroup(version, std::move(group));
}

void TopicStore::RemoveGroup(GroupId id) {
  const uint64_t version = catalog_.version() + 1;
  if (std::string* log = keys_.BeginTenantEffectOnAll(EffectOp::kGroupRemove)) {
    PutVarint(*log, version);
    PutVarint(*log, id);
  }
  for (auto& [key, partition] : partitions_) partition->ForgetGroup(id);
  groups_.Forget(id);
  catalog_.RemoveGroup(version, id);
}

// ---- Partitions come and go --------------------------------------------------------------------

// A topic that is new (or has grown) while clients are served has nothing on disk to open.
StatusOr<std::unique_ptr<PartitionStorage>> TopicStore::NewStorage(const Topic& topic,
                                                                   PartitionNumber number,
                                                                   FilesOf files) {
  if (topic.config.storage == StorageKind::kMemory) return std::make_unique<MemoryStorage>();
  auto storage = std::make_unique<FileStorage>(segment_files_, topic.name, topic.id, number);
  if (files == FilesOf::kRecovery) {
    FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> notes, storage->Open());
    for (const std::string& note : notes) spdlog::warn("recovery: {}", note);
  }
  return storage;
}

Status TopicStore::AddPartitions(const Topic& topic, FilesOf files) {
  for (PartitionNumber p = 0; p < topic.config.partitions; ++p) {
    const SlotId slot = topic.SlotOfPartition(p);
    if (!keys_.Owns(slot)) continue;
    std::unique_ptr<Partition>& place = partitions_[{topic.id, p}];
    if (place == nullptr) {
      FLASHDB_ASSIGN_OR_RETURN(auto storage, NewStorage(topic, p, files));
      place = std::make_unique<Partition>(topic.id, p, slot, std::move(storage));
    }
    place->cache_records = topic.config.cache_records;
  }
  return OkStatus();
}

void TopicStore::DropPartition(std::unique_ptr<Partition> partition) {
  cache_.Drop(partition->cache_handle());
  unflushed_bytes_ -= partition->tail_bytes();
  unmarked_bytes_ -= partition->unmarked_bytes();
  stored_in_memory_ -= partition->storage().MemoryBytes();
  flushes_.Remove(*partition);
  WakeWaits(*partition);
  dropped_.push_back({.partition = std::move(partition)});
}

Partition* TopicStore::Find(TopicId topic, PartitionNumber number) {
  auto found = partitions_.find({topic, number});
  if (found == partitions_.end()) return nullptr;
  keys_.NoteSlot(found->second->slot());
  return found->second.get();
}

// Each round waits for the memory once, for all of them.
void TopicStore::Prefetch(std::span<const PartitionKey> partitions) const {
  constexpr size_t kMost = 64;
  std::array<const Partition*, kMost> found;
  size_t count = 0;
  for (const PartitionKey& key : partitions) partitions_.prefetch(key);
  for (const PartitionKey& key : partitions.first(std::min(partitions.size(), kMost))) {
    auto at = partitions_.find(key);
    if (at == partitions_.end()) continue;
    at->second->PrefetchSelf();
    found[count++] = at->second.get();
  }
  for (size_t i = 0; i < count; ++i) found[i]->PrefetchTail();
  for (size_t i = 0; i < count; ++i) found[i]->PrefetchEnd();
}

// ---- Records -----------------------------------------------------------------------------------

StatusOr<bool> TopicStore::IsRepeated(const ProducerBatch* last, size_t records,
                                      const ProducerStamp& stamp) {
  if (last == nullptr || stamp.sequence > last->sequence) return false;
  if (stamp.sequence < last->sequence) {
    return absl::FailedPreconditionError(
        fmt::format("sequence {} of producer '{}' is older than its last one, {}: that batch was "
                    "appended or given up before",
                    stamp.sequence, stamp.producer_id, last->sequence));
  }
  if (records != last->count) {
    return absl::FailedPreconditionError(fmt::format(
        "sequence {} of producer '{}' had {} records before and has {} now; give a new batch a "
        "new sequence",
        stamp.sequence, stamp.producer_id, last->count, records));
  }
  return true;
}

StatusOr<AppendedPart> TopicStore::Append(Partition& partition,
                                          std::span<const RecordInput* const> records,
                                          const ProducerStamp* stamp) {
  if (stamp != nullptr) {
    const ProducerBatch* last = partition.FindProducer(stamp->producer_id);
    FLASHDB_ASSIGN_OR_RETURN(bool repeated, IsRepeated(last, records.size(), *stamp));
    if (repeated) {
      return AppendedPart{.partition = partition.number(),
                          .offset = last->first,
                          .last_offset = last->first + last->count - 1,
                          .count = last->count,
                          .timestamp = last->timestamp,
                          .duplicate = true};
    }
  }
  AppendedPart part{.partition = partition.number(),
                    .offset = partition.end(),
                    .last_offset = partition.end() + records.size() - 1,
                    .count = static_cast<uint32_t>(records.size()),
                    .timestamp = partition.NextTimestamp(keys_.now())};
  std::string& log = *keys_.BeginTenantEffect(EffectOp::kTopicAppend, partition.slot());
  PutVarint(log, partition.topic());
  PutVarint(log, partition.number());
  PutBytes(log, stamp == nullptr ? std::string_view() : stamp->producer_id);
  PutVarint(log, stamp == nullptr ? 0 : stamp->sequence);
  PutVarint(log, records.size());
  for (const RecordInput* record : records) {
    const size_t begin = log.size();
    AppendFrame(log, partition.end(), part.timestamp, *record);
    const std::string_view frame = std::string_view(log).substr(begin);
    AppendToTail(partition, frame, part.timestamp);
    stats_.bytes_appended += frame.size();
  }
  if (stamp != nullptr) {
    partition.NoteProducer(stamp->producer_id,
                           {stamp->sequence, part.offset, part.count, part.timestamp});
  }
  stats_.records_appended += part.count;
  NoteBehind();
  WakeWaits(partition);
  return part;
}

void TopicStore::AppendToTail(Partition& partition, std::string_view frame, UnixMillis timestamp) {
  partition.Append(frame, timestamp);
  unflushed_bytes_ += frame.size();
  unmarked_bytes_ += frame.size();
  if (partition.flush_place.stage == FlushPlace::kNowhere) {
    flushes_.Add(partition, shard_.clock().MonotonicNanos());
  }
  if (partition.unmarked_bytes() >= kFlushBytes) flushes_.Begin(partition);
}

Status TopicStore::CheckCommit(const Partition& partition, const OffsetCommit& commit, Offset end) {
  if (commit.offset <= end) return OkStatus();
  return absl::OutOfRangeError(
      fmt::format("offset {} is above the high watermark {} of partition {}; commit at most that",
                  commit.offset, end, partition.number()));
}

Status TopicStore::Commit(Partition& partition, const Group& group, const OffsetCommit& commit) {
  FLASHDB_RETURN_IF_ERROR(CheckCommit(partition, commit, partition.end()));
  PartitionCommit kept{.offset = commit.offset, .at = keys_.now(), .metadata = commit.metadata};
  std::string& log = *keys_.BeginTenantEffect(EffectOp::kTopicCommit, partition.slot());
  PutVarint(log, partition.topic());
  PutVarint(log, partition.number());
  PutVarint(log, group.id);
  PutVarint(log, kept.offset);
  PutSigned(log, kept.at);
  PutBytes(log, kept.metadata);
  partition.PutCommit(group.id, std::move(kept));
  return OkStatus();
}

void TopicStore::WakeWaits(Partition& partition) {
  if (!partition.waits().empty()) WakeAll(partition.waits());
}

void TopicStore::WakeAll(std::vector<ClientWait>& waits) {
  std::vector<ClientWait> woken;
  woken.swap(waits);
  for (const ClientWait& wait : woken) {
    SendMail(wait.home,
             {.deliver = [](Shard&,
                            const Envelope& mail) { TopicStore::Here().waits().Wake(mail.value); },
              .value = wait.token});
  }
}

// ---- Reading -----------------------------------------------------------------------------------

namespace {

// Takes records from part.next_offset on as long as the limits of the answer allow; false if they
// are reached. None beyond the high watermark that the answer tells: files that are being read may
// have got more. A block that grows is copied: the answer is read by the client's shard.
bool TakeFrom(BlockRef from, bool grows, const ReadLimits& limits, FetchedPart& part) {
  const RecordBlock& block = *from;
  const size_t first = block.IndexOf(part.next_offset);
  const bool all = block.end() <= part.high_watermark;
  const size_t end = all ? block.count() : block.IndexOf(part.high_watermark);
  size_t last = first;
  uint64_t bytes = part.frames.bytes();
  bool room = true;
  while (last < end) {
    const size_t size = block.Frames(last, last + 1).size();
    room = part.count < limits.records && (part.count == 0 || bytes + size <= limits.bytes);
    if (!room) break;
    bytes += size;
    ++part.count;
    ++last;
  }
  part.next_offset = last < end ? block.OffsetAt(last) : std::min(block.end(), part.high_watermark);
  const std::string_view frames = block.Frames(first, last);
  if (grows) {
    part.frames.Copy(frames);
  } else if (!frames.empty()) {
    part.frames.Share(std::move(from), frames);
  }
  return room;
}

// A client that reads a long way would otherwise get scraps whenever the cache has a few records.
bool WorthReplying(const FetchedPart& part, const ReadLimits& limits) {
  return part.count >= limits.records || (part.count > 0 && part.frames.bytes() >= limits.enough);
}

// How much to ask the storage for at once. It is copied, and few records are not worth much.
size_t StepBytes(const PartitionStorage& storage, const FetchedPart& part,
                 const ReadLimits& limits) {
  constexpr uint64_t kLeast = 64u << 10;
  constexpr uint64_t kMost = 1u << 20;
  const uint64_t average = storage.bytes() / std::max<uint64_t>(storage.record_count(), 1);
  const uint64_t records = limits.records - part.count;
  const uint64_t left = limits.bytes - std::min(limits.bytes, part.frames.bytes());
  return std::min(left, std::clamp(2 * records * average, kLeast, kMost));
}

}  // namespace

bool TopicStore::ReadFromMemory(Partition& partition, Offset from, const ReadLimits& limits,
                                FetchedPart& part) {
  part.partition = partition.number();
  part.start = partition.start();
  part.high_watermark = partition.end();
  part.next_offset = from;
  const bool in_memory = TakeFromMemory(partition, limits, part);
  stats_.records_fetched += part.count;
  stats_.bytes_fetched += part.frames.bytes();
  return in_memory;
}

bool TopicStore::TakeFromMemory(Partition& partition, const ReadLimits& limits, FetchedPart& part) {
  bool room = true;
  while (room && part.next_offset < part.high_watermark) {
    if (part.next_offset >= partition.tail_start()) {
      BlockRef block = partition.TailBlock(part.next_offset);
      const bool grows = partition.TailGrows(*block);
      room = TakeFrom(std::move(block), grows, limits, part);
      continue;
    }
    BlockRef block = cache_.Find(partition.cache_handle(), part.next_offset);
    if (block == nullptr) return WorthReplying(part, limits);
    room = TakeFrom(std::move(block), false, limits, part);
  }
  return true;
}

Task<StatusOr<FetchedPart>> TopicStore::ReadFromStorage(Partition& partition, FetchedPart part,
                                                        ReadLimits limits) {
  const uint32_t count_before = part.count;
  const uint64_t bytes_before = part.frames.bytes();
  PartitionStorage& storage = partition.storage();
  bool done = false;
  while (!done && part.next_offset < std::min(part.high_watermark, storage.readable_end())) {
    StatusOr<BlockRef> block =
        co_await storage.Read(part.next_offset, StepBytes(storage, part, limits));
    if (!block.ok() && part.count > 0) break;  // the next fetch says it
    if (!block.ok()) co_return block.status();
    cache_.Insert(partition.cache_handle(), *block, partition.cache_records);
    const bool room = TakeFrom(*std::move(block), false, limits, part);
    done = !room || TakeFromMemory(partition, limits, part);
  }
  stats_.records_fetched += part.count - count_before;
  stats_.bytes_fetched += part.frames.bytes() - bytes_before;
  co_return part;
}

// Times never fall, so the storage is asked unless all that it has is too old.
Task<StatusOr<Offset>> TopicStore::OffsetOfTime(Partition& partition, UnixMillis time) {
  if (partition.storage().readable_end() > partition.start()) {
    StatusOr<Offset> found = co_await partition.storage().OffsetOfTime(time);
    if (!found.ok() || *found < partition.tail_start()) co_return found;
  }
  Offset at = partition.tail_start();
  while (BlockRef block = partition.TailBlock(at)) {
    if (block->last_timestamp() >= time) {
      size_t i = block->IndexOf(at);
      while (i < block->count() && block->TimestampAt(i) < time) ++i;
      if (i < block->count()) co_return block->OffsetAt(i);
    }
    at = block->end();
  }
  co_return partition.end();
}

}  // namespace flashdb
