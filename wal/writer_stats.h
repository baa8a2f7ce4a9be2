// What one log did and holds, for INFO.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

namespace flashdb {

struct LogWriterStats {
  uint64_t records = 0;  // appended
  uint64_t frames = 0;   // written; one frame is one write
  uint64_t bytes = 0;    // written, with headers and padding
  uint64_t syncs = 0;
  uint64_t segments = 0;        // begun
  uint64_t spare_segments = 0;  // reserved
  uint64_t reserved_bytes = 0;  // room in the current segment and the spares
  uint64_t buffered_bytes = 0;  // appended, not yet written
  // From the submission of a frame until it is durable under the policy, nanoseconds.
  uint64_t last_commit_nanos = 0;
  uint64_t max_commit_nanos = 0;
  uint64_t total_commit_nanos = 0;
  std::array<uint64_t, 40> commit_nanos_log2{};  // [i]: frames that took [2^i, 2^(i+1)) ns

  void NoteCommit(uint64_t nanos) {
    last_commit_nanos = nanos;
    max_commit_nanos = std::max(max_commit_nanos, nanos);
    total_commit_nanos += nanos;
    size_t bucket = nanos == 0 ? 0 : static_cast<size_t>(std::bit_width(nanos)) - 1;
    ++commit_nanos_log2[std::min(bucket, commit_nanos_log2.size() - 1)];
  }
};

}  // namespace flashdb
