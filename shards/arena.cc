#include "shards/arena.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <mutex>
#include <new>
#include <utility>

#include "base/check.h"

namespace flashdb {

// The address sanitizer has to see each block. The thread sanitizer sees more with arenas: a block
// that is freed by a thread which doesn't own it races for the arena's lists.
#if defined(__SANITIZE_ADDRESS__)
#define FLASHDB_ARENA_PASSES_THROUGH 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FLASHDB_ARENA_PASSES_THROUGH 1
#endif
#endif

#ifdef FLASHDB_ARENA_PASSES_THROUGH
constexpr bool kPassThrough = true;
#else
constexpr bool kPassThrough = false;
#endif

/// At the beginning of its own first page.
struct Arena::Chunk {
  Arena* arena;
  uint32_t unused_pages;  // a bit for each
  uint32_t place;         // in roomy_, if any page is unused
  std::array<Page, kPages> pages;

  uint8_t* base() { return reinterpret_cast<uint8_t*>(this); }
  Page& PageOf(const void* block) {
    return pages[static_cast<size_t>(static_cast<const uint8_t*>(block) - base()) / kPageBytes];
  }
  size_t IndexOf(const Page& page) const { return static_cast<size_t>(&page - pages.data()); }
};

namespace {

constexpr uint32_t kAllPages = ~uint32_t{0};
// So many pages last while the next chunk is prepared.
constexpr size_t kLowPages = 24;

// `advice` is for madvise(2), and only a hint: with whatever pages everything works.
void* MapAligned(size_t bytes, int advice) {
  void* memory =
      mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  FLASHDB_CHECK(memory != MAP_FAILED, "out of memory for {} more bytes of keys", bytes);
  auto start = reinterpret_cast<uintptr_t>(memory);
  uintptr_t aligned = (start + bytes - 1) / bytes * bytes;
  if (aligned > start) munmap(memory, aligned - start);
  munmap(reinterpret_cast<void*>(aligned + bytes), start + bytes - aligned);
  (void)madvise(reinterpret_cast<void*>(aligned), bytes, advice);
  return reinterpret_cast<void*>(aligned);
}

}  // namespace

/// A thread's arena, or what is left of it: if blocks are still in use when the thread ends, their
/// new owner frees them, and the arena stays to the end of the process.
struct ThreadArena {
  ThreadArena() : arena(new Arena()) {}
  ~ThreadArena() {
    static std::mutex mutex;
    static auto* orphans = new std::vector<Arena*>();
    if (arena->chunks_ == arena->empty_chunks_) {
      delete arena;
    } else {
      std::lock_guard lock(mutex);
      orphans->push_back(arena);
    }
  }
  Arena* arena;
};

Arena& Arena::OfThread() {
  constinit thread_local Arena* arena = nullptr;
  if (arena == nullptr) [[unlikely]] {
    thread_local ThreadArena mine;
    arena = mine.arena;
  }
  return *arena;
}

Arena::~Arena() {
  FLASHDB_CHECK(chunks_ == empty_chunks_, "an arena ends while its blocks are in use");
  for (Chunk* chunk : roomy_) UnmapChunk(chunk);
  if (spare_ != nullptr) UnmapChunk(spare_);
}

bool Arena::WantsSpare() {
  Arena& arena = OfThread();
  return arena.unused_pages_ <= kLowPages && arena.spare_ == nullptr;
}

double Arena::Shrunk() {
  return std::max(0.0, 1 - static_cast<double>(OfThread().unused_pages_) / kLowPages);
}

void* Arena::MapChunk() {
  void* chunk = MapAligned(kChunkBytes, MADV_HUGEPAGE);
  // One store for a huge page; where the kernel gives small ones, the others do the rest.
  for (size_t at = 0; at < kChunkBytes; at += 4096) static_cast<volatile uint8_t*>(chunk)[at] = 0;
  return chunk;
}

void Arena::AwaitSpares() { OfThread().awaits_spares_ = true; }

void Arena::UnmapChunk(void* chunk) { munmap(chunk, kChunkBytes); }

void Arena::GiveSpare(void* chunk) {
  Arena& arena = OfThread();
  FLASHDB_CHECK(arena.spare_ == nullptr, "an arena keeps one spare chunk");
  arena.spare_ = chunk;
}

Arena::Chunk* Arena::ChunkOf(const void* inside) {
  return reinterpret_cast<Chunk*>(reinterpret_cast<uintptr_t>(inside) & ~(kChunkBytes - 1));
}

size_t Arena::HeldBytes() { return OfThread().chunks_ * kChunkBytes; }

void* Arena::Allocate(size_t bytes) {
  size_t size = RoundUp(bytes);
  if (kPassThrough || size > kMaxBlock) return ::operator new(size);
  return OfThread().AllocateHere(size);
}

void Arena::Free(void* block, size_t bytes) {
  if (kPassThrough || bytes > kMaxBlock) return ::operator delete(block);
  Chunk& chunk = *ChunkOf(block);
  chunk.arena->FreeHere(chunk, block);
}

void* Arena::AllocateHere(size_t size) {
  Page* page = with_room_[size / 8];
  if (page == nullptr) page = &NewPage(size);
  ++page->used;
  void* block;
  if (page->free != nullptr) {
    block = page->free;
    page->free = page->free->next;
  } else {
    Chunk& chunk = *ChunkOf(page);
    block = chunk.base() + chunk.IndexOf(*page) * kPageBytes + page->fresh;
    page->fresh += static_cast<uint32_t>(size);
  }
  if (page->free == nullptr && page->fresh + size > kPageBytes) Unlink(*page);
  return block;
}

void Arena::FreeHere(Chunk& chunk, void* block) {
  Page& page = chunk.PageOf(block);
  FLASHDB_CHECK(page.used > 0, "a block of memory was freed twice");
  size_t size = size_t{page.size_class} * 8;
  bool was_full = page.free == nullptr && page.fresh + size > kPageBytes;
  page.free = new (block) FreeBlock{page.free};
  --page.used;
  if (was_full) Link(page);
  if (page.used == 0) ReleasePage(chunk, page);
}

void Arena::Link(Page& page) {
  Page*& first = with_room_[page.size_class];
  page.previous = nullptr;
  page.next = first;
  if (first != nullptr) first->previous = &page;
  first = &page;
}

void Arena::Unlink(Page& page) {
  (page.previous != nullptr ? page.previous->next : with_room_[page.size_class]) = page.next;
  if (page.next != nullptr) page.next->previous = page.previous;
}

Arena::Page& Arena::NewPage(size_t size) {
  Chunk& chunk = roomy_.empty() ? NewChunk() : *roomy_.back();
  if (chunk.unused_pages == kAllPages) --empty_chunks_;
  auto index = static_cast<size_t>(std::countr_zero(chunk.unused_pages));
  chunk.unused_pages &= chunk.unused_pages - 1;
  --unused_pages_;
  if (chunk.unused_pages == 0) roomy_.pop_back();
  Page& page = chunk.pages[index];
  constexpr uint32_t kHeader = (sizeof(Chunk) + 63) / 64 * 64;  // it lies in the first page
  page = {.fresh = index == 0 ? kHeader : 0, .size_class = static_cast<uint16_t>(size / 8)};
  Link(page);
  return page;
}

// Small pages are touched one by one, as they are used.
void* Arena::NewMemory() {
  if (spare_ != nullptr) return std::exchange(spare_, nullptr);
  return MapAligned(kChunkBytes, awaits_spares_ ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
}

Arena::Chunk& Arena::NewChunk() {
  void* memory = NewMemory();
  auto* chunk = new (memory) Chunk{
      .arena = this, .unused_pages = kAllPages, .place = static_cast<uint32_t>(roomy_.size())};
  roomy_.push_back(chunk);
  unused_pages_ += kPages;
  ++chunks_;
  ++empty_chunks_;
  return *chunk;
}

void Arena::ReleasePage(Chunk& chunk, Page& page) {
  Unlink(page);
  if (chunk.unused_pages == 0) {
    chunk.place = static_cast<uint32_t>(roomy_.size());
    roomy_.push_back(&chunk);
  }
  chunk.unused_pages |= uint32_t{1} << chunk.IndexOf(page);
  ++unused_pages_;
  if (chunk.unused_pages == kAllPages) ReleaseChunk(chunk);
}

// Keeps a few empty chunks: a workload that swings around a chunk's border must not call the kernel
// at every turn.
void Arena::ReleaseChunk(Chunk& chunk) {
  if (empty_chunks_ < kSpareChunks) {
    ++empty_chunks_;
    return;
  }
  roomy_.back()->place = chunk.place;
  roomy_[chunk.place] = roomy_.back();
  roomy_.pop_back();
  unused_pages_ -= kPages;
  --chunks_;
  UnmapChunk(&chunk);
}

}  // namespace flashdb
