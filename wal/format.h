// The bytes of the log: segment headers, frames, fragments, records. FORMAT.md is the reference.
// Plain functions over memory; any thread may call.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/types.h"

namespace flashdb {

inline constexpr uint32_t kLogFormatVersion = 1;
inline constexpr uint64_t kMinSegmentBytes = 256u << 10;
inline constexpr size_t kSegmentHeaderBytes = 96;
inline constexpr size_t kFrameHeaderBytes = 48;
inline constexpr size_t kFragmentHeaderBytes = 8;
/// Epochs rise by a random step of at most this much from one use of a file to the next.
inline constexpr uint64_t kMaxEpochStep = uint64_t{1} << 32;

enum class RecordType : uint8_t { kEffects = 1, kGroup = 2 };

/// True for the types this version can replay.
bool IsKnownRecordType(uint8_t type);

enum class FragmentKind : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct SegmentHeader {
  /// The writer starts anew here: whatever earlier segments hold beyond `first_lsn` or
  /// `first_frame_seq` is void, and so is a record without its last fragment.
  static constexpr uint32_t kRestart = 1;
  /// The file held an older segment and was not filled with zeros again.
  static constexpr uint32_t kRecycled = 2;

  uint32_t log_id = 0;
  uint64_t segment_seq = 0;
  uint64_t epoch = 0;
  uint64_t previous_segment = 0;  // 0: this is the log's first
  Lsn first_lsn = 1;              // of the record whose bytes come first
  uint64_t first_frame_seq = 1;
  uint64_t durable_frame_seq = 0;  // highest frame known durable when this was written
  TxnId settled_txn = 0;           // this transaction and all before are settled
  uint64_t segment_bytes = 0;
  uint32_t block_bytes = 0;
  uint32_t flags = 0;

  bool restart() const { return (flags & kRestart) != 0; }
  bool operator==(const SegmentHeader&) const = default;
};

enum class HeaderState : uint8_t { kValid, kInvalid, kNewerVersion };

/// Writes kSegmentHeaderBytes at `to`.
void EncodeSegmentHeader(const SegmentHeader& header, uint8_t* to);
/// Sets `header` only for kValid and `version` only for kNewerVersion.
HeaderState DecodeSegmentHeader(std::span<const uint8_t> bytes, SegmentHeader& header,
                                uint32_t& version);

/// Bytes at the beginning of a segment that belong to its header.
constexpr uint64_t SegmentHeaderSpan(uint32_t block_bytes) {
  return block_bytes > 4096 ? block_bytes : 4096;
}

constexpr uint64_t RoundUp(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

struct FrameHeader {
  uint32_t length = 0;  // of header and body, without the padding
  uint64_t frame_seq = 0;
  uint64_t epoch = 0;
  uint64_t durable_frame_seq = 0;
  Lsn last_lsn = 0;  // highest record complete at the end of this frame
  uint32_t fragments = 0;
};

/// Writes the header at `frame` and, last, the checksum over all `header.length` bytes.
void SealFrame(const FrameHeader& header, uint8_t* frame);
/// The fields as they lie there, unchecked.
FrameHeader PeekFrameHeader(const uint8_t* frame);
/// Whether the checksum of the frame at `bytes` (at least its header's length) is right.
bool FrameChecksumMatches(std::span<const uint8_t> bytes);

struct FragmentHeader {
  uint32_t length = 0;
  FragmentKind kind = FragmentKind::kFull;
  uint8_t record_type = 0;
};

void EncodeFragmentHeader(const FragmentHeader& header, uint8_t* to);
FragmentHeader DecodeFragmentHeader(const uint8_t* from);

/// The front of a kGroup record, before its payload.
struct GroupPrefix {
  TxnId txn = 0;
  absl::InlinedVector<uint32_t, 4> participants;  // log ids
};

void EncodeGroupPrefix(TxnId txn, std::span<const uint32_t> participants, std::string& out);
/// Bytes of the prefix that `bytes` begins with; 0 if `bytes` is too short to tell.
size_t GroupPrefixBytes(std::string_view bytes);
/// `bytes` must hold the whole prefix.
GroupPrefix DecodeGroupPrefix(std::string_view bytes);

/// "00000000000000000042.seg"
std::string SegmentName(uint64_t segment_seq);
/// The number in such a name; nothing for any other name.
std::optional<uint64_t> ParseSegmentName(std::string_view name);

/// An epoch never used before in this log; `last` is the highest so far, 0 if there is none.
uint64_t NextEpoch(uint64_t last, Random& random);

}  // namespace flashdb
