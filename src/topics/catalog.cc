#include "topics/catalog.h"

#include "base/check.h"
#include "base/numbers.h"
#include "base/slots.h"

namespace flashdb {

std::string_view NameOf(StorageKind kind) {
  return kind == StorageKind::kMemory ? "memory" : "file";
}

std::string_view NameOf(Cleanup cleanup) {
  switch (cleanup) {
    case Cleanup::kDelete:
      return "delete";
    case Cleanup::kCompact:
      return "compact";
    case Cleanup::kBoth:
      return "both";
  }
  return "unknown";
}

std::optional<StorageKind> ParseStorageKind(std::string_view text) {
  for (StorageKind kind : {StorageKind::kMemory, StorageKind::kFile}) {
    if (EqualsIgnoreCase(text, NameOf(kind))) return kind;
  }
  return std::nullopt;
}

std::optional<Cleanup> ParseCleanup(std::string_view text) {
  for (Cleanup cleanup : {Cleanup::kDelete, Cleanup::kCompact, Cleanup::kBoth}) {
    if (EqualsIgnoreCase(text, NameOf(cleanup))) return cleanup;
  }
  return std::nullopt;
}

// ---- Places ------------------------------------------------------------------------------------

SlotId Topic::SlotOfPartition(PartitionNumber partition) const {
  // Steps of the golden ratio: any few of them in a row lie far apart on the circle of slots.
  constexpr uint64_t kStep = 10125;  // 0.618 * 16384, odd
  return static_cast<SlotId>((SlotOf(name) + partition * kStep) % kSlotCount);
}

PartitionNumber Topic::PartitionOf(std::string_view key) const {
  // Not HashBytes, whose seed is random: this one is for ever.
  return static_cast<PartitionNumber>(XXH3_64bits(key.data(), key.size()) % config.partitions);
}

// ---- The catalog -------------------------------------------------------------------------------

namespace {

template <typename Map, typename Entry>
Entry& PutEntry(Map& by_name, absl::flat_hash_map<uint64_t, Entry*>& by_id, Entry entry) {
  auto found = by_id.find(entry.id);
  if (found != by_id.end()) {
    *found->second = std::move(entry);
    return *found->second;
  }
  std::unique_ptr<Entry>& place = by_name[entry.name];
  FLASHDB_CHECK(place == nullptr, "{} is in the catalog already", entry.name);
  place = std::make_unique<Entry>(std::move(entry));
  by_id[place->id] = place.get();
  return *place;
}

template <typename Map, typename Entry>
void RemoveEntry(Map& by_name, absl::flat_hash_map<uint64_t, Entry*>& by_id, uint64_t id) {
  auto found = by_id.find(id);
  if (found == by_id.end()) return;
  const std::string name = found->second->name;
  by_id.erase(found);
  by_name.erase(name);
}

template <typename Map>
auto FindEntry(const Map& map, std::string_view name) {
  auto found = map.find(name);
  return found == map.end() ? nullptr : found->second.get();
}

template <typename Entry>
Entry* FindById(const absl::flat_hash_map<uint64_t, Entry*>& map, uint64_t id) {
  auto found = map.find(id);
  return found == map.end() ? nullptr : found->second;
}

}  // namespace

const Topic* Catalog::FindTopic(std::string_view name) const { return FindEntry(topics_, name); }
const Topic* Catalog::TopicById(TopicId id) const { return FindById(topics_by_id_, id); }
const Group* Catalog::FindGroup(std::string_view name) const { return FindEntry(groups_, name); }
const Group* Catalog::GroupById(GroupId id) const { return FindById(groups_by_id_, id); }

const Topic& Catalog::PutTopic(uint64_t version, Topic topic) {
  version_ = version;
  return PutEntry(topics_, topics_by_id_, std::move(topic));
}

void Catalog::RemoveTopic(uint64_t version, TopicId id) {
  version_ = version;
  RemoveEntry(topics_, topics_by_id_, id);
}

const Group& Catalog::PutGroup(uint64_t version, Group group) {
  version_ = version;
  return PutEntry(groups_, groups_by_id_, std::move(group));
}

void Catalog::RemoveGroup(uint64_t version, GroupId id) {
  version_ = version;
  RemoveEntry(groups_, groups_by_id_, id);
}

// ---- In the log --------------------------------------------------------------------------------

void EncodeTopic(std::string& out, const Topic& topic) {
  PutVarint(out, topic.id);
  PutBytes(out, topic.name);
  PutSigned(out, topic.created_at);
  PutVarint(out, topic.config.partitions);
  PutByte(out, static_cast<uint8_t>(topic.config.storage));
  PutByte(out, static_cast<uint8_t>(topic.config.cleanup));
  PutVarint(out, topic.config.retention.max_bytes);
  PutVarint(out, topic.config.retention.max_age_ms);
  PutVarint(out, topic.config.cache_records);
}

StatusOr<Topic> DecodeTopic(Decoder& in) {
  Topic topic;
  topic.id = in.Varint();
  topic.name = in.Bytes();
  topic.created_at = in.Signed();
  const uint64_t partitions = in.Varint();
  const uint8_t storage = in.Byte();
  const uint8_t cleanup = in.Byte();
  topic.config.retention.max_bytes = in.Varint();
  topic.config.retention.max_age_ms = in.Varint();
  topic.config.cache_records = static_cast<uint32_t>(in.Varint());
  if (!in.ok()) return topic;
  if (partitions == 0 || partitions > kMaxPartitions || storage > 1 || cleanup < 1 || cleanup > 3) {
    return absl::DataLossError(
        fmt::format("topic '{}' has {} partitions, storage {} and cleanup {}", topic.name,
                    partitions, storage, cleanup));
  }
  topic.config.partitions = static_cast<PartitionNumber>(partitions);
  topic.config.storage = static_cast<StorageKind>(storage);
  topic.config.cleanup = static_cast<Cleanup>(cleanup);
  return topic;
}

}  // namespace flashdb
