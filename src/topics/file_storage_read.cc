// Finding and reading records.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {

// The last that begins at or before `offset`, or the first one.
SegmentRef FileStorage::SegmentFor(Offset offset) const {
  auto after = std::upper_bound(
      segments_.begin(), segments_.end(), offset,
      [](Offset wanted, const SegmentRef& segment) { return wanted < segment->base; });
  if (after == segments_.begin()) return segments_.empty() ? nullptr : segments_.front();
  return *std::prev(after);
}

SegmentRef FileStorage::SegmentAfter(const TopicSegment& segment) const {
  auto after =
      std::upper_bound(segments_.begin(), segments_.end(), segment.base,
                       [](Offset base, const SegmentRef& other) { return base < other->base; });
  return after == segments_.end() ? nullptr : *after;
}

Task<StatusOr<BlockRef>> FileStorage::Read(Offset from, size_t max_bytes) {
  Busy busy(*this);
  FLASHDB_CHECK(from < readable_end_, "read {} of {}", from, readable_end_);
  auto block = std::make_shared<RecordBlock>(from);
  std::unique_ptr<FrameReader> reader = files_.TakeReader(this, from);
  const bool sequential = reader != nullptr;
  Offset at = from;
  while (block->count() == 0 && block->end() < readable_end_) {
    if (from < start() || segments_.empty())
      co_return absl::OutOfRangeError("these records were removed");
    if (reader == nullptr) {
      StatusOr<std::unique_ptr<FrameReader>> made = co_await ReaderAt(SegmentFor(at), at);
      if (absl::IsAborted(made.status())) continue;  // replaced meanwhile: another is there now
      if (!made.ok()) co_return made.status();
      reader = *std::move(made);
      reader->set_first_read(max_bytes + 2 * SegmentIndex::kGapBytes);
    }
    if (sequential) reader->set_read_ahead();
    Status status = co_await ReadRecords(*reader, from, max_bytes, *block);
    if (block->count() > 0) {
      if (!status.ok()) reader.reset();  // the next read says what is wrong
      break;
    }
    const SegmentRef next = status.ok() ? SegmentAfter(*reader->segment()) : nullptr;
    reader.reset();
    if (absl::IsAborted(status)) continue;
    if (!status.ok()) co_return status;
    if (next == nullptr) {
      block->CoverTo(readable_end_);
    } else {
      block->CoverTo(std::max(block->end(), next->base));
      at = std::max(at, next->base);
    }
  }
  if (reader != nullptr && !dropped_) files_.KeepReader(this, block->end(), std::move(reader));
  co_return BlockRef(std::move(block));
}

// Ok at the segment's end, or when there is enough.
Task<Status> FileStorage::ReadRecords(FrameReader& reader, Offset from, size_t max_bytes,
                                      RecordBlock& block) {
  constexpr size_t kMostReserved = 1u << 20;
  RecordView record;
  std::string_view frame;
  while (block.count() == 0 || block.bytes().size() + reader.NextBytes() <= max_bytes) {
    switch (reader.Next(&record, &frame)) {
      case FrameReader::Step::kRecord:
        if (record.offset < from) continue;
        if (block.count() == 0) {
          const uint64_t left = reader.segment()->facts.log_bytes - reader.position();
          block.Reserve(frame.size() + std::min<uint64_t>({left, max_bytes, kMostReserved}), 0);
        }
        block.Append(frame, record.offset, record.timestamp);
        continue;
      case FrameReader::Step::kMore: {
        Status status = co_await reader.Fill();
        if (!status.ok()) co_return status;
        continue;
      }
      case FrameReader::Step::kEnd:
        if (reader.segment()->closed) {
          block.CoverTo(std::max(block.end(), reader.segment()->facts.end));
        }
        co_return OkStatus();
      case FrameReader::Step::kDamaged:
        if (block.count() > 0) co_return OkStatus();  // the next read says so
        co_return co_await DamageAt(reader.segment(), reader.position());
    }
  }
  co_return OkStatus();
}

Task<Status> FileStorage::DamageAt(SegmentRef segment, uint64_t position) {
  StatusOr<std::shared_ptr<const SegmentIndex>> index = co_await IndexOf(segment);
  if (!index.ok()) co_return index.status();
  co_return absl::DataLossError(
      fmt::format("{} is damaged at byte {}: restore the file, or read on from offset {}",
                  segment->LogPath(), position, (*index)->OffsetAfter(position)));
}

Task<StatusOr<std::unique_ptr<FrameReader>>> FileStorage::ReaderAt(SegmentRef segment,
                                                                   Offset from) {
  uint64_t position = kSegmentHeadBytes;
  if (from > segment->base) {
    StatusOr<std::shared_ptr<const SegmentIndex>> index = co_await IndexOf(segment);
    if (!index.ok()) co_return index.status();
    position = (*index)->PositionFor(from);
  }
  co_return std::make_unique<FrameReader>(files_, segment, position);
}

Task<StatusOr<std::shared_ptr<const SegmentIndex>>> FileStorage::IndexOf(SegmentRef segment) {
  using Result = StatusOr<std::shared_ptr<const SegmentIndex>>;
  if (segment->live_index != nullptr) {
    co_return Result(std::shared_ptr<const SegmentIndex>(segment->live_index));
  }
  std::shared_ptr<const SegmentIndex> index = files_.CachedIndex(segment);
  if (index != nullptr) co_return Result(std::move(index));
  StatusOr<SegmentIndex> loaded = co_await LoadIndex(segment);
  if (!loaded.ok()) co_return Result(loaded.status());
  index = std::make_shared<const SegmentIndex>(*std::move(loaded));
  files_.CacheIndex(segment, index);
  co_return Result(std::move(index));
}

// Index files that have gone bad since the start are made anew at the next one.
Task<StatusOr<SegmentIndex>> FileStorage::LoadIndex(SegmentRef segment) {
  if (segment->gone) co_return absl::AbortedError(segment->stem + " is gone");
  StatusOr<std::string> offsets = co_await ReadFile(segment->IndexPath());
  if (segment->gone) co_return absl::AbortedError(segment->stem + " is gone");
  StatusOr<std::string> times = co_await ReadFile(segment->TimeIndexPath());
  if (segment->gone) co_return absl::AbortedError(segment->stem + " is gone");
  if (offsets.ok() && times.ok()) {
    StatusOr<SegmentIndex> index =
        SegmentIndex::Decode(owner(), segment->base, segment->facts.log_bytes, *offsets, *times);
    if (index.ok()) co_return index;
  }
  const std::string bad = segment->IndexPath();
  if (!segment->renaming && files_.files().Exists(bad)) {
    Status removed = files_.files().Remove(bad);
    if (!removed.ok()) co_return removed;
  }
  SegmentIndex index(segment->base);
  uint64_t good_bytes = 0;
  Status status = co_await Scan(segment, index, &good_bytes);
  if (!status.ok() && !absl::IsDataLoss(status)) co_return status;
  index.CoverTo(segment->facts.end);
  co_return index;
}

Task<StatusOr<std::string>> FileStorage::ReadFile(std::string path) {
  StatusOr<std::unique_ptr<File>> file = files_.files().OpenForRead(path);
  if (!file.ok()) co_return file.status();
  std::unique_ptr<File> held = *std::move(file);
  StatusOr<uint64_t> size = held->Size();
  if (!size.ok()) co_return size.status();
  std::string bytes(*size, '\0');
  std::span<uint8_t> rest(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  while (!rest.empty()) {
    const int32_t result = co_await files_.Read(*held, bytes.size() - rest.size(), rest);
    if (result <= 0) co_return ErrnoStatus(result == 0 ? EIO : -result, "read " + path);
    rest = rest.subspan(static_cast<size_t>(result));
  }
  co_return bytes;
}

// Reads and verifies all of the segment; DataLoss at the first bad frame, behind *good_bytes.
Task<Status> FileStorage::Scan(SegmentRef segment, SegmentIndex& index, uint64_t* good_bytes) {
  FrameReader reader(files_, segment, kSegmentHeadBytes);
  reader.set_read_ahead();
  index.AddHead();
  RecordView record;
  std::string_view frame;
  for (;;) {
    *good_bytes = reader.position();
    switch (reader.Next(&record, &frame)) {
      case FrameReader::Step::kRecord:
        index.Add(record.offset, record.timestamp, *good_bytes, frame.size());
        continue;
      case FrameReader::Step::kMore: {
        Status status = co_await reader.Fill();
        if (!status.ok()) co_return status;
        continue;
      }
      case FrameReader::Step::kEnd:
        co_return OkStatus();
      case FrameReader::Step::kDamaged:
        co_return absl::DataLossError(
            fmt::format("{} is damaged at byte {}", segment->LogPath(), *good_bytes));
    }
  }
}

Task<StatusOr<Offset>> FileStorage::OffsetOfTime(UnixMillis time) {
  Busy busy(*this);
  for (;;) {
    auto at = std::find_if(segments_.begin(), segments_.end(), [time](const SegmentRef& segment) {
      return segment->facts.records > 0 && segment->facts.max_timestamp >= time;
    });
    if (at == segments_.end()) co_return readable_end_;
    SegmentRef segment = *at;
    StatusOr<Offset> found = co_await FindTime(segment, time);
    if (!absl::IsAborted(found.status())) co_return found;
  }
}

Task<StatusOr<Offset>> FileStorage::FindTime(SegmentRef segment, UnixMillis time) {
  StatusOr<std::shared_ptr<const SegmentIndex>> index = co_await IndexOf(segment);
  if (!index.ok()) co_return index.status();
  const Offset from = (*index)->OffsetFor(time);
  FrameReader reader(files_, segment, (*index)->PositionFor(from));
  std::optional<Offset> found;
  auto look = [&found, time](const RecordView& record) {
    if (record.timestamp >= time) found = record.offset;
    return !found.has_value();
  };
  Status status = co_await ForEachRecord(reader, look);
  if (!status.ok()) co_return status;
  co_return found.value_or(segment->facts.end);
}

}  // namespace flashdb
