// Replay: the catalog, appends and commits come back from the log. What the topics' files have
// already is passed over.
//
// Several logs may be replayed one after the other (after a change of the number of shards). Each
// of them has every change of the catalog, numbered: known ones are passed over. Records and
// commits of topics that a log does not know (any more) belong to deleted ones.
#include <algorithm>

#include "base/check.h"
#include "topics/topic_store.h"

namespace flashdb {
namespace {

constexpr uint64_t kReplayedInMemory = uint64_t{16} << 20;

Status Unknown(EffectOp op) {
  return absl::DataLossError(fmt::format(
      "effect number {} of topics: this version does not know it", static_cast<int>(op)));
}

}  // namespace

Status TopicStore::Apply(EffectOp op, Decoder& in, Lsn) {
  switch (op) {
    case EffectOp::kTopicPut:
      return ApplyTopicPut(in);
    case EffectOp::kTopicRemove:
    case EffectOp::kGroupRemove: {
      const uint64_t version = in.Varint();
      const uint64_t id = in.Varint();
      if (!in.ok() || version <= catalog_.version()) return OkStatus();
      op == EffectOp::kTopicRemove ? RemoveTopic(id) : RemoveGroup(id);
      return BuryReplayed();
    }
    case EffectOp::kGroupPut: {
      const uint64_t version = in.Varint();
      Group group{.id = in.Varint(), .name = std::string(in.Bytes()), .created_at = in.Signed()};
      if (in.ok() && version > catalog_.version()) PutGroup(std::move(group));
      return OkStatus();
    }
    case EffectOp::kTopicAppend:
      return ApplyAppend(in);
    case EffectOp::kTopicCommit:
      return ApplyCommit(in);
    case EffectOp::kTopicTrim:
      return ApplyTrim(in);
    default:
      return Unknown(op);
  }
}

Status TopicStore::ApplyTopicPut(Decoder& in) {
  const uint64_t version = in.Varint();
  FLASHDB_ASSIGN_OR_RETURN(Topic topic, DecodeTopic(in));
  if (!in.ok() || version <= catalog_.version()) return OkStatus();
  if (version != catalog_.version() + 1) {
    return absl::DataLossError(fmt::format("change {} of the topics' catalog follows change {}",
                                           version, catalog_.version()));
  }
  return AddPartitions(catalog_.PutTopic(version, std::move(topic)), FilesOf::kRecovery);
}

// Nullptr if the record does not concern this shard, or a topic that has been deleted since.
Partition* TopicStore::PartitionToReplay(const Topic* topic, uint64_t number) const {
  if (topic == nullptr || number >= topic->config.partitions) return nullptr;
  const auto partition = static_cast<PartitionNumber>(number);
  if (!keys_.ReplaysSlot(topic->SlotOfPartition(partition))) return nullptr;
  return partitions_.at({topic->id, partition}).get();
}

Status TopicStore::ApplyAppend(Decoder& in) {
  const Topic* topic = catalog_.TopicById(in.Varint());
  const uint64_t number = in.Varint();
  const std::string_view producer = in.Bytes();
  ProducerBatch batch{.sequence = in.Varint()};
  const uint64_t count = in.Varint();
  Partition* partition = PartitionToReplay(topic, number);
  FLASHDB_RETURN_IF_ERROR(ApplyFrames(partition, topic, count, in, batch));
  if (partition != nullptr && !producer.empty()) partition->NoteProducer(producer, batch);
  return unflushed_bytes_ > kReplayedInMemory ? FlushReplayed() : OkStatus();
}

Status TopicStore::ApplyFrames(Partition* partition, const Topic* topic, uint64_t count,
                               Decoder& in, ProducerBatch& batch) {
  for (uint64_t i = 0; i < count && in.ok(); ++i) {
    RecordView record;
    size_t size = 0;
    if (ReadFrame(in.rest(), &record, &size) != FrameState::kWhole) {
      return absl::DataLossError("a topic's record is damaged or cut short");
    }
    const std::string_view frame = in.Raw(size);
    if (i == 0) batch.first = record.offset;
    batch.timestamp = record.timestamp;
    if (partition == nullptr) continue;
    partition->NoteTimestamp(record.timestamp);
    if (record.offset < partition->end()) continue;
    if (record.offset > partition->end()) {
      return absl::DataLossError(fmt::format(
          "partition {} of topic '{}': its files end at offset {} and the log goes on at {}; the "
          "records between them are missing. Restore {}/{}/{} from a backup",
          partition->number(), topic->name, partition->end(), record.offset, options_.directory,
          topic->name, partition->number()));
    }
    AppendToTail(*partition, frame, record.timestamp);
  }
  batch.count = static_cast<uint32_t>(count);
  return OkStatus();
}

Status TopicStore::ApplyCommit(Decoder& in) {
  const Topic* topic = catalog_.TopicById(in.Varint());
  Partition* partition = PartitionToReplay(topic, in.Varint());
  const Group* group = catalog_.GroupById(in.Varint());
  PartitionCommit commit{
      .offset = in.Varint(), .at = in.Signed(), .metadata = std::string(in.Bytes())};
  if (in.ok() && partition != nullptr && group != nullptr) {
    partition->PutCommit(group->id, std::move(commit));
  }
  return OkStatus();
}

Status TopicStore::ApplyTrim(Decoder& in) {
  const Topic* topic = catalog_.TopicById(in.Varint());
  Partition* partition = PartitionToReplay(topic, in.Varint());
  const Offset start = in.Varint();
  if (in.ok() && partition != nullptr) {
    CountStored(*partition, [&] { partition->TrimTo(start); });
  }
  return OkStatus();
}

// All that is replayed is settled, and no client waits: the files may as well have it now.
Status TopicStore::FlushReplayed() {
  Status flushed = OkStatus();
  flushes_.ForEach([&](Partition& partition) {
    if (!flushed.ok()) return;
    CountStored(partition, [&] { flushed = partition.FlushBlocking(); });
  });
  FLASHDB_RETURN_IF_ERROR(flushed);
  flushes_.Clear();
  unflushed_bytes_ = unmarked_bytes_ = 0;
  return OkStatus();
}

// What is replayed is settled. The files go before the log may tell of a new topic of that name,
// whose files have the same place.
Status TopicStore::BuryReplayed() {
  Status buried = OkStatus();
  for (Dropped& dropped : dropped_) {
    PartitionStorage& storage = dropped.partition->storage();
    while (storage.Drop()) {
    }
    FLASHDB_CHECK(!storage.busy(), "a partition is dropped in the background of the replay");
    buried.Update(storage.failure());
  }
  dropped_.clear();
  return buried;
}

Status TopicStore::Prepare() { return segment_files_.Prepare(); }

Status TopicStore::FinishRecovery(AsyncFiles& async) {
  FLASHDB_RETURN_IF_ERROR(FlushReplayed());
  segment_files_.Attach(async);
  return OkStatus();
}

Status TopicStore::RemoveLeftovers() {
  return FileStorage::RemoveStrays(
      segment_files_, [this](std::string_view name, PartitionNumber partition) {
        const Topic* topic = catalog_.FindTopic(name);
        return topic != nullptr && topic->config.storage == StorageKind::kFile &&
               partition < topic->config.partitions;
      });
}

}  // namespace flashdb
