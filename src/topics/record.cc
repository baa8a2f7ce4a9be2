#include "topics/record.h"

#include "base/check.h"
#include "base/coding.h"
#include "base/crc32c.h"

namespace flashdb {
namespace {

constexpr uint8_t kHasKey = 1;
constexpr uint8_t kHasValue = 2;
constexpr size_t kFixedBodyBytes = 8 + 8 + 1;  // offset, timestamp, flags
constexpr size_t kMaxVarint32Bytes = 5;

Status TooLarge(std::string_view what, size_t bytes, size_t limit, std::string_view remedy) {
  return absl::InvalidArgumentError(
      fmt::format("{} has {} bytes, more than the limit of {}{}", what, bytes, limit, remedy));
}

Status CheckHeaderLimits(const RecordHeader& header) {
  if (header.name.size() > kMaxHeaderNameBytes) {
    return TooLarge("a header's name", header.name.size(), kMaxHeaderNameBytes, "");
  }
  if (header.value.size() > kMaxHeaderValueBytes) {
    return TooLarge(fmt::format("the value of header '{}'", header.name), header.value.size(),
                    kMaxHeaderValueBytes, "");
  }
  return OkStatus();
}

// The body's contents, if it has the form of one.
bool ParseBody(std::string_view body, RecordView* record) {
  Decoder in(body);
  record->offset = in.Fixed<uint64_t>();
  record->timestamp = in.Fixed<int64_t>();
  const uint8_t flags = in.Byte();
  if ((flags & ~(kHasKey | kHasValue)) != 0) return false;
  record->key.reset();
  record->value.reset();
  if ((flags & kHasKey) != 0) record->key = in.Bytes();
  const uint64_t headers = in.Varint();
  if (!in.ok() || headers > in.rest().size()) return false;
  record->header_count = static_cast<uint32_t>(headers);
  const std::string_view from_headers = in.rest();
  for (uint64_t i = 0; i < 2 * headers; ++i) in.Bytes();
  if (!in.ok()) return false;
  record->header_bytes = from_headers.substr(0, from_headers.size() - in.rest().size());
  if ((flags & kHasValue) != 0) record->value = in.rest();
  return (flags & kHasValue) != 0 || in.empty();
}

}  // namespace

RecordHeaders RecordView::Headers() const {
  RecordHeaders headers;
  Decoder in(header_bytes);
  for (uint32_t i = 0; i < header_count; ++i) {
    const std::string_view name = in.Bytes();
    headers.push_back({name, in.Bytes()});
  }
  FLASHDB_CHECK(in.ok(), "the headers of record {}", offset);
  return headers;
}

Status CheckRecordLimits(const RecordInput& record, size_t max_value_bytes) {
  if (record.key && record.key->size() > kMaxRecordKeyBytes) {
    return TooLarge("the record's key", record.key->size(), kMaxRecordKeyBytes, "");
  }
  if (record.value && record.value->size() > max_value_bytes) {
    return TooLarge("the record's value", record.value->size(), max_value_bytes,
                    " (it can be configured)");
  }
  if (record.headers.size() > kMaxHeaders) {
    return absl::InvalidArgumentError(
        fmt::format("the record has {} headers, more than {}", record.headers.size(), kMaxHeaders));
  }
  for (const RecordHeader& header : record.headers) {
    FLASHDB_RETURN_IF_ERROR(CheckHeaderLimits(header));
  }
  return OkStatus();
}

size_t FrameBytesBound(const RecordInput& record) {
  size_t bytes = kFrameHeadBytes + kFixedBodyBytes + kMaxVarint32Bytes;
  if (record.key) bytes += kMaxVarint32Bytes + record.key->size();
  for (const RecordHeader& header : record.headers) {
    bytes += 2 * kMaxVarint32Bytes + header.name.size() + header.value.size();
  }
  return bytes + (record.value ? record.value->size() : 0);
}

void AppendFrame(std::string& out, Offset offset, UnixMillis timestamp, const RecordInput& record) {
  const size_t begin = out.size();
  out.reserve(begin + FrameBytesBound(record));
  out.append(kFrameHeadBytes, '\0');
  PutFixed<uint64_t>(out, offset);
  PutFixed<int64_t>(out, timestamp);
  PutByte(out, static_cast<uint8_t>((record.key ? kHasKey : 0) | (record.value ? kHasValue : 0)));
  if (record.key) PutBytes(out, *record.key);
  PutVarint(out, record.headers.size());
  for (const RecordHeader& header : record.headers) {
    PutBytes(out, header.name);
    PutBytes(out, header.value);
  }
  if (record.value) out.append(*record.value);
  const std::string_view body = std::string_view(out).substr(begin + kFrameHeadBytes);
  FLASHDB_CHECK(body.size() <= kMaxFrameBodyBytes, "a record of {} bytes", body.size());
  const uint32_t crc = Crc32c(body);
  StoreLittle(out.data() + begin, static_cast<uint32_t>(body.size()));
  StoreLittle(out.data() + begin + 4, crc);
}

size_t FrameSizeAt(std::string_view bytes) {
  if (bytes.size() < kFrameHeadBytes) return 0;
  const size_t body = LoadLittle<uint32_t>(bytes.data());
  const bool possible = body > kFixedBodyBytes && body <= kMaxFrameBodyBytes;
  return possible ? kFrameHeadBytes + body : 0;
}

FrameState ReadFrame(std::string_view bytes, RecordView* record, size_t* size) {
  if (bytes.size() < kFrameHeadBytes) return FrameState::kCutShort;
  const size_t frame = FrameSizeAt(bytes);
  if (frame == 0) return FrameState::kDamaged;
  if (bytes.size() < frame) return FrameState::kCutShort;
  const std::string_view body = bytes.substr(kFrameHeadBytes, frame - kFrameHeadBytes);
  if (Crc32c(body) != LoadLittle<uint32_t>(bytes.data() + 4)) return FrameState::kDamaged;
  if (!ParseBody(body, record)) return FrameState::kDamaged;
  *size = frame;
  return FrameState::kWhole;
}

RecordView FrameAt(std::string_view bytes, size_t* size) {
  const size_t frame = FrameSizeAt(bytes);
  FLASHDB_CHECK(frame != 0 && frame <= bytes.size(), "a frame of {} bytes in {}", frame,
                bytes.size());
  RecordView record;
  FLASHDB_CHECK(ParseBody(bytes.substr(kFrameHeadBytes, frame - kFrameHeadBytes), &record));
  *size = frame;
  return record;
}

}  // namespace flashdb
