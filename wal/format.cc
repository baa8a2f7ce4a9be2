#include "wal/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "base/coding.h"
#include "base/crc32c.h"

namespace flashdb {
namespace {

constexpr char kMagic[8] = {'F', 'L', 'A', 'S', 'H', 'W', 'A', 'L'};
constexpr size_t kHeaderCrcAt = 92;
constexpr size_t kNameDigits = 20;
constexpr std::string_view kSuffix = ".seg";

}  // namespace

bool IsKnownRecordType(uint8_t type) {
  return type == static_cast<uint8_t>(RecordType::kEffects) ||
         type == static_cast<uint8_t>(RecordType::kGroup);
}

void EncodeSegmentHeader(const SegmentHeader& header, uint8_t* to) {
  std::memcpy(to, kMagic, sizeof(kMagic));
  StoreLittle(to + 8, kLogFormatVersion);
  StoreLittle(to + 12, header.log_id);
  StoreLittle(to + 16, header.segment_seq);
  StoreLittle(to + 24, header.epoch);
  StoreLittle(to + 32, header.previous_segment);
  StoreLittle(to + 40, header.first_lsn);
  StoreLittle(to + 48, header.first_frame_seq);
  StoreLittle(to + 56, header.durable_frame_seq);
  StoreLittle(to + 64, header.settled_txn);
  StoreLittle(to + 72, header.segment_bytes);
  StoreLittle(to + 80, header.block_bytes);
  StoreLittle(to + 84, header.flags);
  StoreLittle(to + 88, uint32_t{0});
  StoreLittle(to + kHeaderCrcAt, Crc32c({to, kHeaderCrcAt}));
}

HeaderState DecodeSegmentHeader(std::span<const uint8_t> bytes, SegmentHeader& header,
                                uint32_t& version) {
  if (bytes.size() < kSegmentHeaderBytes) return HeaderState::kInvalid;
  const uint8_t* from = bytes.data();
  if (std::memcmp(from, kMagic, sizeof(kMagic)) != 0) return HeaderState::kInvalid;
  // A newer version may lay out everything behind this field anew, so it is looked at first.
  if (auto found = LoadLittle<uint32_t>(from + 8); found > kLogFormatVersion) {
    version = found;
    return HeaderState::kNewerVersion;
  }
  if (LoadLittle<uint32_t>(from + kHeaderCrcAt) != Crc32c({from, kHeaderCrcAt})) {
    return HeaderState::kInvalid;
  }
  header.log_id = LoadLittle<uint32_t>(from + 12);
  header.segment_seq = LoadLittle<uint64_t>(from + 16);
  header.epoch = LoadLittle<uint64_t>(from + 24);
  header.previous_segment = LoadLittle<uint64_t>(from + 32);
  header.first_lsn = LoadLittle<uint64_t>(from + 40);
  header.first_frame_seq = LoadLittle<uint64_t>(from + 48);
  header.durable_frame_seq = LoadLittle<uint64_t>(from + 56);
  header.settled_txn = LoadLittle<uint64_t>(from + 64);
  header.segment_bytes = LoadLittle<uint64_t>(from + 72);
  header.block_bytes = LoadLittle<uint32_t>(from + 80);
  header.flags = LoadLittle<uint32_t>(from + 84);
  const bool possible = header.block_bytes >= 512 && std::has_single_bit(header.block_bytes) &&
                        header.block_bytes <= header.segment_bytes;
  return possible ? HeaderState::kValid : HeaderState::kInvalid;
}

void SealFrame(const FrameHeader& header, uint8_t* frame) {
  StoreLittle(frame + 4, header.length);
  StoreLittle(frame + 8, header.frame_seq);
  StoreLittle(frame + 16, header.epoch);
  StoreLittle(frame + 24, header.durable_frame_seq);
  StoreLittle(frame + 32, header.last_lsn);
  StoreLittle(frame + 40, header.fragments);
  StoreLittle(frame + 44, uint32_t{0});
  StoreLittle(frame, Crc32c({frame + 4, header.length - 4}));
}

FrameHeader PeekFrameHeader(const uint8_t* frame) {
  FrameHeader header;
  header.length = LoadLittle<uint32_t>(frame + 4);
  header.frame_seq = LoadLittle<uint64_t>(frame + 8);
  header.epoch = LoadLittle<uint64_t>(frame + 16);
  header.durable_frame_seq = LoadLittle<uint64_t>(frame + 24);
  header.last_lsn = LoadLittle<uint64_t>(frame + 32);
  header.fragments = LoadLittle<uint32_t>(frame + 40);
  return header;
}

bool FrameChecksumMatches(std::span<const uint8_t> bytes) {
  auto length = LoadLittle<uint32_t>(bytes.data() + 4);
  return LoadLittle<uint32_t>(bytes.data()) == Crc32c(bytes.subspan(4, length - 4));
}

void EncodeFragmentHeader(const FragmentHeader& header, uint8_t* to) {
  StoreLittle(to, header.length);
  to[4] = static_cast<uint8_t>(header.kind);
  to[5] = header.record_type;
  to[6] = to[7] = 0;
}

FragmentHeader DecodeFragmentHeader(const uint8_t* from) {
  return {LoadLittle<uint32_t>(from), static_cast<FragmentKind>(from[4]), from[5]};
}

void EncodeGroupPrefix(TxnId txn, std::span<const uint32_t> participants, std::string& out) {
  PutFixed(out, txn);
  PutFixed(out, static_cast<uint32_t>(participants.size()));
  for (uint32_t log_id : participants) PutFixed(out, log_id);
}

size_t GroupPrefixBytes(std::string_view bytes) {
  if (bytes.size() < 12) return 0;
  return 12 + size_t{4} * LoadLittle<uint32_t>(bytes.data() + 8);
}

GroupPrefix DecodeGroupPrefix(std::string_view bytes) {
  GroupPrefix prefix;
  prefix.txn = LoadLittle<uint64_t>(bytes.data());
  prefix.participants.resize(LoadLittle<uint32_t>(bytes.data() + 8));
  std::memcpy(prefix.participants.data(), bytes.data() + 12, prefix.participants.size() * 4);
  return prefix;
}

std::string SegmentName(uint64_t segment_seq) { return fmt::format("{:020}.seg", segment_seq); }

std::optional<uint64_t> ParseSegmentName(std::string_view name) {
  if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) return {};
  uint64_t seq = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + kNameDigits, seq);
  if (error != std::errc() || end != name.data() + kNameDigits) return {};
  return seq;
}

uint64_t NextEpoch(uint64_t last, Random& random) {
  // Nobody outside can know an epoch, so no stored value can hold bytes that pass for a frame.
  if (last == 0) return 1 + (random.Next() >> 2);
  return last + 1 + random.Below(kMaxEpochStep);
}

}  // namespace flashdb
