// The memory in which what one write takes to a segment is gathered. A few large ones are kept.
//
// Used by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

namespace flashdb {

class WriteBuffers {
 public:
  /// Writes past the page cache go to whole blocks of a file from whole blocks of memory.
  static constexpr size_t kBlockBytes = 4096;
  /// A write takes no more than that together. It is gathered first: the kernel copies several
  /// times slower from blocks that no cache holds any more than from a buffer that does.
  static constexpr size_t kSmallBytes = 256 * 1024;
  /// The same of a few writes at a time, by default. Past the page cache each waits for the device,
  /// so a larger one brings more.
  static constexpr size_t kLargeBytes = 1024 * 1024;

  explicit WriteBuffers(size_t large_bytes = kLargeBytes) : large_bytes_(large_bytes) {}

  /// Goes back when destroyed.
  class Buffer {
   public:
    Buffer(Buffer&& other) noexcept = default;
    Buffer& operator=(Buffer&& other) = delete;
    ~Buffer() {
      if (memory_ != nullptr) home_->Return(std::move(memory_));
    }
    /// Where the bytes for `position` of the file belong, so that its blocks are blocks here.
    char* For(uint64_t position) const { return memory_.get() + position % kBlockBytes; }

   private:
    friend class WriteBuffers;
    struct Free {
      size_t bytes;
      void operator()(char* memory) const {
        ::operator delete(memory, std::align_val_t(kBlockBytes));
      }
    };
    using Memory = std::unique_ptr<char, Free>;
    Buffer(WriteBuffers& home, Memory memory) : home_(&home), memory_(std::move(memory)) {}

    WriteBuffers* home_;
    Memory memory_;
  };

  /// How much the next write may take.
  size_t Limit() const {
    return in_use_ < kKept ? large_bytes_ : std::min(kSmallBytes, large_bytes_);
  }
  /// For a write of `bytes`, any number. Must not outlive this.
  Buffer Take(size_t bytes);

 private:
  static constexpr size_t kKept = 8;

  static Buffer::Memory Allocate(size_t bytes);
  void Return(Buffer::Memory memory);

  const size_t large_bytes_;
  std::vector<Buffer::Memory> kept_;  // each for large_bytes_
  size_t in_use_ = 0;
};

}  // namespace flashdb
