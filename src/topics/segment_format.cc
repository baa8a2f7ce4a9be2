#include "topics/segment_format.h"

#include <fmt/format.h>

#include <charconv>

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"

namespace flashdb {
namespace {

constexpr std::string_view kLogMagic = "FDBTOPIC";
constexpr std::string_view kOffsetsMagic = "FDBINDEX";
constexpr std::string_view kTimesMagic = "FDBTIMES";
constexpr uint32_t kVersion = 1;
constexpr size_t kCrcBytes = 4;
constexpr size_t kNameDigits = 20;

std::string_view MagicOf(IndexKind kind) {
  return kind == IndexKind::kOffsets ? kOffsetsMagic : kTimesMagic;
}

// The checksum is the last field, after zeros up to `size`.
void Close(std::string& out, size_t size) {
  FLASHDB_CHECK(out.size() <= size - kCrcBytes);
  out.resize(size - kCrcBytes, '\0');
  PutFixed<uint32_t>(out, Crc32c(out));
}

// The fields after magic and version, if those and the checksum are right.
std::optional<Decoder> Fields(std::string_view bytes, size_t size, std::string_view magic) {
  if (bytes.size() < size) return {};
  const std::string_view covered = bytes.substr(0, size - kCrcBytes);
  if (!covered.starts_with(magic)) return {};
  if (LoadLittle<uint32_t>(bytes.data() + covered.size()) != Crc32c(covered)) return {};
  Decoder fields(covered.substr(magic.size()));
  if (fields.Fixed<uint32_t>() != kVersion) return {};
  return fields;
}

}  // namespace

std::string EncodeSegmentHead(const SegmentHead& head) {
  std::string out(kLogMagic);
  PutFixed<uint32_t>(out, kVersion);
  PutFixed<uint32_t>(out, head.owner.partition);
  PutFixed<uint64_t>(out, head.owner.topic);
  PutFixed<uint64_t>(out, head.base);
  PutFixed<uint64_t>(out, head.compacted_end);
  Close(out, kSegmentHeadBytes);
  return out;
}

std::optional<SegmentHead> DecodeSegmentHead(std::string_view bytes) {
  std::optional<Decoder> fields = Fields(bytes, kSegmentHeadBytes, kLogMagic);
  if (!fields) return {};
  SegmentHead head;
  head.owner.partition = fields->Fixed<uint32_t>();
  head.owner.topic = fields->Fixed<uint64_t>();
  head.base = fields->Fixed<uint64_t>();
  head.compacted_end = fields->Fixed<uint64_t>();
  return head;
}

std::string EncodeIndexFooter(IndexKind kind, const SegmentOwner& owner,
                              const SegmentSummary& facts, std::string_view entries) {
  std::string out(MagicOf(kind));
  PutFixed<uint32_t>(out, kVersion);
  PutFixed<uint32_t>(out, owner.partition);
  PutFixed<uint64_t>(out, owner.topic);
  PutFixed<uint64_t>(out, facts.base);
  PutFixed<uint64_t>(out, facts.end);
  PutFixed<uint64_t>(out, facts.log_bytes);
  PutFixed<uint64_t>(out, facts.records);
  PutFixed<int64_t>(out, facts.max_timestamp);
  PutFixed<uint64_t>(out, entries.size());
  PutFixed<uint32_t>(out, Crc32c(entries));
  Close(out, kIndexFooterBytes);
  return out;
}

std::optional<IndexFooter> DecodeIndexFooter(IndexKind kind, std::string_view bytes) {
  std::optional<Decoder> fields = Fields(bytes, kIndexFooterBytes, MagicOf(kind));
  if (!fields) return {};
  IndexFooter footer;
  footer.owner.partition = fields->Fixed<uint32_t>();
  footer.owner.topic = fields->Fixed<uint64_t>();
  footer.facts.base = fields->Fixed<uint64_t>();
  footer.facts.end = fields->Fixed<uint64_t>();
  footer.facts.log_bytes = fields->Fixed<uint64_t>();
  footer.facts.records = fields->Fixed<uint64_t>();
  footer.facts.max_timestamp = fields->Fixed<int64_t>();
  footer.entry_bytes = fields->Fixed<uint64_t>();
  footer.entry_crc = fields->Fixed<uint32_t>();
  return footer;
}

std::string TopicSegmentName(Offset base) { return fmt::format("{:020}", base); }

std::optional<Offset> BaseOfLogName(std::string_view name) {
  if (name.size() != kNameDigits + kLogSuffix.size() || !name.ends_with(kLogSuffix)) return {};
  const std::string_view digits = name.substr(0, kNameDigits);
  Offset base = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), base);
  if (error != std::errc() || end != digits.data() + digits.size()) return {};
  return base;
}

}  // namespace flashdb
