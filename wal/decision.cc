#include "wal/decision.h"

namespace flashdb {

TailVerdict JudgeTail(const TailFacts& facts) {
  if (facts.next_segment_continues) return TailVerdict::kNextSegment;
  if (facts.next_segment_is_older) return TailVerdict::kDamage;
  if (facts.proven_durable >= facts.expected_frame) return TailVerdict::kDamage;
  if (facts.later_frames || facts.remains) return TailVerdict::kTornTail;
  return TailVerdict::kCleanEnd;
}

SegmentVerdict JudgeSegment(const SegmentFacts& facts) {
  if (facts.newer_version) return SegmentVerdict::kNewerVersion;
  if (!facts.header_valid) return SegmentVerdict::kUnused;
  if (!facts.log_id_matches) return SegmentVerdict::kForeign;
  if (!facts.name_matches) return SegmentVerdict::kUnused;
  if (!facts.size_matches) return SegmentVerdict::kWrongSize;
  return SegmentVerdict::kLive;
}

}  // namespace flashdb
