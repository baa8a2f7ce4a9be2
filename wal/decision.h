// What recovery does where the unbroken chain of frames ends: the decision table of FORMAT.md.
#pragma once

#include <cstdint>
#include <string_view>

namespace flashdb {

/// What is found at the place where the next frame should be, and behind it.
struct TailFacts {
  uint64_t expected_frame = 0;  // its number
  bool remains = false;         // traces of a frame: bytes of this epoch, or any in a zeroed file
  bool later_frames = false;    // good frames or headers of this log with higher numbers follow
  uint64_t proven_durable = 0;  // highest durable_frame_seq among those
  bool next_segment_continues = false;  // a following header says this frame is its first
  bool next_segment_is_older = false;   // a following header begins before it
};

enum class TailVerdict : uint8_t {
  kNextSegment,  // the segment ended here, go on with the following one
  kCleanEnd,     // the log ends here
  kTornTail,     // never acknowledged bytes follow: cut here
  kDamage,       // acknowledged records are missing: stop
};

TailVerdict JudgeTail(const TailFacts& facts);

/// What a file named like a segment is.
struct SegmentFacts {
  bool header_valid = false;
  bool newer_version = false;
  bool log_id_matches = false;
  bool name_matches = false;  // the header's number is the name's
  bool size_matches = false;  // the file's size is the header's
};

enum class SegmentVerdict : uint8_t {
  kLive,
  kUnused,        // prepared or handed back, never begun; its frames, if any, count as evidence
  kNewerVersion,  // stop
  kForeign,       // of another log: stop
  kWrongSize,     // truncated or grown: stop
};

SegmentVerdict JudgeSegment(const SegmentFacts& facts);

}  // namespace flashdb
