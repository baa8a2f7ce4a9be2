// The memory of a shard's keys: small blocks in sizes eight bytes apart, cut from 2 MiB chunks.
//
// Why not the general allocator: its sizes are 16 bytes apart and more, which costs 8 bytes on an
// average key; and a hash table's accesses are spread over all memory, so that chunks which the
// kernel can back with huge pages save a TLB miss on most of them.
//
// A chunk is cut into pages of 64 KiB, a page into blocks of one size (a slab: Bonwick 1994). An
// empty page serves any size again; empty chunks go back to the kernel but for a few. Blocks larger
// than kMaxBlock come from the general allocator.
//
// Each thread has an arena of its own, made at first use; a block may be freed by another thread
// only once its owner has ended. With the address sanitizer all blocks come from the general
// allocator, so that it sees what is used after its end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flashdb {

class Arena {
 public:
  static constexpr size_t kMaxBlock = 8192;

  /// What a block of `bytes` takes up; the same for all sizes of one class.
  static constexpr size_t RoundUp(size_t bytes) {
    if (bytes > kMaxBlock) return (bytes + 15) & ~size_t{15};
    const size_t step = StepOf(bytes);  // a power of two
    return bytes < kSmallest ? kSmallest : (bytes + step - 1) & ~(step - 1);
  }

  /// A block of at least `bytes`, aligned to 8 (to 16 from 512 bytes on, where sizes are multiples
  /// of 16). From the calling thread's arena.
  static void* Allocate(size_t bytes);
  /// Frees what Allocate(bytes) returned; any size of the same class will do.
  static void Free(void* block, size_t bytes);

  /// Bytes that the calling thread's arena holds from the kernel.
  static size_t HeldBytes();

  /// Whether the calling thread's arena has less than three quarters of a chunk left, and no spare
  /// one.
  static bool WantsSpare();
  /// How much of that room is used by now: 0 to 1.
  static double Shrunk();
  /// New memory for a chunk, already touched, in whatever time that takes. Any thread.
  static void* MapChunk();
  static void UnmapChunk(void* chunk);
  /// From now on somebody gives the calling thread's arena its spare chunks, because the thread
  /// must not stop for the first touch of a huge page. A chunk for which none is ready in time gets
  /// small pages.
  static void AwaitSpares();
  /// Hands such memory to the calling thread's arena, for its next chunk. Only while it has none.
  static void GiveSpare(void* chunk);

  Arena() = default;
  /// Every block must have been freed.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

 private:
  static constexpr size_t kSmallest = 16;
  static constexpr size_t kChunkBytes = size_t{2} << 20;
  static constexpr size_t kPageBytes = size_t{64} << 10;
  static constexpr size_t kPages = kChunkBytes / kPageBytes;
  static constexpr size_t kSpareChunks = 2;
  static constexpr size_t kClassCount = kMaxBlock / 8 + 1;  // most are unused

  struct Chunk;
  struct FreeBlock {
    FreeBlock* next;
  };
  /// A page with blocks of one size. It is in its class's list while it has room.
  struct Page {
    FreeBlock* free;      // freed blocks
    uint32_t fresh;       // offset of the first block never handed out
    uint16_t used;        // blocks handed out
    uint16_t size_class;  // block size / 8; 0: the page serves no size
    Page* next;
    Page* previous;
  };

  static constexpr size_t StepOf(size_t bytes) {
    if (bytes <= 512) return 8;
    return bytes <= 1024 ? 16 : (bytes <= 2048 ? 32 : 128);
  }
  friend struct ThreadArena;
  static Arena& OfThread();
  static Chunk* ChunkOf(const void* inside);

  void* AllocateHere(size_t size);
  void FreeHere(Chunk& chunk, void* block);
  Page& NewPage(size_t size);
  void* NewMemory();
  Chunk& NewChunk();
  void ReleasePage(Chunk& chunk, Page& page);
  void ReleaseChunk(Chunk& chunk);
  void Link(Page& page);
  void Unlink(Page& page);

  std::array<Page*, kClassCount> with_room_{};  // by block size / 8
  std::vector<Chunk*> roomy_;                   // chunks that have an unused page
  size_t unused_pages_ = 0;                     // in all of them
  size_t chunks_ = 0;
  size_t empty_chunks_ = 0;
  void* spare_ = nullptr;  // mapped, no chunk yet
  bool awaits_spares_ = false;
};

}  // namespace flashdb
