// The frames that a fetch has found: pieces of blocks, which are shared with the cache, not copied.
// Any thread may read and drop it; blocks that are shared do not change any more.
#pragma once

#include <absl/container/inlined_vector.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "topics/record.h"
#include "topics/record_block.h"

namespace flashdb {

class FetchedFrames {
 public:
  /// Frames of `block`, which keeps them.
  void Share(BlockRef block, std::string_view frames) {
    bytes_ += frames.size();
    pieces_.push_back({std::move(block), frames});
  }
  /// A copy of frames whose block may still grow.
  void Copy(std::string_view frames) {
    auto copy = std::make_shared<const std::string>(frames);
    bytes_ += copy->size();
    pieces_.push_back({copy, *copy});
  }

  /// Of all frames.
  uint64_t bytes() const { return bytes_; }
  bool empty() const { return bytes_ == 0; }
  /// There is one.
  RecordView First() const {
    size_t size = 0;
    return FrameAt(pieces_.front().frames, &size);
  }
  /// Calls `visit(const RecordView&)` for each record, in order.
  template <typename F>
  void ForEach(F visit) const {
    for (const Piece& piece : pieces_) {
      for (std::string_view rest = piece.frames; !rest.empty();) {
        size_t size = 0;
        visit(FrameAt(rest, &size));
        rest.remove_prefix(size);
      }
    }
  }

 private:
  struct Piece {
    std::shared_ptr<const void> owner;
    std::string_view frames;  // never empty
  };

  absl::InlinedVector<Piece, 2> pieces_;
  uint64_t bytes_ = 0;
};

}  // namespace flashdb
