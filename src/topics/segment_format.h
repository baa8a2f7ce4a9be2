// The bytes around the records in a partition's files: names, the head of a .log file, and the
// footer of an .index or .timeindex file (FORMAT.md). Nothing here does I/O.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "topics/types.h"

namespace flashdb {

inline constexpr size_t kSegmentHeadBytes = 64;
inline constexpr size_t kIndexFooterBytes = 88;

inline constexpr std::string_view kLogSuffix = ".log";
inline constexpr std::string_view kIndexSuffix = ".index";
inline constexpr std::string_view kTimeIndexSuffix = ".timeindex";
/// Of files that are being written to replace those without it.
inline constexpr std::string_view kUnfinishedSuffix = ".compact";

/// Whose segment it is: not that of an older topic of the same name.
struct SegmentOwner {
  TopicId topic = 0;
  PartitionNumber partition = 0;

  bool operator==(const SegmentOwner&) const = default;
};

struct SegmentHead {
  SegmentOwner owner;
  Offset base = 0;
  /// Of a compacted segment, which has gaps: it covers offsets up to here. 0 in others.
  Offset compacted_end = 0;
};

/// What an index file says of its segment as a whole.
struct SegmentSummary {
  Offset base = 0;
  Offset end = 0;          // one after the last record's, or more
  uint64_t log_bytes = 0;  // the size of the .log file
  uint64_t records = 0;
  UnixMillis max_timestamp = 0;  // if there are records

  /// Bytes of frames.
  uint64_t frame_bytes() const {
    return log_bytes > kSegmentHeadBytes ? log_bytes - kSegmentHeadBytes : 0;
  }
  bool operator==(const SegmentSummary&) const = default;
};

std::string EncodeSegmentHead(const SegmentHead& head);
/// Nothing if `bytes` do not begin with a head of this version whose checksum is right.
std::optional<SegmentHead> DecodeSegmentHead(std::string_view bytes);

enum class IndexKind : uint8_t { kOffsets, kTimes };

/// The footer after `entries`.
std::string EncodeIndexFooter(IndexKind kind, const SegmentOwner& owner,
                              const SegmentSummary& facts, std::string_view entries);

struct IndexFooter {
  SegmentOwner owner;
  SegmentSummary facts;
  uint64_t entry_bytes = 0;
  uint32_t entry_crc = 0;
};
/// Nothing if `bytes`, the last ones of an index file, are no footer of this kind and version.
std::optional<IndexFooter> DecodeIndexFooter(IndexKind kind, std::string_view bytes);

/// "00000000000000001234"
std::string TopicSegmentName(Offset base);
/// The base offset of "00000000000000001234.log"; nothing if `name` is not of that form.
std::optional<Offset> BaseOfLogName(std::string_view name);

}  // namespace flashdb
