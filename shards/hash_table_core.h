// The untyped part of HashTable: extendible hashing over segments, and all that moves entries.
// See hash_table.h for what it promises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/prefetch.h"
#include "base/random.h"
#include "shards/hash_table_segment.h"

namespace flashdb::table {

/// Segments of this class split in two instead of growing (567 slots).
inline constexpr int kSplitClass = [] {
  int size_class = 1;
  while (kClasses[size_class].bytes < 5120) ++size_class;
  return size_class;
}();
inline constexpr uint32_t kSplitEntries = kClasses[kSplitClass].max_used;

/// The header of a directory: 2^depth refs follow it. A segment of depth d appears in
/// 2^(depth-d) neighbouring places.
struct Directory {
  uint64_t size;   // entries
  uint64_t bytes;  // heap bytes, this block included
  uint32_t drain_from;
  uint32_t segments_at[kMaxDepth + 1];  // segments of each depth, those without memory included

  Ref* refs() { return reinterpret_cast<Ref*>(this + 1); }
};

class Core {
 public:
  Core() = default;
  ~Core() { Clear(); }
  Core(Core&& other) noexcept : root_(std::exchange(other.root_, Ref())) {}
  Core& operator=(Core&& other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }

  uint64_t size() const { return root_.is_directory() ? directory()->size : Segment(root_).size(); }
  uint64_t MemoryBytes() const;
  Segment SegmentOf(uint64_t hash) const { return Segment(RefOf(hash)); }
  void PrefetchDirectory(uint64_t hash) const {
    if (root_.is_directory()) PrefetchLine(directory()->refs() + IndexOf(hash));
  }

  void Insert(uint64_t hash, void* entry, HashFunction hash_of) {
    if (!SegmentOf(hash).TryInsert(hash, entry)) [[unlikely]] {
      InsertSlowly(hash, entry, hash_of);
    }
    if (root_.is_directory()) ++directory()->size;
  }
  /// `slot` is what Find returned for `hash`.
  void Erase(uint64_t hash, void** slot, HashFunction hash_of);
  void Clear();
  void* RandomEntry(Random& random) const;

  template <class F>
  void ForEachSegment(F f) const;
  template <class F>
  uint64_t Scan(uint64_t cursor, uint64_t count, HashFunction hash_of, F f) const;
  template <class F>
  bool Drain(size_t max_entries, F dispose);

 private:
  /// Where a scan goes on. All entries whose top kMaxDepth bits are below `prefix` are done, and of
  /// those that share its first `depth` bits, the ones with positions below `position`.
  struct ScanPoint {
    uint32_t depth;
    uint32_t prefix;
    uint32_t position;
  };

  Directory* directory() const { return reinterpret_cast<Directory*>(root_.address()); }
  int directory_depth() const { return root_.is_directory() ? root_.depth() : 0; }
  uint64_t IndexOf(uint64_t hash) const { return hash >> 1 >> (63 - root_.depth()); }
  Ref RefOf(uint64_t hash) const {
    return root_.is_directory() ? directory()->refs()[IndexOf(hash)] : root_;
  }

  void InsertSlowly(uint64_t hash, void* entry, HashFunction hash_of);
  void MakeRoom(uint64_t hash, HashFunction hash_of);
  bool CanSplit(Ref ref) const;
  void Split(uint64_t hash, HashFunction hash_of);
  void Rebuild(uint64_t hash, int size_class, HashFunction hash_of);
  bool MergeWithBuddy(uint64_t hash, HashFunction hash_of);

  Ref NewSegment(int size_class, int depth);
  void FreeSegment(Ref ref);
  void SetRefs(uint64_t hash, Ref ref);
  void ResizeDirectory(int depth);
  void TrimDirectory();
  void FreeDirectory();

  static ScanPoint DecodeCursor(uint64_t cursor);
  static uint64_t EncodeCursor(ScanPoint point);
  static void AlignTo(int depth, ScanPoint& point);
  static uint32_t RangeEnd(uint32_t from, uint64_t wanted, uint32_t size);
  /// A hash within the next segment that has entries; the table must not be empty.
  uint64_t NextToDrain();
  void AfterDrain(uint64_t hash, size_t removed);

  Ref root_;  // the only segment, or the directory
};

template <class F>
void Core::ForEachSegment(F f) const {
  if (!root_.is_directory()) return f(root_);
  for (uint64_t i = 0, end = uint64_t{1} << root_.depth(); i < end;) {
    Ref ref = directory()->refs()[i];
    i += uint64_t{1} << (root_.depth() - ref.depth());
    f(ref);
  }
}

template <class F>
uint64_t Core::Scan(uint64_t cursor, uint64_t count, HashFunction hash_of, F f) const {
  ScanPoint point = DecodeCursor(cursor);
  uint64_t left = std::max<uint64_t>(count, 1);
  while (left > 0) {
    Ref ref = RefOf(uint64_t{point.prefix} << (64 - kMaxDepth));
    AlignTo(ref.depth(), point);
    Segment segment(ref);
    uint32_t end = RangeEnd(point.position, left, segment.size());
    uint64_t visited = segment.ForRange(point.position, end, hash_of, f);
    // A step counts even if it finds nothing, which bounds the work.
    left -= std::min(left, std::max<uint64_t>(visited, 1));
    point.position = end % Segment::kPositionEnd;
    if (point.position == 0) point.prefix += 1u << (kMaxDepth - ref.depth());
    if (point.prefix >> kMaxDepth != 0) return 0;
  }
  return EncodeCursor(point);
}

template <class F>
bool Core::Drain(size_t max_entries, F dispose) {
  while (max_entries > 0 && size() > 0) {
    uint64_t hash = NextToDrain();
    size_t removed = SegmentOf(hash).Pop(max_entries, dispose);
    AfterDrain(hash, removed);
    max_entries -= removed;
  }
  return size() == 0;
}

}  // namespace flashdb::table
