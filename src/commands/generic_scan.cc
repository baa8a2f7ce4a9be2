#include "commands/generic_scan.h"

#include <algorithm>

#include "base/check.h"
#include "base/glob.h"
#include "base/numbers.h"
#include "commands/generic.h"

namespace flashdb::generic {
namespace {

constexpr int kSlotCursorBits = 48;
constexpr uint64_t kSlotCursorMask = (uint64_t{1} << kSlotCursorBits) - 1;

}  // namespace

uint64_t PackScanCursor(ScanPosition position) {
  if (position.done()) return 0;
  FLASHDB_CHECK(position.slot_cursor <= kSlotCursorMask, "slot cursor {} has more than 48 bits",
                position.slot_cursor);
  return (uint64_t{position.slot} << kSlotCursorBits) | position.slot_cursor;
}

std::optional<ScanPosition> UnpackScanCursor(uint64_t cursor) {
  uint64_t slot = cursor >> kSlotCursorBits;
  if (slot >= kSlotCount) return std::nullopt;
  return ScanPosition{static_cast<uint32_t>(slot), cursor & kSlotCursorMask};
}

bool ScanFilter::Passes(const Entry& entry) const {
  if (!type.empty() && !EqualsIgnoreCase(type, TypeName(entry.type))) return false;
  return pattern == "*" || GlobMatch(pattern, entry.key());
}

std::optional<ScanOptions> ParseScanOptions(ArgView options, ReplyWriter& reply) {
  ScanOptions result;
  bool complete = options.size() % 2 == 0;
  for (size_t i = 0; i + 1 < options.size(); i += 2) {
    std::string_view value = options[i + 1];
    if (EqualsIgnoreCase(options[i], "COUNT")) {
      std::optional<int64_t> count = ParseInteger(value, reply);
      if (!count) return std::nullopt;
      complete = complete && *count >= 1;
      result.count = static_cast<size_t>(*count);
    } else if (EqualsIgnoreCase(options[i], "MATCH")) {
      result.filter.pattern = value;
    } else if (EqualsIgnoreCase(options[i], "TYPE")) {
      result.filter.type = value;
    } else {
      complete = false;
    }
    if (!complete) break;
  }
  if (complete) return result;
  reply.Error(kSyntaxError);
  return std::nullopt;
}

ScanPage ScanShard(Keyspace& keys, uint32_t db, ScanPosition from, const ScanFilter& filter,
                   size_t count) {
  ScanPage page;
  page.next = from;
  ReplyWriter names(page.encoded, 2);
  auto visit = [&](const Entry& entry) {
    ++page.seen;
    if (!filter.Passes(entry)) return;
    names.Bulk(entry.key());
    ++page.names;
  };
  // Expired keys that nobody has removed yet are not seen, hence a bound on the steps too.
  size_t steps = count;
  ScanPosition& at = page.next;
  while (at.slot < keys.end_slot() && page.seen < count && steps > 0 &&
         page.encoded.size() < kMaxScanBytes) {
    SlotId slot = static_cast<SlotId>(at.slot);
    if (keys.SizeOfSlot(db, slot) != 0) {
      at.slot_cursor = keys.ScanSlot(db, slot, at.slot_cursor, count - page.seen, visit);
      --steps;
    } else {
      at.slot_cursor = 0;
    }
    if (at.slot_cursor == 0) ++at.slot;
  }
  return page;
}

size_t PickWeighted(std::span<const size_t> weights, uint64_t point) {
  for (size_t i = 0; i < weights.size(); ++i) {
    if (point < weights[i]) return i;
    point -= weights[i];
  }
  FLASHDB_CHECK(false, "the point lies past the sum of {} weights", weights.size());
  return 0;
}

}  // namespace flashdb::generic
