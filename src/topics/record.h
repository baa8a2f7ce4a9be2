// One record of a topic and its bytes: the frame, which is the same in the shard's log, in memory
// and in the partition's segment files.
//
//   frame  := u32 body size | u32 CRC32C of the body | body
//   body   := u64 offset | i64 timestamp (Unix ms) | u8 flags | [varint key size | key]
//           | varint headers | headers x (varint size, name, varint size, value) | [value: the
//           rest]
//   flags  := 1 has a key | 2 has a value (without it: a tombstone, for compaction)
//
// Integers are little-endian. Nothing here knows of files, shards or threads.
#pragma once

#include <absl/container/inlined_vector.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "topics/types.h"

namespace flashdb {

struct RecordHeader {
  std::string_view name;
  std::string_view value;
};
using RecordHeaders = absl::InlinedVector<RecordHeader, 4>;

/// What a producer gives. The views belong to the caller.
struct RecordInput {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  RecordHeaders headers;
};

/// A record inside a frame; the views point into the frame's bytes.
struct RecordView {
  Offset offset = 0;
  UnixMillis timestamp = 0;
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  uint32_t header_count = 0;
  std::string_view header_bytes;

  RecordHeaders Headers() const;
};

/// InvalidArgument, naming the part and the limit, if the record is larger than allowed.
Status CheckRecordLimits(const RecordInput& record, size_t max_value_bytes);

/// About how many bytes the record's frame takes: never fewer than it does.
size_t FrameBytesBound(const RecordInput& record);

/// Appends the record's frame to `out`.
void AppendFrame(std::string& out, Offset offset, UnixMillis timestamp, const RecordInput& record);

inline constexpr size_t kFrameHeadBytes = 8;
/// No body is larger; a larger size is damage.
inline constexpr size_t kMaxFrameBodyBytes = 640u << 20;

/// The length that the frame at the beginning of `bytes` says it has, whether or not that many
/// bytes are there; 0 if its head is cut short or no frame begins like this.
size_t FrameSizeAt(std::string_view bytes);

enum class FrameState : uint8_t { kWhole, kCutShort, kDamaged };
/// Reads the frame at the beginning of `bytes`. kWhole: `*size` is its length and `*record` its
/// contents. kCutShort: `bytes` end before the frame does. kDamaged: no frame, or its checksum is
/// wrong.
FrameState ReadFrame(std::string_view bytes, RecordView* record, size_t* size);
/// As ReadFrame without verifying the checksum, for bytes that have been verified before; aborts if
/// there is no whole frame.
RecordView FrameAt(std::string_view bytes, size_t* size);

}  // namespace flashdb
