// Finding what the files hold, at the start. All of it blocks.
#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {
namespace {

// The last `size` bytes of a file; fewer if it has fewer. Empty if there is no such file.
StatusOr<std::string> ReadEnd(FileSystem& files, const std::string& path, size_t size) {
  StatusOr<std::unique_ptr<File>> file = files.OpenForRead(path);
  if (absl::IsNotFound(file.status())) return std::string();
  FLASHDB_RETURN_IF_ERROR(file.status());
  FLASHDB_ASSIGN_OR_RETURN(uint64_t bytes, (*file)->Size());
  std::string end(std::min<uint64_t>(bytes, size), '\0');
  FLASHDB_ASSIGN_OR_RETURN(
      size_t got,
      (*file)->ReadAt(bytes - end.size(), {reinterpret_cast<uint8_t*>(end.data()), end.size()}));
  end.resize(got);
  return end;
}

}  // namespace

StatusOr<std::vector<std::string>> FileStorage::Open() {
  FLASHDB_CHECK(segments_.empty() && end_ == 0, "{} is opened twice", directory_);
  SegmentFiles::BlockingScope blocking(files_);
  std::vector<std::string> notes;
  FLASHDB_RETURN_IF_ERROR(TakeBackDirectory());
  FLASHDB_ASSIGN_OR_RETURN(std::vector<SegmentRef> found, ListSegments(notes));
  FLASHDB_RETURN_IF_ERROR(OpenSegments(std::move(found), notes));
  if (!segments_.empty()) end_ = segments_.back()->facts.end;
  readable_end_ = end_;
  // What was removed must not come back after a power failure.
  if (!notes.empty()) FLASHDB_RETURN_IF_ERROR(files_.files().SyncDirectory(directory_));
  durable_end_ = active_ == nullptr || active_->durable_bytes > 0 ? end_ : active_->base;
  compacted_to_ = start();
  return notes;
}

StatusOr<std::vector<SegmentRef>> FileStorage::ListSegments(std::vector<std::string>& notes) {
  std::vector<SegmentRef> found;
  StatusOr<std::vector<std::string>> names = files_.files().List(directory_);
  if (absl::IsNotFound(names.status())) return found;
  FLASHDB_RETURN_IF_ERROR(names.status());
  has_directory_ = true;
  FLASHDB_RETURN_IF_ERROR(RemoveLoneIndexes(*names));
  for (const std::string& name : *names) {
    if (name.ends_with(kUnfinishedSuffix)) {
      FLASHDB_RETURN_IF_ERROR(files_.files().Remove(directory_ + "/" + name));
      continue;
    }
    const std::optional<Offset> base = BaseOfLogName(name);
    if (!base) continue;
    auto segment = std::make_shared<TopicSegment>();
    segment->base = *base;
    segment->stem = directory_ + "/" + TopicSegmentName(*base);
    segment->facts.base = segment->facts.end = *base;
    FLASHDB_ASSIGN_OR_RETURN(std::shared_ptr<OpenSegment> file, files_.Open(segment));
    FLASHDB_ASSIGN_OR_RETURN(segment->facts.log_bytes, file->file().Size());
    FLASHDB_ASSIGN_OR_RETURN(std::optional<SegmentHead> head, ReadHead(*segment));
    if (head && head->owner.partition == partition_ && head->owner.topic > topic_id_) {
      for (const SegmentRef& older : found) files_.Release(older);
      files_.Release(segment);
      FLASHDB_RETURN_IF_ERROR(SetDirectoryAside(head->owner.topic));
      return std::vector<SegmentRef>{};
    }
    if (head && head->owner != owner()) {
      notes.push_back(segment->LogPath() + " was left over from a deleted topic and is removed");
      files_.Release(segment);
      FLASHDB_RETURN_IF_ERROR(RemoveSegmentFiles(*segment));
      continue;
    }
    found.push_back(std::move(segment));
  }
  return found;
}

// Of a segment whose removal a crash cut short, the log first.
Status FileStorage::RemoveLoneIndexes(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string_view stem = std::string_view(name).substr(0, name.find('.'));
    const bool index = name.ends_with(kIndexSuffix) || name.ends_with(kTimeIndexSuffix);
    if (!index ||
        std::binary_search(names.begin(), names.end(), fmt::format("{}{}", stem, kLogSuffix))) {
      continue;
    }
    FLASHDB_RETURN_IF_ERROR(files_.files().Remove(directory_ + "/" + name));
  }
  return OkStatus();
}

Status FileStorage::RemoveSegmentFiles(const TopicSegment& segment) {
  const std::array<std::string, 3> paths = segment.Paths();
  for (const std::string& path : paths) {
    const Status status = files_.files().Remove(path);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return OkStatus();
}

StatusOr<std::optional<SegmentHead>> FileStorage::ReadHead(const TopicSegment& segment) {
  std::string bytes(kSegmentHeadBytes, '\0');
  FLASHDB_ASSIGN_OR_RETURN(
      size_t got,
      segment.open->file().ReadAt(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}));
  std::optional<SegmentHead> head = DecodeSegmentHead(std::string_view(bytes).substr(0, got));
  if (head && head->base != segment.base) head.reset();
  return head;
}

// Whether both index files are the segment's and fit its size; then it was whole and durable.
StatusOr<bool> FileStorage::Trust(TopicSegment& segment) {
  FLASHDB_ASSIGN_OR_RETURN(std::string of_offsets,
                           ReadEnd(files_.files(), segment.IndexPath(), kIndexFooterBytes));
  FLASHDB_ASSIGN_OR_RETURN(std::string of_times,
                           ReadEnd(files_.files(), segment.TimeIndexPath(), kIndexFooterBytes));
  const auto offsets = DecodeIndexFooter(IndexKind::kOffsets, of_offsets);
  const auto times = DecodeIndexFooter(IndexKind::kTimes, of_times);
  if (!offsets || !times || offsets->facts != times->facts) return false;
  if (offsets->owner != owner() || times->owner != owner()) return false;
  if (offsets->facts.base != segment.base) return false;
  if (offsets->facts.log_bytes != segment.facts.log_bytes) return false;
  segment.facts = offsets->facts;
  segment.closed = segment.sealed = segment.name_durable = true;
  segment.durable_bytes = segment.facts.log_bytes;
  return true;
}

Status FileStorage::OpenSegments(std::vector<SegmentRef> found, std::vector<std::string>& notes) {
  size_t first_unsealed = 0;  // of those with no sealed one behind them
  for (size_t i = 0; i < found.size(); ++i) {
    FLASHDB_ASSIGN_OR_RETURN(bool sealed, Trust(*found[i]));
    if (sealed) first_unsealed = i + 1;
  }
  bool cut = false;
  for (size_t i = 0; i < found.size(); ++i) {
    const SegmentRef& segment = found[i];
    const Offset next = i + 1 < found.size() ? found[i + 1]->base : kNoOffset;
    if (cut) {
      notes.push_back(
          fmt::format("{} ({} bytes) does not continue what is before it and is removed",
                      segment->LogPath(), segment->facts.log_bytes));
      files_.Release(segment);
      FLASHDB_RETURN_IF_ERROR(RemoveSegmentFiles(*segment));
      continue;
    }
    if (!segment->sealed) {
      FLASHDB_RETURN_IF_ERROR(Verify(segment, next, i >= first_unsealed, notes, &cut));
    }
    FLASHDB_RETURN_IF_ERROR(Adopt(segment, cut || i + 1 == found.size(), next, notes));
  }
  return OkStatus();
}

// Reads all of an unsealed segment. Behind it a sealed one means that it had been whole and
// durable: what is bad in it now is damage, and stays for those who may restore it. Otherwise it
// was being written, or waiting to be sealed, when the server ended: it is cut at the first bad
// byte.
Status FileStorage::Verify(const SegmentRef& segment, Offset next, bool may_cut,
                           std::vector<std::string>& notes, bool* cut) {
  FLASHDB_ASSIGN_OR_RETURN(std::shared_ptr<OpenSegment> file, files_.Open(segment));
  FLASHDB_ASSIGN_OR_RETURN(std::optional<SegmentHead> head, ReadHead(*segment));
  auto index = std::make_shared<SegmentIndex>(segment->base);
  uint64_t good_bytes = 0;
  const Status scan =
      !head ? absl::DataLossError("no head") : RunBlocking(Scan(segment, *index, &good_bytes));
  if (!scan.ok() && !absl::IsDataLoss(scan)) return scan;
  if (head && head->compacted_end > 0 && scan.ok()) index->CoverTo(head->compacted_end);
  segment->live_index = index;
  const bool gap = next != kNoOffset && index->facts().end < next;
  if (scan.ok() && (!gap || !may_cut)) {
    segment->facts = index->facts();
    return OkStatus();
  }
  if (!may_cut) {
    notes.push_back(
        fmt::format("{} is damaged at byte {}: {} bytes from there on can't be read; "
                    "restore the file",
                    segment->LogPath(), good_bytes, segment->facts.log_bytes - good_bytes));
    index->CoverTo(next);
    const uint64_t log_bytes = segment->facts.log_bytes;
    segment->facts = index->facts();
    segment->facts.log_bytes = log_bytes;  // the damage is met when it is read
    segment->sealed = true;
    return OkStatus();
  }
  *cut = true;
  return Cut(segment, good_bytes, notes);
}

Status FileStorage::Cut(const SegmentRef& segment, uint64_t good_bytes,
                        std::vector<std::string>& notes) {
  const uint64_t bytes = segment->facts.log_bytes;
  if (bytes > good_bytes) {
    notes.push_back(fmt::format("{} is cut at byte {}: {} bytes behind it are not whole",
                                segment->LogPath(), good_bytes, bytes - good_bytes));
  }
  File& file = segment->open->file();
  if (bytes > good_bytes) FLASHDB_RETURN_IF_ERROR(file.Truncate(good_bytes));
  if (good_bytes < kSegmentHeadBytes) {
    FLASHDB_RETURN_IF_ERROR(file.Truncate(0));
    const std::string head = EncodeSegmentHead({owner(), segment->base});
    FLASHDB_RETURN_IF_ERROR(
        file.WriteAt(0, {reinterpret_cast<const uint8_t*>(head.data()), head.size()}));
    segment->live_index->AddHead();
  }
  segment->facts = segment->live_index->facts();
  return file.Sync();
}

// The last one goes on growing unless it is full or was compacted.
Status FileStorage::Adopt(const SegmentRef& segment, bool last, Offset next,
                          std::vector<std::string>& notes) {
  segments_.push_back(segment);
  bytes_ += segment->facts.frame_bytes();
  records_ += segment->facts.records;
  if (!last) {
    segment->closed = true;
    if (segment->facts.end < next) {
      notes.push_back(fmt::format("{}: records {} to {} are missing", directory_,
                                  segment->facts.end, next - 1));
    }
    if (!segment->sealed) return RunBlocking(Seal(segment));
    files_.Release(segment);
    return OkStatus();
  }
  FLASHDB_ASSIGN_OR_RETURN(std::shared_ptr<OpenSegment> file, files_.Open(segment));
  FLASHDB_ASSIGN_OR_RETURN(std::optional<SegmentHead> head, ReadHead(*segment));
  const bool grows =
      segment->facts.log_bytes < files_.options().segment_bytes && head && head->compacted_end == 0;
  if (!grows) {
    segment->closed = true;
    return segment->sealed ? OkStatus() : RunBlocking(Seal(segment));
  }
  if (segment->sealed) {
    FLASHDB_ASSIGN_OR_RETURN(SegmentIndex index, RunBlocking(LoadIndex(segment)));
    segment->live_index = std::make_shared<SegmentIndex>(std::move(index));
    segment->closed = segment->sealed = false;
  }
  active_ = segment;
  return OkStatus();
}

}  // namespace flashdb
