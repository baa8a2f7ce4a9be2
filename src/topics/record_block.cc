#include "topics/record_block.h"

#include <algorithm>

#include "base/check.h"
#include "base/coding.h"
#include "base/prefetch.h"

namespace flashdb {
namespace {

constexpr size_t kLineBytes = 64;
constexpr size_t kPrefetchBytes = 256;  // of a longer frame the processor sees the pattern

}  // namespace

void RecordBlock::Reserve(size_t bytes, size_t records) {
  bytes_.reserve(bytes);
  starts_.reserve(records);
}

void RecordBlock::Append(std::string_view frame, Offset offset, UnixMillis timestamp) {
  FLASHDB_CHECK(offset >= end_, "record {} after {}", offset, end_);
  if (starts_.empty()) first_timestamp_ = timestamp;
  last_timestamp_ = timestamp;
  max_timestamp_ = starts_.empty() ? timestamp : std::max(max_timestamp_, timestamp);
  starts_.push_back(static_cast<uint32_t>(bytes_.size()));
  bytes_.append(frame);
  end_ = offset + 1;
}

void RecordBlock::CoverTo(Offset end) {
  FLASHDB_CHECK(end >= end_, "cover to {} a block that ends at {}", end, end_);
  end_ = end;
}

void RecordBlock::PrefetchEnd() const {
  const size_t end = std::min(bytes_.size() + kPrefetchBytes, bytes_.capacity());
  for (size_t at = bytes_.size(); at < end; at += kLineBytes) PrefetchLine(bytes_.data() + at);
  if (!starts_.empty()) PrefetchLine(&starts_.back());
}

size_t RecordBlock::MemoryBytes() const {
  return sizeof(*this) + bytes_.capacity() + starts_.capacity() * sizeof(starts_[0]);
}

size_t RecordBlock::IndexOf(Offset offset) const {
  if (starts_.empty() || offset <= OffsetAt(0)) return 0;
  const Offset first = OffsetAt(0);
  const Offset last = OffsetAt(count() - 1);
  if (offset > last) return count();
  if (last - first == count() - 1) return offset - first;  // no gaps
  auto at = std::lower_bound(
      starts_.begin(), starts_.end(), offset, [this](uint32_t start, Offset wanted) {
        return LoadLittle<Offset>(bytes_.data() + start + kFrameHeadBytes) < wanted;
      });
  return static_cast<size_t>(at - starts_.begin());
}

std::string_view RecordBlock::Frames(size_t first, size_t last) const {
  FLASHDB_CHECK(first <= last && last <= count(), "records {} to {} of {}", first, last, count());
  const size_t begin = first < count() ? starts_[first] : bytes_.size();
  const size_t end = last < count() ? starts_[last] : bytes_.size();
  return bytes().substr(begin, end - begin);
}

Offset RecordBlock::OffsetAt(size_t index) const {
  return LoadLittle<Offset>(bytes_.data() + starts_[index] + kFrameHeadBytes);
}

UnixMillis RecordBlock::TimestampAt(size_t index) const {
  return LoadLittle<UnixMillis>(bytes_.data() + starts_[index] + kFrameHeadBytes + sizeof(Offset));
}

}  // namespace flashdb
