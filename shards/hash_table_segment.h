// The building block of HashTable: one small open-addressing table of pointers.
//
// Layout of a segment, one heap block:
//   tags      16 bytes per group of 16 slots: 0..127 = low bits of the entry's hash, else free
//   counters  entries and tombstones
//   slots     one pointer each; the last group may have fewer than 16
// Groups are probed 16 tags at a time with SSE2, from the entry's home group onwards, to the first
// group that has a never-used slot (the scheme of abseil's "Swiss tables", with aligned groups).
//
// Bits of a hash: the top kMaxDepth choose the segment, the 32 above the low 7 the home group
// (scaled to the number of slots, which therefore is arbitrary), the low 7 are the tag.
#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/prefetch.h"

namespace flashdb::table {

using HashFunction = uint64_t (*)(const void* entry);

inline constexpr int kMaxDepth = 24;
inline constexpr int kGroupSlots = 16;

/// A size a segment can have: sizes are four per doubling, all of them sizes of the arena's, so
/// that what is counted is what is used.
struct SizeClass {
  uint64_t bytes = 0;
  uint32_t capacity = 0;  // slots
  uint32_t max_used = 0;  // entries and tombstones at most, before it must be rebuilt or split
};

/// Smallest size that the allocator rounds `bytes` up to.
constexpr uint64_t AllocatedBytes(uint64_t bytes) {
  if (bytes <= 128) return (bytes + 15) & ~uint64_t{15};
  uint64_t step = std::bit_floor(bytes - 1) / 4;
  return (bytes + step - 1) / step * step;
}

constexpr SizeClass MakeSizeClass(uint64_t bytes) {
  uint64_t slots = (bytes - 8) / 9;
  while ((slots + kGroupSlots - 1) / kGroupSlots * kGroupSlots + 8 + slots * 8 > bytes) --slots;
  // A few groups may be filled to the last slot; a miss then looks at all of them, in two cache
  // lines. Larger segments keep 1/40 free: the next group's tags are mostly in the same line.
  uint64_t spare = slots <= 112 ? 0 : slots / 40;
  return {bytes, static_cast<uint32_t>(slots), static_cast<uint32_t>(slots - spare)};
}

inline constexpr int kClassCount = 116;

/// Class 0 is "no memory at all".
inline constexpr std::array<SizeClass, kClassCount> kClasses = [] {
  std::array<SizeClass, kClassCount> classes{};
  uint64_t bytes = 32;
  for (int i = 1; i < kClassCount; ++i) {
    classes[i] = MakeSizeClass(bytes);
    bytes = AllocatedBytes(bytes + 1);
  }
  return classes;
}();

/// The smallest class that holds `entries`.
int ClassFor(uint64_t entries);

/// What a directory stores of a segment: its address, size class and depth (the number of top hash
/// bits that its entries share) in one word, so that a lookup knows all it needs of the segment
/// before touching it.
class Ref {
 public:
  static constexpr int kDirectoryClass = 0xFF;

  Ref() = default;
  Ref(void* address, int size_class, int depth);

  uint8_t* address() const { return reinterpret_cast<uint8_t*>(bits_ & kAddressMask); }
  int size_class() const { return static_cast<int>(bits_ >> 56); }
  int depth() const { return static_cast<int>(bits_ >> 48 & 0xFF); }
  bool is_directory() const { return size_class() == kDirectoryClass; }

 private:
  static constexpr uint64_t kAddressMask = (uint64_t{1} << 48) - 1;
  uint64_t bits_ = 0;
};

/// 16 tags.
class Group {
 public:
  static constexpr uint8_t kEmpty = 0x80;     // never used since the segment was built
  static constexpr uint8_t kDeleted = 0xFE;   // a tombstone
  static constexpr uint8_t kUnusable = 0xFF;  // beyond the last slot

  explicit Group(const uint8_t* tags)
      : tags_(_mm_load_si128(reinterpret_cast<const __m128i*>(tags))) {}

  uint32_t Match(uint8_t tag) const {
    return static_cast<uint32_t>(
        _mm_movemask_epi8(_mm_cmpeq_epi8(tags_, _mm_set1_epi8(static_cast<char>(tag)))));
  }
  uint32_t Empty() const { return Match(kEmpty); }
  uint32_t Full() const { return ~static_cast<uint32_t>(_mm_movemask_epi8(tags_)) & 0xFFFF; }
  /// Empty or deleted: what compares below kUnusable (-1) as signed bytes.
  uint32_t Free() const {
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpgt_epi8(_mm_set1_epi8(-1), tags_)));
  }

 private:
  __m128i tags_;
};

/// A view of a segment; copying copies the view. The entries are not owned.
class Segment {
 public:
  /// Scan positions: the home-group bits of a hash, scaled to 19 bits.
  static constexpr int kPositionBits = 19;
  static constexpr uint32_t kPositionEnd = 1u << kPositionBits;

  /// A new, empty segment; `size_class` 0 gives one without memory that takes no entry.
  static Ref New(int size_class, int depth);
  static void Free(Ref ref);

  explicit Segment(Ref ref)
      : tags_(ref.address()),
        capacity_(kClasses[ref.size_class()].capacity),
        max_used_(kClasses[ref.size_class()].max_used),
        groups_((capacity_ + kGroupSlots - 1) / kGroupSlots) {}

  uint32_t capacity() const { return capacity_; }
  uint32_t max_used() const { return max_used_; }
  uint32_t groups() const { return groups_; }
  uint32_t size() const { return tags_ == nullptr ? 0 : counters()->size; }
  uint32_t deleted() const { return tags_ == nullptr ? 0 : counters()->deleted; }

  bool IsFull(uint32_t slot) const { return tags_[slot] < 0x80; }
  void*& slot(uint32_t index) const { return slots()[index]; }

  /// The slot of the entry for which `eq` holds, or nullptr.
  template <class Eq>
  void** Find(uint64_t hash, Eq eq) const;
  /// False if there is no room; the segment must then be rebuilt, grown or split.
  bool TryInsert(uint64_t hash, void* entry) const;
  /// Empties a slot that Find returned.
  void EraseSlot(void** slot) const;
  /// Starts loading the tags that Find will read first; touches nothing itself.
  void PrefetchTags(uint64_t hash) const;
  /// Starts loading the pointers that Find will read, or TryInsert will write, first; touches what
  /// PrefetchTags loads.
  void PrefetchPlaces(uint64_t hash) const;
  /// Starts loading `bytes` of the entries that Find will compare first; touches what
  /// PrefetchPlaces loads.
  void PrefetchCandidates(uint64_t hash, size_t bytes) const;

  template <class F>
  void ForEach(F f) const;
  /// Calls `f` for the entries with positions in [from, to); returns how many.
  template <class F>
  uint64_t ForRange(uint32_t from, uint32_t to, HashFunction hash, F f) const;
  /// Removes up to `max` entries, handing each to `dispose`; returns how many.
  template <class F>
  size_t Pop(size_t max, F dispose) const;
  /// The first entry at or after `group`, cyclically; the segment must not be empty.
  void* FirstFrom(uint32_t group) const;

 private:
  struct Counters {
    uint32_t size;
    uint32_t deleted;
  };

  static uint32_t Middle(uint64_t hash) { return static_cast<uint32_t>(hash >> 7); }
  static uint32_t Position(uint64_t hash) { return Middle(hash) >> (32 - kPositionBits); }
  static uint8_t Tag(uint64_t hash) { return hash & 0x7F; }

  Counters* counters() const {
    return reinterpret_cast<Counters*>(tags_ + size_t{groups_} * kGroupSlots);
  }
  void** slots() const { return reinterpret_cast<void**>(counters() + 1); }
  Group group(uint32_t index) const { return Group(tags_ + size_t{index} * kGroupSlots); }
  uint32_t HomeGroup(uint32_t middle) const {
    return static_cast<uint32_t>(uint64_t{middle} * capacity_ >> 32) / kGroupSlots;
  }
  uint32_t Next(uint32_t group) const { return group + 1 == groups_ ? 0 : group + 1; }
  void Put(uint32_t slot, uint64_t hash, void* entry) const;
  void PrefetchEntries(uint32_t group) const;

  uint8_t* tags_;
  uint32_t capacity_;
  uint32_t max_used_;
  uint32_t groups_;
};

template <class Eq>
inline void** Segment::Find(uint64_t hash, Eq eq) const {
  uint32_t at = HomeGroup(Middle(hash));
  for (uint32_t left = groups_; left > 0; --left, at = Next(at)) {
    Group tags = group(at);
    for (uint32_t mask = tags.Match(Tag(hash)); mask != 0; mask &= mask - 1) {
      void** found = slots() + size_t{at} * kGroupSlots + std::countr_zero(mask);
      if (eq(*found)) [[likely]]
        return found;
    }
    if (tags.Empty() != 0) [[likely]]
      return nullptr;
  }
  return nullptr;
}

inline void Segment::PrefetchTags(uint64_t hash) const {
  if (tags_ == nullptr) return;
  PrefetchLine(tags_ + size_t{HomeGroup(Middle(hash))} * kGroupSlots);
}

inline void Segment::PrefetchPlaces(uint64_t hash) const {
  if (tags_ == nullptr) return;
  const uint32_t home = HomeGroup(Middle(hash));
  const Group tags = group(home);
  uint32_t mask = tags.Match(Tag(hash));
  if (mask == 0) mask = tags.Free();
  if (mask == 0) return;
  PrefetchLine(slots() + size_t{home} * kGroupSlots + std::countr_zero(mask));
}

inline void Segment::PrefetchCandidates(uint64_t hash, size_t bytes) const {
  if (tags_ == nullptr) return;
  uint32_t home = HomeGroup(Middle(hash));
  for (uint32_t mask = group(home).Match(Tag(hash)); mask != 0; mask &= mask - 1) {
    auto* entry =
        static_cast<const char*>(slots()[size_t{home} * kGroupSlots + std::countr_zero(mask)]);
    PrefetchLine(entry);
    PrefetchLine(entry + bytes - 1);
  }
}

inline void Segment::PrefetchEntries(uint32_t at) const {
  for (uint32_t mask = group(at).Full(); mask != 0; mask &= mask - 1) {
    PrefetchLine(slots()[size_t{at} * kGroupSlots + std::countr_zero(mask)]);
  }
}

template <class F>
void Segment::ForEach(F f) const {
  constexpr uint32_t kAhead = 4;  // groups; enough to have a memory access under way at any time
  for (uint32_t at = 0; at < groups_ + kAhead; ++at) {
    if (at < groups_) PrefetchEntries(at);
    if (at < kAhead) continue;
    uint32_t current = at - kAhead;
    for (uint32_t mask = group(current).Full(); mask != 0; mask &= mask - 1) {
      f(slots()[size_t{current} * kGroupSlots + std::countr_zero(mask)]);
    }
  }
}

template <class F>
uint64_t Segment::ForRange(uint32_t from, uint32_t to, HashFunction hash, F f) const {
  constexpr int kShift = 32 - kPositionBits;
  uint32_t first = HomeGroup(from << kShift);
  uint32_t last = HomeGroup((to << kShift) - 1);
  uint64_t visited = 0;
  for (uint32_t walked = 0, at = first; walked < groups_; ++walked, at = Next(at)) {
    PrefetchEntries(at);
    for (uint32_t mask = group(at).Full(); mask != 0; mask &= mask - 1) {
      void* entry = slots()[size_t{at} * kGroupSlots + std::countr_zero(mask)];
      uint32_t position = Position(hash(entry));
      if (position < from || position >= to) continue;
      ++visited;
      f(entry);
    }
    // An entry is never beyond the first group with an empty slot at or after its home.
    if (first + walked >= last && group(at).Empty() != 0) break;
  }
  return visited;
}

template <class F>
size_t Segment::Pop(size_t max, F dispose) const {
  size_t popped = 0;
  for (uint32_t at = 0; at < groups_ && popped < max; ++at) {
    for (uint32_t mask = group(at).Full(); mask != 0 && popped < max; mask &= mask - 1) {
      void** slot = slots() + size_t{at} * kGroupSlots + std::countr_zero(mask);
      void* entry = *slot;
      EraseSlot(slot);
      dispose(entry);
      ++popped;
    }
  }
  return popped;
}

}  // namespace flashdb::table
