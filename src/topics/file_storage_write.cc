// Appending blocks to the active segment.
#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/check.h"
#include "topics/file_storage.h"

namespace flashdb {

void FileStorage::StartWriting() {
  if (writing_ || stopped() || (queue_.empty() && !roll_wanted_)) return;
  Detach(WriteLoop());
}

Task<void> FileStorage::WriteLoop() {
  Busy busy(*this);
  writing_ = true;
  while (!stopped() && (!queue_.empty() || roll_wanted_)) {
    // Not within a block.
    const bool rolled = roll_wanted_ && front_written_ == 0;
    if (rolled) {
      roll_wanted_ = false;
      if (active_ != nullptr && active_->facts.log_bytes > 0) CloseActive();
    }
    Status status = OkStatus();
    if (queue_.empty()) {
      status = co_await WriteEmptySegment();
    } else {
      status = co_await WriteNext();
    }
    if (!status.ok()) {
      roll_wanted_ |= rolled;
      FailOrStall(status, write_stall_);
      if (rolled && !stopped()) RemoveBelow(trim_to_);  // gives room, maybe
      break;
    }
    write_stall_ = OkStatus();
    if (stopped()) break;
    if (rolled) RemoveBelow(trim_to_);
    StartSyncing();
  }
  writing_ = false;
}

bool FileStorage::MustRoll(const RecordBlock& next) const {
  if (next.end() - active_->base > std::numeric_limits<uint32_t>::max()) return true;
  if (active_->facts.records == 0) return false;
  return active_->facts.log_bytes + next.bytes().size() > files_.options().segment_bytes ||
         next.base() != active_->facts.end;
}

void FileStorage::CloseActive() {
  if (active_ == nullptr) return;
  active_->closed = true;
  active_->live_index->CoverTo(readable_end_);
  active_->facts = active_->live_index->facts();
  active_ = nullptr;
  StartSyncing();
}

FileStorage::Batch FileStorage::NextBatch() const {
  Batch batch;
  const uint64_t written = FileEnd();
  const uint64_t room = files_.options().segment_bytes;
  const size_t limit = files_.write_buffers().Limit();
  if (written == 0) batch.head = EncodeSegmentHead({owner(), active_->base});
  batch.bytes = batch.head.size() + queue_.front().block->bytes().size() - front_written_;
  for (batch.blocks = 1; batch.blocks < queue_.size(); ++batch.blocks) {
    const RecordBlock& next = *queue_[batch.blocks].block;
    const size_t more = batch.bytes + next.bytes().size();
    if (written + more > room || next.base() != queue_[batch.blocks - 1].block->end()) break;
    batch.more = more > limit && !roll_wanted_;
    if (more > limit) break;
    batch.bytes = more;
  }
  return batch;
}

// The position of the queue's first block.
uint64_t FileStorage::PlaceOfFront() const {
  return std::max<uint64_t>(active_->facts.log_bytes, kSegmentHeadBytes);
}

uint64_t FileStorage::FileEnd() const {
  return front_written_ == 0 ? active_->facts.log_bytes : PlaceOfFront() + front_written_;
}

std::string_view FileStorage::Gather(const Batch& batch, const WriteBuffers::Buffer& buffer) const {
  char* const begin = buffer.For(FileEnd());
  char* at = std::copy(batch.head.begin(), batch.head.end(), begin);
  for (size_t i = 0; i < batch.blocks; ++i) {
    std::string_view bytes = queue_[i].block->bytes();
    if (i == 0) bytes.remove_prefix(front_written_);
    at = std::copy(bytes.begin(), bytes.end(), at);
  }
  return {begin, at};
}

Task<Status> FileStorage::WriteNext() {
  if (active_ != nullptr && front_written_ == 0 && MustRoll(*queue_.front().block)) CloseActive();
  if (active_ == nullptr) {
    Status begun = co_await BeginSegment(queue_.front().block->base());
    if (!begun.ok() || dropped_) co_return begun;
  }
  SegmentRef segment = active_;
  const Batch batch = NextBatch();
  const WriteBuffers::Buffer buffer = files_.write_buffers().Take(batch.bytes);
  StatusOr<size_t> written = co_await WriteSome(segment, Gather(batch, buffer), batch.more);
  if (!written.ok() || dropped_) co_return written.status();
  NoteFileEnd(*segment, FileEnd() + *written);
  if (queue_.empty()) readable_end_ = end_;  // past a SkipTo
  co_return OkStatus();
}

void FileStorage::NoteFileEnd(TopicSegment& segment, uint64_t end) {
  uint64_t place = PlaceOfFront();
  while (!queue_.empty()) {
    const size_t bytes = queue_.front().block->bytes().size();
    if (place + bytes > end) break;
    NoteWritten(segment, queue_.front(), place);
    place += bytes;
    queued_bytes_ -= bytes;
    queue_.pop_front();
  }
  front_written_ = end - place;
}

void FileStorage::NoteWritten(TopicSegment& segment, const Queued& queued, uint64_t position) {
  const RecordBlock& block = *queued.block;
  for (size_t i = 0; i < block.count(); ++i) {
    const size_t bytes = block.Frames(i, i + 1).size();
    segment.live_index->Add(block.OffsetAt(i), block.TimestampAt(i), position, bytes);
    position += bytes;
  }
  segment.facts = segment.live_index->facts();
  segment.last_lsn = queued.lsn;
  readable_end_ = block.end();
  bytes_ += block.bytes().size();
  records_ += block.count();
}

// At the end of the file. Blocks at both ends are shared with other writes: their bytes go through
// the page cache, which no write past it touches then. Each such write waits for a worker of the
// kernel; so if `more` follows, the last bytes are left to the next write, which begins with a
// whole block then. Returns how many are written.
Task<StatusOr<size_t>> FileStorage::WriteSome(SegmentRef segment, std::string_view bytes,
                                              bool more) {
  StatusOr<std::shared_ptr<OpenSegment>> file = files_.Open(segment);
  if (!file.ok()) co_return file.status();
  std::shared_ptr<OpenSegment> held = *std::move(file);
  constexpr uint64_t kBlock = WriteBuffers::kBlockBytes;
  const uint64_t at = FileEnd();
  const uint64_t head = std::min<uint64_t>((kBlock - at % kBlock) % kBlock, bytes.size());
  const uint64_t whole = (bytes.size() - head) / kBlock * kBlock;
  const std::string path = segment->LogPath();
  std::unique_ptr<File> direct;
  if (whole >= files_.options().direct_bytes) direct = files_.OpenDirect(*segment);
  if (direct == nullptr) {
    Status status = co_await WriteAt(held->file(), at, bytes, path);
    if (!status.ok()) co_return status;
    co_return bytes.size();
  }
  Status status = co_await WriteAt(held->file(), at, bytes.substr(0, head), path);
  if (!status.ok()) co_return status;
  status = co_await WriteAt(*direct, at + head, bytes.substr(head, whole), path);
  if (absl::IsInvalidArgument(status)) {
    files_.RefuseDirect();
    status = co_await WriteAt(held->file(), at + head, bytes.substr(head, whole), path);
  }
  if (!status.ok()) co_return status;
  if (more) co_return head + whole;
  status = co_await WriteAt(held->file(), at + head + whole, bytes.substr(head + whole), path);
  if (!status.ok()) co_return status;
  co_return bytes.size();
}

// Makes the next segment, which is the active one afterwards.
Task<Status> FileStorage::BeginSegment(Offset base) {
  auto segment = std::make_shared<TopicSegment>();
  segment->base = base;
  segment->stem = directory_ + "/" + TopicSegmentName(base);
  segment->live_index = std::make_shared<SegmentIndex>(base);
  segment->facts = segment->live_index->facts();
  Status status = co_await CreateFile(segment);
  if (!status.ok() || dropped_) co_return status;
  segments_.push_back(segment);
  active_ = segment;
  co_return OkStatus();
}

// Directories are made when they are missing, once more if the removal of an older topic of the
// same name took one away between.
Task<Status> FileStorage::CreateFile(SegmentRef segment) {
  const std::string path = segment->LogPath();
  const std::array<std::string, 2> directories = {directory_.substr(0, directory_.rfind('/')),
                                                  directory_};
  constexpr int kTries = 10;
  SegmentFiles::VacancyWait vacancy{files_, directory_};
  co_await vacancy;
  has_directory_ = has_directory_ || !dropped_;
  for (int i = 0; i < kTries && !dropped_; ++i) {
    std::unique_ptr<File> file;
    int32_t result = co_await ChangeName(files_.Create(path, file));
    if (result == 0) {
      if (!dropped_) files_.Opened(segment, std::move(file));
      co_return OkStatus();
    }
    if (result != -ENOENT) co_return ErrnoStatus(-result, "create " + path);
    directories_durable_ = false;
    for (const std::string& directory : directories) {
      if (dropped_) break;
      result = co_await ChangeName(files_.CreateDirectory(directory));
      const bool fine = result >= 0 || result == -EEXIST || result == -ENOENT;
      if (!fine) co_return ErrnoStatus(-result, "create directory " + directory);
    }
  }
  if (dropped_) co_return OkStatus();
  co_return ErrnoStatus(ENOENT, "create " + path);
}

Task<Status> FileStorage::WriteEmptySegment() {
  if (active_ == nullptr) {
    Status status = co_await BeginSegment(readable_end_);
    if (!status.ok() || dropped_) co_return status;
  }
  SegmentRef segment = active_;
  if (segment->facts.log_bytes > 0) co_return OkStatus();
  const std::string head = EncodeSegmentHead({owner(), segment->base});
  StatusOr<size_t> written = co_await WriteSome(segment, head, /*more=*/false);
  if (!written.ok() || dropped_) co_return written.status();
  segment->live_index->AddHead();
  segment->facts = segment->live_index->facts();
  co_return OkStatus();
}

}  // namespace flashdb
