#include "shards/hash_table_segment.h"

#include <cstring>

#include "base/check.h"
#include "shards/arena.h"

namespace flashdb::table {

int ClassFor(uint64_t entries) {
  auto holds = [](const SizeClass& c, uint64_t n) { return c.max_used < n; };
  auto found = std::lower_bound(kClasses.begin(), kClasses.end(), entries, holds);
  FLASHDB_CHECK(found != kClasses.end(), "a hash table segment of {} entries", entries);
  return static_cast<int>(found - kClasses.begin());
}

Ref::Ref(void* address, int size_class, int depth)
    : bits_(reinterpret_cast<uint64_t>(address) | static_cast<uint64_t>(depth) << 48 |
            static_cast<uint64_t>(size_class) << 56) {
  FLASHDB_CHECK(reinterpret_cast<uint64_t>(address) <= kAddressMask,
                "the allocator returned an address of more than 48 bits: {}", address);
}

Ref Segment::New(int size_class, int depth) {
  if (size_class == 0) return Ref(nullptr, 0, depth);
  FLASHDB_CHECK(size_class < kClassCount, "a hash table segment grew beyond all size classes");
  Ref ref(Arena::Allocate(kClasses[size_class].bytes), size_class, depth);
  Segment segment(ref);
  size_t tag_bytes = size_t{segment.groups_} * kGroupSlots;
  std::memset(segment.tags_, Group::kEmpty, segment.capacity_);
  std::memset(segment.tags_ + segment.capacity_, Group::kUnusable, tag_bytes - segment.capacity_);
  *segment.counters() = {0, 0};
  return ref;
}

void Segment::Free(Ref ref) {
  if (ref.address() == nullptr) return;
  Arena::Free(ref.address(), kClasses[ref.size_class()].bytes);
}

void Segment::Put(uint32_t slot, uint64_t hash, void* entry) const {
  tags_[slot] = Tag(hash);
  slots()[slot] = entry;
  ++counters()->size;
}

bool Segment::TryInsert(uint64_t hash, void* entry) const {
  uint32_t at = HomeGroup(Middle(hash));
  for (uint32_t left = groups_; left > 0; --left, at = Next(at)) {
    uint32_t mask = group(at).Free();
    if (mask == 0) continue;
    uint32_t slot = at * kGroupSlots + static_cast<uint32_t>(std::countr_zero(mask));
    if (tags_[slot] == Group::kDeleted) {
      --counters()->deleted;
    } else if (counters()->size + counters()->deleted >= max_used_) {
      return false;
    }
    Put(slot, hash, entry);
    return true;
  }
  return false;
}

void Segment::EraseSlot(void** slot) const {
  auto index = static_cast<uint32_t>(slot - slots());
  // A search that passes through this group ends in it if it has an empty slot; then one more
  // changes nothing. Otherwise what lies behind must stay reachable.
  bool ends_here = groups_ == 1 || group(index / kGroupSlots).Empty() != 0;
  tags_[index] = ends_here ? Group::kEmpty : Group::kDeleted;
  if (!ends_here) ++counters()->deleted;
  --counters()->size;
}

void* Segment::FirstFrom(uint32_t at) const {
  while (group(at).Full() == 0) at = Next(at);
  return slots()[size_t{at} * kGroupSlots + std::countr_zero(group(at).Full())];
}

}  // namespace flashdb::table
