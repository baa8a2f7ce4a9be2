#include "shards/hash_table_core.h"

#include <vector>

#include "shards/arena.h"

namespace flashdb::table {

namespace {

/// Two buddies with this many entries together become one; far enough below a split's halves that
/// no sequence of inserts and erases splits and merges at every turn.
constexpr uint32_t kMergeEntries = kSplitEntries / 4;

/// A directory gets at most one place per this many entries. Well spread hashes need one per 150
/// or more; hashes with a common prefix must not make it explode.
constexpr uint64_t kEntriesPerPlace = 64;

constexpr int kRandomTries = 64;

uint64_t DirectoryBytes(int depth) {
  return AllocatedBytes(sizeof(Directory) + (sizeof(Ref) << depth));
}

Directory* NewDirectory(int depth) {
  return static_cast<Directory*>(Arena::Allocate(DirectoryBytes(depth)));
}

/// The class of a new segment: the next insert must not have to move everything again.
int ClassForGrowing(uint64_t entries) {
  return entries == 0 ? 0 : ClassFor(entries + 1 + entries / 16);
}

void MoveAll(Segment from, Segment to, HashFunction hash_of) {
  from.ForEach([&](void* entry) { to.TryInsert(hash_of(entry), entry); });
}

}  // namespace

uint64_t Core::MemoryBytes() const {
  return root_.is_directory() ? directory()->bytes : kClasses[root_.size_class()].bytes;
}

void Core::InsertSlowly(uint64_t hash, void* entry, HashFunction hash_of) {
  do {
    MakeRoom(hash, hash_of);
  } while (!SegmentOf(hash).TryInsert(hash, entry));
}

void Core::MakeRoom(uint64_t hash, HashFunction hash_of) {
  Ref ref = RefOf(hash);
  Segment segment(ref);
  bool crowded = segment.size() + segment.size() / 8 >= segment.max_used();
  if (!crowded) {
    Rebuild(hash, ref.size_class(), hash_of);  // only to be rid of tombstones
  } else if (ref.size_class() >= kSplitClass && CanSplit(ref)) {
    Split(hash, hash_of);
  } else {
    Rebuild(hash, ref.size_class() + 1, hash_of);
  }
}

bool Core::CanSplit(Ref ref) const {
  if (ref.depth() == kMaxDepth) return false;
  return ref.depth() < directory_depth() ||
         uint64_t{2} << directory_depth() <= size() / kEntriesPerPlace;
}

void Core::Split(uint64_t hash, HashFunction hash_of) {
  struct Item {
    uint64_t hash;
    void* entry;
  };
  Ref old = RefOf(hash);
  if (old.depth() == directory_depth()) ResizeDirectory(old.depth() + 1);
  std::vector<Item> items;
  items.reserve(Segment(old).size());
  Segment(old).ForEach([&](void* entry) { items.push_back({hash_of(entry), entry}); });

  uint64_t bit = uint64_t{1} << (63 - old.depth());
  auto high = std::count_if(items.begin(), items.end(), [&](Item i) { return i.hash & bit; });
  auto total = static_cast<uint64_t>(items.size());
  Ref low_ref = NewSegment(ClassForGrowing(total - static_cast<uint64_t>(high)), old.depth() + 1);
  Ref high_ref = NewSegment(ClassForGrowing(static_cast<uint64_t>(high)), old.depth() + 1);
  for (Item i : items) Segment(i.hash & bit ? high_ref : low_ref).TryInsert(i.hash, i.entry);

  --directory()->segments_at[old.depth()];
  directory()->segments_at[old.depth() + 1] += 2;
  SetRefs(hash & ~bit, low_ref);
  SetRefs(hash | bit, high_ref);
  FreeSegment(old);
}

void Core::Rebuild(uint64_t hash, int size_class, HashFunction hash_of) {
  Ref old = RefOf(hash);
  Ref fresh = NewSegment(size_class, old.depth());
  MoveAll(Segment(old), Segment(fresh), hash_of);
  SetRefs(hash, fresh);
  FreeSegment(old);
}

void Core::Erase(uint64_t hash, void** slot, HashFunction hash_of) {
  Ref ref = RefOf(hash);
  Segment segment(ref);
  segment.EraseSlot(slot);
  if (root_.is_directory()) --directory()->size;
  if (size() == 0) return Clear();

  if (segment.size() == 0) {
    Rebuild(hash, 0, hash_of);
  } else if (ref.size_class() > 3 && segment.size() < kClasses[ref.size_class() - 3].max_used) {
    Rebuild(hash, ClassFor(segment.size()) + 1, hash_of);  // with room for a few inserts
  }
  while (MergeWithBuddy(hash, hash_of)) TrimDirectory();
}

bool Core::MergeWithBuddy(uint64_t hash, HashFunction hash_of) {
  Ref ref = RefOf(hash);
  if (ref.depth() == 0 || Segment(ref).size() > kMergeEntries) return false;
  Ref buddy = RefOf(hash ^ uint64_t{1} << (64 - ref.depth()));
  uint32_t entries = Segment(ref).size() + Segment(buddy).size();
  if (buddy.depth() != ref.depth() || entries > kMergeEntries) return false;

  Ref merged = NewSegment(ClassForGrowing(entries), ref.depth() - 1);
  MoveAll(Segment(ref), Segment(merged), hash_of);
  MoveAll(Segment(buddy), Segment(merged), hash_of);
  directory()->segments_at[ref.depth()] -= 2;
  ++directory()->segments_at[ref.depth() - 1];
  SetRefs(hash, merged);
  FreeSegment(ref);
  FreeSegment(buddy);
  return true;
}

Ref Core::NewSegment(int size_class, int depth) {
  if (root_.is_directory()) directory()->bytes += kClasses[size_class].bytes;
  return Segment::New(size_class, depth);
}

void Core::FreeSegment(Ref ref) {
  if (root_.is_directory()) directory()->bytes -= kClasses[ref.size_class()].bytes;
  Segment::Free(ref);
}

void Core::SetRefs(uint64_t hash, Ref ref) {
  if (!root_.is_directory()) {
    root_ = ref;
    return;
  }
  uint64_t places = uint64_t{1} << (root_.depth() - ref.depth());
  uint64_t first = IndexOf(hash) & ~(places - 1);
  std::fill_n(directory()->refs() + first, places, ref);
}

void Core::ResizeDirectory(int depth) {
  Directory* fresh = NewDirectory(depth);
  if (root_.is_directory()) {
    *fresh = *directory();
    fresh->bytes += DirectoryBytes(depth) - DirectoryBytes(root_.depth());
  } else {
    *fresh = {.size = size(),
              .bytes = DirectoryBytes(depth) + MemoryBytes(),
              .drain_from = 0,
              .segments_at = {1}};
  }
  for (uint64_t i = 0; i < uint64_t{1} << depth; ++i) {
    fresh->refs()[i] = RefOf(i << 1 << (63 - depth));
  }
  FreeDirectory();
  root_ = Ref(fresh, Ref::kDirectoryClass, depth);
}

/// Gives back what no segment is deep enough to need.
void Core::TrimDirectory() {
  int depth = root_.depth();
  while (depth > 0 && directory()->segments_at[depth] == 0) --depth;
  if (depth == root_.depth()) return;
  if (depth > 0) return ResizeDirectory(depth);
  Ref only = directory()->refs()[0];
  FreeDirectory();
  root_ = only;
}

void Core::FreeDirectory() {
  if (root_.is_directory()) Arena::Free(directory(), DirectoryBytes(root_.depth()));
}

void Core::Clear() {
  ForEachSegment([](Ref ref) { Segment::Free(ref); });
  FreeDirectory();
  root_ = Ref();
}

void* Core::RandomEntry(Random& random) const {
  if (size() == 0) return nullptr;
  uint64_t places = uint64_t{1} << directory_depth();
  auto at = [&](uint64_t index) {
    return root_.is_directory() ? directory()->refs()[index] : root_;
  };
  // A segment is met as often as it has places, so it is accepted the more rarely: every slot of
  // every segment has the same chance.
  for (int i = 0; i < kRandomTries; ++i) {
    Ref ref = at(random.Below(places));
    Segment segment(ref);
    uint64_t bound = root_.is_directory()
                         ? uint64_t{kClasses[kSplitClass].capacity} << (root_.depth() - ref.depth())
                         : segment.capacity();
    uint64_t slot = random.Below(bound);
    if (slot < segment.capacity() && segment.IsFull(static_cast<uint32_t>(slot))) {
      return segment.slot(static_cast<uint32_t>(slot));
    }
  }
  uint64_t index = random.Below(places);
  while (Segment(at(index)).size() == 0) index = (index + 1) % places;
  Segment segment(at(index));
  return segment.FirstFrom(static_cast<uint32_t>(random.Below(segment.groups())));
}

Core::ScanPoint Core::DecodeCursor(uint64_t cursor) {
  uint64_t depth = cursor >> (kMaxDepth + Segment::kPositionBits) & 31;
  uint64_t prefix = cursor >> Segment::kPositionBits & ((1u << kMaxDepth) - 1);
  uint64_t position = cursor & (Segment::kPositionEnd - 1);
  return {static_cast<uint32_t>(depth), static_cast<uint32_t>(prefix),
          static_cast<uint32_t>(position)};
}

uint64_t Core::EncodeCursor(ScanPoint point) {
  return (uint64_t{point.depth} << kMaxDepth | point.prefix) << Segment::kPositionBits |
         point.position;
}

/// `point` lies in a segment of `depth`. If that was merged since, it is scanned from its
/// beginning; if it was split, its first part from the position, and the others from theirs.
void Core::AlignTo(int depth, ScanPoint& point) {
  if (static_cast<uint32_t>(depth) < point.depth) point.position = 0;
  point.depth = static_cast<uint32_t>(depth);
  point.prefix &= ~((1u << (kMaxDepth - depth)) - 1);
}

/// The end of a range from `from` in which about `wanted` of a segment's `size` entries lie.
uint32_t Core::RangeEnd(uint32_t from, uint64_t wanted, uint32_t size) {
  if (wanted >= size) return Segment::kPositionEnd;
  auto step = static_cast<uint32_t>(std::max<uint64_t>(wanted * Segment::kPositionEnd / size, 1));
  return std::min(from + step, Segment::kPositionEnd);
}

uint64_t Core::NextToDrain() {
  if (!root_.is_directory()) return 0;
  uint64_t places = uint64_t{1} << root_.depth();
  uint64_t index = directory()->drain_from % places;
  while (Segment(directory()->refs()[index]).size() == 0) index = (index + 1) % places;
  directory()->drain_from = static_cast<uint32_t>(index);
  return index << 1 << (63 - root_.depth());
}

void Core::AfterDrain(uint64_t hash, size_t removed) {
  if (root_.is_directory()) directory()->size -= removed;
  if (size() == 0) return Clear();
  Ref ref = RefOf(hash);
  if (Segment(ref).size() > 0) return;
  FreeSegment(ref);
  SetRefs(hash, Ref(nullptr, 0, ref.depth()));
}

}  // namespace flashdb::table
