#include "topics/write_buffers.h"

#include <utility>

namespace flashdb {

// Its first byte may lie anywhere in the first block.
WriteBuffers::Buffer::Memory WriteBuffers::Allocate(size_t bytes) {
  const size_t size = bytes + kBlockBytes;
  void* memory = ::operator new(size, std::align_val_t(kBlockBytes));
  return Buffer::Memory(static_cast<char*>(memory), {size});
}

WriteBuffers::Buffer WriteBuffers::Take(size_t bytes) {
  ++in_use_;
  const bool large = bytes <= large_bytes_ && in_use_ <= kKept;
  if (!large) return {*this, Allocate(bytes)};
  if (kept_.empty()) return {*this, Allocate(large_bytes_)};
  Buffer::Memory memory = std::move(kept_.back());
  kept_.pop_back();
  return {*this, std::move(memory)};
}

void WriteBuffers::Return(Buffer::Memory memory) {
  --in_use_;
  const bool large = memory.get_deleter().bytes == large_bytes_ + kBlockBytes;
  if (large && kept_.size() < kKept) kept_.push_back(std::move(memory));
}

}  // namespace flashdb
