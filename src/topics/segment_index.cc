#include "topics/segment_index.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"

namespace flashdb {
namespace {

constexpr size_t kOffsetEntryBytes = 4 + 4;
constexpr size_t kTimeEntryBytes = 8 + 4;

uint32_t Narrow(uint64_t value) {
  FLASHDB_CHECK(value <= std::numeric_limits<uint32_t>::max(), "{} in a segment", value);
  return static_cast<uint32_t>(value);
}

// The entries of a file, if it is whole and of this segment.
StatusOr<std::string_view> CheckedEntries(IndexKind kind, const SegmentOwner& owner,
                                          std::string_view file, IndexFooter* footer) {
  if (file.size() < kIndexFooterBytes) return absl::DataLossError("it is cut short");
  std::string_view entries = file.substr(0, file.size() - kIndexFooterBytes);
  const std::optional<IndexFooter> found = DecodeIndexFooter(kind, file.substr(entries.size()));
  if (!found) return absl::DataLossError("its footer is damaged");
  if (found->owner != owner) return absl::DataLossError("it is another topic's");
  const uint32_t crc = Crc32c({reinterpret_cast<const uint8_t*>(entries.data()), entries.size()});
  if (found->entry_bytes != entries.size() || found->entry_crc != crc) {
    return absl::DataLossError("its entries are damaged");
  }
  *footer = *found;
  return entries;
}

}  // namespace

void SegmentIndex::Add(Offset offset, UnixMillis timestamp, uint64_t position, size_t bytes) {
  if (offsets_.empty() || position - offsets_.back().position >= kGapBytes) {
    const uint32_t relative = Narrow(offset - facts_.base);
    if (facts_.records > 0 && (times_.empty() || times_.back().timestamp < facts_.max_timestamp)) {
      times_.push_back({facts_.max_timestamp, relative});
    }
    offsets_.push_back({relative, Narrow(position)});
  }
  facts_.max_timestamp =
      facts_.records == 0 ? timestamp : std::max(facts_.max_timestamp, timestamp);
  ++facts_.records;
  facts_.end = offset + 1;
  facts_.log_bytes = position + bytes;
}

uint64_t SegmentIndex::PositionFor(Offset offset) const {
  auto after = std::upper_bound(offsets_.begin(), offsets_.end(), offset,
                                [this](Offset wanted, const OffsetEntry& entry) {
                                  return wanted < facts_.base + entry.relative_offset;
                                });
  return after == offsets_.begin() ? kSegmentHeadBytes : std::prev(after)->position;
}

Offset SegmentIndex::OffsetFor(UnixMillis time) const {
  auto at = std::lower_bound(
      times_.begin(), times_.end(), time,
      [](const TimeEntry& entry, UnixMillis wanted) { return entry.timestamp < wanted; });
  return at == times_.begin() ? facts_.base : facts_.base + std::prev(at)->relative_offset;
}

Offset SegmentIndex::OffsetAfter(uint64_t position) const {
  auto after = std::upper_bound(
      offsets_.begin(), offsets_.end(), position,
      [](uint64_t wanted, const OffsetEntry& entry) { return wanted < entry.position; });
  return after == offsets_.end() ? facts_.end : facts_.base + after->relative_offset;
}

size_t SegmentIndex::MemoryBytes() const {
  return sizeof(*this) + offsets_.capacity() * sizeof(OffsetEntry) +
         times_.capacity() * sizeof(TimeEntry);
}

std::string SegmentIndex::EncodeOffsets(const SegmentOwner& owner) const {
  std::string out;
  out.reserve(offsets_.size() * kOffsetEntryBytes + kIndexFooterBytes);
  for (const OffsetEntry& entry : offsets_) {
    PutFixed<uint32_t>(out, entry.relative_offset);
    PutFixed<uint32_t>(out, entry.position);
  }
  return out + EncodeIndexFooter(IndexKind::kOffsets, owner, facts_, out);
}

std::string SegmentIndex::EncodeTimes(const SegmentOwner& owner) const {
  std::string out;
  out.reserve(times_.size() * kTimeEntryBytes + kIndexFooterBytes);
  for (const TimeEntry& entry : times_) {
    PutFixed<int64_t>(out, entry.timestamp);
    PutFixed<uint32_t>(out, entry.relative_offset);
  }
  return out + EncodeIndexFooter(IndexKind::kTimes, owner, facts_, out);
}

StatusOr<SegmentIndex> SegmentIndex::Decode(const SegmentOwner& owner, Offset base,
                                            uint64_t log_bytes, std::string_view offsets_file,
                                            std::string_view times_file) {
  IndexFooter of_offsets;
  FLASHDB_ASSIGN_OR_RETURN(std::string_view offsets,
                           CheckedEntries(IndexKind::kOffsets, owner, offsets_file, &of_offsets));
  IndexFooter of_times;
  FLASHDB_ASSIGN_OR_RETURN(std::string_view times,
                           CheckedEntries(IndexKind::kTimes, owner, times_file, &of_times));
  const SegmentSummary& facts = of_offsets.facts;
  if (facts != of_times.facts || facts.base != base || facts.log_bytes != log_bytes) {
    return absl::DataLossError("it does not fit the segment");
  }
  SegmentIndex index(base);
  index.facts_ = facts;
  for (Decoder in(offsets); !in.empty();) {
    const uint32_t relative = in.Fixed<uint32_t>();
    index.offsets_.push_back({relative, in.Fixed<uint32_t>()});
  }
  for (Decoder in(times); !in.empty();) {
    const int64_t timestamp = in.Fixed<int64_t>();
    index.times_.push_back({timestamp, in.Fixed<uint32_t>()});
  }
  return index;
}

}  // namespace flashdb
