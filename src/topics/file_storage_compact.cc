// Compaction: of the records with the same key in sealed segments only the last stays. First the
// keys of the segments that came since the last time are mapped to their last offsets, then every
// segment that has a superseded record is written anew beside itself and swapped in.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {
namespace {

std::string Unfinished(const std::string& path) { return path + std::string(kUnfinishedSuffix); }

}  // namespace

bool FileStorage::Compact(UnixMillis tombstones_before) {
  if (stopped()) return false;
  if (compacting_) return true;
  if (!compaction_ && !BeginCompaction(tombstones_before)) return false;
  Detach(CompactStep(SegmentFor(std::max(compaction_->next, start()))));
  return compacting_ || compaction_.has_value();
}

bool FileStorage::BeginCompaction(UnixMillis tombstones_before) {
  Offset end = start();
  for (const SegmentRef& segment : segments_) {
    if (!segment->sealed) break;
    end = segment->facts.end;
  }
  if (end <= std::max({compacted_to_, start(), compaction_failed_to_})) return false;
  if (!files_.HasKeysForCompaction()) return false;
  compaction_.emplace(compacted_to_, end, tombstones_before, files_.compaction_keys());
  return true;
}

Task<void> FileStorage::CompactStep(SegmentRef segment) {
  Busy busy(*this);
  compacting_ = true;
  Status status = OkStatus();
  if (!segment->sealed || segment->base >= compaction_->end) {
    status = absl::AbortedError("trimmed away");
  } else if (!compaction_->copying) {
    status = co_await MapKeys(segment);
  } else {
    StatusOr<bool> superseded = co_await HasSuperseded(segment);
    status = superseded.status();
    if (superseded.ok() && *superseded && compaction_) status = co_await Rewrite(segment);
  }
  compacting_ = false;
  if (!compaction_ || stopped()) co_return;
  if (status.ok() || absl::IsAborted(status)) {
    AdvanceCompaction(*segment);
    co_return;
  }
  // With a damaged segment, a full disk or too few descriptors nothing more is done before there
  // are new segments. What was not rewritten counts as not compacted: no tombstone may go before
  // what it hides.
  compaction_failed_to_ = compaction_->end;
  compaction_.reset();
  if (!absl::IsDataLoss(status) && !MayPass(status)) Fail(status);
}

void FileStorage::AdvanceCompaction(const TopicSegment& visited) {
  Compaction& compaction = *compaction_;
  compaction.next = std::max(visited.facts.end, compaction.next);
  const Offset end = std::min(compaction.end, compaction.mapped_end);
  if (compaction.next < end) return;
  if (!compaction.copying) {
    compaction.copying = true;
    compaction.next = start();
    return;
  }
  compacted_to_ = end;
  compaction_.reset();
}

Task<Status> FileStorage::MapKeys(SegmentRef segment) {
  const Offset from = compaction_->next;
  StatusOr<std::unique_ptr<FrameReader>> reader = co_await ReaderAt(segment, from);
  if (!reader.ok()) co_return reader.status();
  (*reader)->set_read_ahead();
  auto map_key = [this, from](const RecordView& record) {
    if (!compaction_) return false;
    if (!record.key || record.offset < from) return true;
    if (compaction_->last_of_key.Put(*record.key, record.offset)) return true;
    compaction_->mapped_end = record.offset;
    return false;
  };
  co_return co_await ForEachRecord(**reader, map_key);
}

bool FileStorage::Keeps(const RecordView& record) const {
  if (!record.key || record.offset >= compaction_->mapped_end) return true;
  if (compaction_->last_of_key.Supersedes(*record.key, record.offset)) return false;
  return record.value.has_value() || record.timestamp >= compaction_->tombstones_before;
}

Task<StatusOr<bool>> FileStorage::HasSuperseded(SegmentRef segment) {
  FrameReader reader(files_, segment, kSegmentHeadBytes);
  reader.set_read_ahead();
  bool superseded = false;
  auto look = [this, &superseded](const RecordView& record) {
    if (!compaction_) return false;
    superseded = !Keeps(record);
    return !superseded;
  };
  Status status = co_await ForEachRecord(reader, look);
  if (!status.ok()) co_return status;
  co_return superseded;
}

Task<Status> FileStorage::Rewrite(SegmentRef segment) {
  const std::string path = Unfinished(segment->LogPath());
  std::unique_ptr<File> file;
  const int32_t created = co_await ChangeName(files_.Create(path, file));
  if (dropped_) co_return OkStatus();
  if (created < 0) co_return ErrnoStatus(-created, "create " + path);
  auto index = std::make_shared<SegmentIndex>(segment->base);
  Status status = co_await CopyKept(segment, *index, *file);
  file.reset();
  if (status.ok() && !dropped_) {
    status = co_await WriteFile(Unfinished(segment->IndexPath()), index->EncodeOffsets(owner()));
  }
  if (status.ok() && !dropped_) {
    status = co_await WriteFile(Unfinished(segment->TimeIndexPath()), index->EncodeTimes(owner()));
  }
  if (dropped_) co_return OkStatus();
  if (status.ok() && !segment->gone) status = co_await RenameFiles(segment);
  if (dropped_) co_return OkStatus();
  if (status.ok() && !segment->gone) {
    SwapIn(segment, std::move(index));
    co_return co_await SyncDirectory(directory_);
  }
  // Trimmed away meanwhile, or it failed: neither what was written nor what was renamed may stay.
  const std::array<std::string, 3> paths = segment->Paths();
  for (const std::string& to : paths) {
    const std::string left = Unfinished(to);
    const int32_t result = dropped_ ? 0 : co_await ChangeName(files_.Remove(left));
    if (result < 0 && result != -ENOENT) co_return ErrnoStatus(-result, "remove " + left);
  }
  if (segment->gone && !dropped_) co_return co_await RemoveFiles(segment);
  co_return status;
}

// The log first: with index files that do not fit its size it is read as one that has none. The
// replaced file is held open meanwhile: readers need it, and its blocks are freed by closing it in
// the background, not by the renaming.
Task<Status> FileStorage::RenameFiles(SegmentRef segment) {
  StatusOr<std::shared_ptr<OpenSegment>> open = files_.Open(segment);
  if (!open.ok()) co_return open.status();
  std::shared_ptr<OpenSegment> replaced = *std::move(open);
  segment->renaming = true;
  const std::array<std::string, 3> paths = segment->Paths();
  for (const std::string& to : paths) {
    const std::string from = Unfinished(to);
    if (dropped_ || segment->gone) break;
    const int32_t result = co_await ChangeName(files_.Rename(from, to));
    if (result < 0 && !dropped_) co_return ErrnoStatus(-result, "rename " + from);
  }
  co_return OkStatus();
}

// Through a buffer as large as the reader's.
Task<Status> FileStorage::CopyKept(SegmentRef segment, SegmentIndex& index, File& file) {
  FrameReader reader(files_, segment, kSegmentHeadBytes);
  reader.set_read_ahead();
  std::string out = EncodeSegmentHead({owner(), segment->base, segment->facts.end});
  uint64_t written = 0;
  index.AddHead();
  RecordView record;
  std::string_view frame;
  for (bool more = true; more;) {
    const FrameReader::Step step = reader.Next(&record, &frame);
    if (!compaction_) co_return absl::AbortedError("dropped");
    if (step == FrameReader::Step::kRecord && Keeps(record)) {
      index.Add(record.offset, record.timestamp, written + out.size(), frame.size());
      out += frame;
    }
    if (step == FrameReader::Step::kDamaged) {
      co_return co_await DamageAt(segment, reader.position());
    }
    more = step != FrameReader::Step::kEnd;
    if (out.size() >= WriteBuffers::kSmallBytes || !more) {
      Status status = co_await WriteAt(file, written, out, segment->LogPath());
      if (!status.ok()) co_return status;
      written += out.size();
      out.clear();
    }
    if (step == FrameReader::Step::kMore) {
      Status status = co_await reader.Fill();
      if (!status.ok()) co_return status;
    }
  }
  index.CoverTo(segment->facts.end);
  const int32_t result = co_await files_.Sync(file);
  co_return result < 0 ? ErrnoStatus(-result, "sync " + segment->LogPath()) : OkStatus();
}

void FileStorage::SwapIn(const SegmentRef& segment, std::shared_ptr<SegmentIndex> index) {
  auto at = std::find(segments_.begin(), segments_.end(), segment);
  FLASHDB_CHECK(at != segments_.end());
  auto rewritten = std::make_shared<TopicSegment>();
  rewritten->base = segment->base;
  rewritten->stem = segment->stem;
  rewritten->facts = index->facts();
  rewritten->closed = rewritten->sealed = rewritten->name_durable = true;
  rewritten->durable_bytes = rewritten->facts.log_bytes;
  rewritten->last_lsn = segment->last_lsn;
  bytes_ -= segment->facts.frame_bytes() - rewritten->facts.frame_bytes();
  records_ -= segment->facts.records - rewritten->facts.records;
  *at = rewritten;
  files_.Retire(segment);
  files_.CacheIndex(rewritten, std::move(index));
}

}  // namespace flashdb
