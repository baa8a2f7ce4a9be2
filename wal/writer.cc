#include "wal/writer.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"

namespace flashdb {
namespace {

constexpr uint64_t kDefaultCommitBytes = 1u << 20;
// A record is not split only to use up less room than this.
constexpr size_t kSmallestSplit = 256;
constexpr uint32_t kSmallestBlock = 512;

Status CheckOptions(const LogOptions& options) {
  if (options.block_bytes < kSmallestBlock || !std::has_single_bit(options.block_bytes)) {
    return absl::InvalidArgumentError(
        fmt::format("log block size {} is not a power of two of at least {}", options.block_bytes,
                    kSmallestBlock));
  }
  if (options.segment_bytes < kMinSegmentBytes ||
      options.segment_bytes % SegmentHeaderSpan(options.block_bytes) != 0) {
    return absl::InvalidArgumentError(fmt::format(
        "log segment size {} is invalid; use a multiple of {} of at least {}",
        options.segment_bytes, SegmentHeaderSpan(options.block_bytes), kMinSegmentBytes));
  }
  return OkStatus();
}

// A quarter of a segment at most, so that little is left over where a frame does not fit any more.
uint64_t FrameCapacity(const LogOptions& options) {
  uint64_t bytes = options.commit_bytes == 0 ? kDefaultCommitBytes : options.commit_bytes;
  uint64_t most = (options.segment_bytes - SegmentHeaderSpan(options.block_bytes)) / 4;
  uint64_t capacity =
      std::min({RoundUp(bytes + 512, options.block_bytes), most, uint64_t{1} << 30});
  return std::max<uint64_t>(capacity / options.block_bytes * options.block_bytes,
                            RoundUp(1024, options.block_bytes));
}

LogOptions Effective(LogOptions options) {
  if (options.policy != SyncPolicy::kAlways) {
    // Nobody waits for the medium, so more frames would not be sooner there, only more.
    options.frames_in_flight = 1;
    if (options.mode == WriteMode::kDirectSync) options.mode = WriteMode::kDirect;
  }
  if (options.policy == SyncPolicy::kNever && options.mode == WriteMode::kBuffered) {
    // What counts as durable is not on the medium, so its blocks need not stay as they are there.
    options.block_bytes = kSmallestBlock;
  }
  options.frames_in_flight = std::max(options.frames_in_flight, 1u);
  options.spare_segments = std::max(options.spare_segments, 1u);
  if (options.commit_records == 0) options.commit_records = UINT32_MAX;
  return options;
}

}  // namespace

StatusOr<std::unique_ptr<LogWriter>> LogWriter::Open(FileSystem& files, AsyncFiles& async,
                                                     const Clock& clock, LogOptions options,
                                                     LogStart start) {
  FLASHDB_RETURN_IF_ERROR(CheckOptions(options));
  FLASHDB_RETURN_IF_ERROR(files.CreateDirectories(options.directory));
  std::unique_ptr<LogWriter> log(
      new LogWriter(files, async, clock, Effective(std::move(options)), start));
  FLASHDB_RETURN_IF_ERROR(log->BeginFirstSegment(start));
  // A full disk does not stop the start: the log is readable, writes are refused.
  log->pool_.Reserve(log->options_.spare_segments).IgnoreError();
  return log;
}

LogWriter::LogWriter(FileSystem& files, AsyncFiles& async, const Clock& clock, LogOptions options,
                     const LogStart& start)
    : async_(async),
      clock_(clock),
      files_(files),
      options_(std::move(options)),
      random_(options_.epoch_seed != 0 ? options_.epoch_seed : EntropySeed()),
      pool_(files, async, clock, options_, start.segment_seq,
            [this] {
              StartWrites();
              Progress();
            }),
      frame_capacity_(FrameCapacity(options_)),
      in_flight_(
          options_.frames_in_flight,
          [this](FramesInFlight::Frame& frame, int32_t result) { OnFrameEnded(frame, result); }),
      previous_segment_(start.previous_segment),
      epoch_(start.last_epoch),
      next_lsn_(start.next_lsn),
      complete_lsn_(start.next_lsn - 1),
      next_frame_seq_(start.next_frame_seq),
      written_lsn_(complete_lsn_),
      written_frame_(start.next_frame_seq - 1),
      durable_lsn_(complete_lsn_),
      synced_lsn_(complete_lsn_),
      synced_frame_(written_frame_),
      settled_txn_(start.settled_txn) {
  sync_op_.log = this;
  sync_op_.on_done = [](Completion& self, int32_t result) {
    static_cast<Operation&>(self).log->OnSyncDone(result);
  };
}

Status LogWriter::BeginFirstSegment(const LogStart& start) {
  FLASHDB_ASSIGN_OR_RETURN(SegmentPool::Spare spare, pool_.MakeReady());
  segment_ = std::move(spare.file);
  segment_path_ = spare.path;
  segment_seq_ = synced_segment_ = spare.seq;
  epoch_ = NextEpoch(epoch_, random_);
  SegmentHeader header = HeaderFor(segment_seq_, false, start.next_lsn);
  header.flags |= SegmentHeader::kRestart;
  FrameBuffer block(options_.block_bytes, frame_capacity_);
  uint64_t span = SegmentHeaderSpan(options_.block_bytes);
  FLASHDB_RETURN_IF_ERROR(segment_->WriteAt(0, block.FrameAfter(header).first(span)));
  FLASHDB_RETURN_IF_ERROR(segment_->Sync());
  segment_at_ = span;
  segment_first_frame_ = next_frame_seq_;
  ++stats_.segments;
  return files_.SyncDirectory(options_.directory);
}

Lsn LogWriter::Append(std::string_view payload) {
  return AppendRecord(RecordType::kEffects, {}, payload);
}

Lsn LogWriter::AppendGroup(TxnId txn, std::span<const uint32_t> participants,
                           std::string_view payload) {
  group_prefix_.clear();
  EncodeGroupPrefix(txn, participants, group_prefix_);
  return AppendRecord(RecordType::kGroup, group_prefix_, payload);
}

Lsn LogWriter::AppendRecord(RecordType type, std::string_view prefix, std::string_view payload) {
  Lsn lsn = next_lsn_++;
  if (!failure_.ok()) return lsn;
  ++stats_.records;
  CountAgainstAdmission(prefix.size() + payload.size());
  bool first = true;
  for (bool last = false; !last; first = false) {
    size_t left = prefix.size() + payload.size();
    FrameBuffer& frame = FrameWithRoom(left);
    size_t take = std::min(left, static_cast<size_t>(frame.room()));
    last = take == left;
    FragmentKind kind = first ? (last ? FragmentKind::kFull : FragmentKind::kFirst)
                              : (last ? FragmentKind::kLast : FragmentKind::kMiddle);
    frame.BeginFragment({static_cast<uint32_t>(take), kind, static_cast<uint8_t>(type)});
    size_t of_prefix = std::min(take, prefix.size());
    frame.Put(prefix.substr(0, of_prefix));
    frame.Put(payload.substr(0, take - of_prefix));
    prefix.remove_prefix(of_prefix);
    payload.remove_prefix(take - of_prefix);
    if (last) frame.CompleteRecord(lsn);
  }
  complete_lsn_ = lsn;
  return lsn;
}

FrameBuffer& LogWriter::FrameWithRoom(size_t bytes) {
  auto least = static_cast<int64_t>(std::min(bytes, kSmallestSplit));
  if (queue_.empty() || queue_.back()->room() < least ||
      queue_.back()->records() >= options_.commit_records) {
    full_bytes_ = QueuedBytes();
    queue_.push_back(NewFrame(complete_lsn_));
  }
  return *queue_.back();
}

std::unique_ptr<FrameBuffer> LogWriter::TakeFirst() {
  std::unique_ptr<FrameBuffer> first = std::move(queue_.front());
  queue_.pop_front();
  if (!queue_.empty()) full_bytes_ -= first->padded_bytes();
  return first;
}

std::unique_ptr<FrameBuffer> LogWriter::NewFrame(Lsn base_lsn) {
  std::unique_ptr<FrameBuffer> frame;
  if (free_.empty()) {
    frame = std::make_unique<FrameBuffer>(options_.block_bytes, frame_capacity_);
  } else {
    frame = std::move(free_.back());
    free_.pop_back();
  }
  frame->Reset(base_lsn);
  return frame;
}

void LogWriter::Release(std::unique_ptr<FrameBuffer> frame) {
  if (free_.size() < kept_frames()) free_.push_back(std::move(frame));
}

void LogWriter::PrepareBuffers() {
  while (free_.size() < kept_frames()) {
    free_.push_back(std::make_unique<FrameBuffer>(options_.block_bytes, frame_capacity_));
  }
  for (const std::unique_ptr<FrameBuffer>& frame : free_) frame->TouchMemory();
}

void LogWriter::Pump() {
  if (!failure_.ok() || closing_) return;
  EstimateAdmission();
  pool_.set_target(std::max<size_t>(options_.spare_segments, wanted_spares_));
  const Lsn durable_before = durable_lsn_;
  StartWrites();  // before the pool, which might begin a step on the spare that is needed now
  pool_.Pump();
  if (SyncIsDue()) StartSync();
  if (durable_lsn_ > durable_before) Progress();
}

// A frame that is not full waits for its turn while others are under way; it gathers more.
bool LogWriter::HeldBack() const {
  if (in_flight_.full()) return true;
  bool full = queue_.size() > 1 || queue_.front()->records() >= options_.commit_records;
  return !full && !in_flight_.empty() && clock_.MonotonicNanos() < in_flight_.NextStartNanos();
}

void LogWriter::StartWrites() {
  while (!queue_.empty() && failure_.ok() && !closing_ && !HeldBack()) {
    // Frames of two segments are never under way together: the end of one is durable before the
    // header of the next is written.
    if (!FitsSegment(*queue_.front()) && (!in_flight_.empty() || !NextSegment())) return;
    if (!CopiesItself()) {
      SubmitFirst();
    } else if (Status status = WriteFirst(); !status.ok()) {
      Fail(std::move(status));
    }
  }
}

// With more than a little queued, or full segments that the disk has not taken yet, the kernel may
// soon have too many dirty pages. In a segment that is not filled with zeros yet a write changes
// what the file system's journal has to write, and may wait for it.
bool LogWriter::CopiesItself() const {
  return !always() && options_.mode == WriteMode::kBuffered && in_flight_.empty() &&
         segment_filled_ && queue_.size() == 1 && retired_.size() <= 1 &&
         copy_pace_.MayCopy(queue_.front()->padded_bytes(), clock_.MonotonicNanos());
}

Status LogWriter::WriteFirst() {
  std::unique_ptr<FrameBuffer> frame = TakeFirst();
  const uint64_t seq = next_frame_seq_;
  std::span<const uint8_t> bytes = SealNext(*frame);
  const uint64_t started = clock_.MonotonicNanos();
  FLASHDB_RETURN_IF_ERROR(segment_->WriteAt(segment_at_, bytes));
  const uint64_t ended = clock_.MonotonicNanos();
  segment_at_ += bytes.size();
  copy_pace_.NoteCopy(started, ended);
  stats_.NoteCommit(ended - started);
  CountWritten(*frame, seq, bytes.size());
  FinishFrames();
  Release(std::move(frame));
  return OkStatus();
}

bool LogWriter::NextSegment() {
  std::optional<SegmentPool::Spare> spare = pool_.Take();
  if (!spare) return false;
  if (synced_frame_ < written_frame_) {
    retired_.push_back({std::move(segment_), segment_seq_, written_frame_, written_lsn_});
    unsynced_bytes_ = unsynced_records_ = 0;  // its sync is due at once
  }
  segment_ = std::move(spare->file);
  segment_path_ = std::move(spare->path);
  previous_segment_ = std::exchange(segment_seq_, spare->seq);
  segment_recycled_ = spare->recycled;
  segment_filled_ = spare->ready;
  segment_at_ = 0;
  segment_first_frame_ = next_frame_seq_;
  epoch_ = NextEpoch(epoch_, random_);
  wanted_spares_ = 0;
  ++stats_.segments;
  pool_.Pump();
  return true;
}

SegmentHeader LogWriter::HeaderFor(uint64_t seq, bool recycled, Lsn first_lsn) const {
  SegmentHeader header;
  header.log_id = options_.log_id;
  header.segment_seq = seq;
  header.epoch = epoch_;
  header.previous_segment = previous_segment_;
  header.first_lsn = first_lsn;
  header.first_frame_seq = next_frame_seq_;
  header.durable_frame_seq = synced_frame_;
  header.settled_txn = settled_txn_;
  header.segment_bytes = options_.segment_bytes;
  header.block_bytes = options_.block_bytes;
  header.flags = recycled ? SegmentHeader::kRecycled : 0;
  return header;
}

std::span<const uint8_t> LogWriter::SealNext(FrameBuffer& frame) {
  SegmentHeader header = HeaderFor(segment_seq_, segment_recycled_, frame.base_lsn() + 1);
  frame.Seal(next_frame_seq_++, epoch_, synced_frame_);
  return segment_at_ == 0 ? frame.FrameAfter(header) : frame.Frame();
}

void LogWriter::SubmitFirst() {
  std::unique_ptr<FrameBuffer> buffer = TakeFirst();
  uint64_t seq = next_frame_seq_;
  std::span<const uint8_t> bytes = SealNext(*buffer);
  FramesInFlight::Frame& frame =
      in_flight_.Add(std::move(buffer), bytes, seq, clock_.MonotonicNanos());
  uint64_t at = std::exchange(segment_at_, segment_at_ + bytes.size());
  async_.Write(*segment_, at, bytes, frame);
}

Status LogWriter::CheckWritten(const FramesInFlight::Frame& frame, int32_t result) const {
  if (result < 0) return ErrnoStatus(-result, "write log segment " + segment_path_);
  if (static_cast<size_t>(result) == frame.bytes.size()) return OkStatus();
  return absl::DataLossError(fmt::format("write log segment {}: {} of {} bytes written",
                                         segment_path_, result, frame.bytes.size()));
}

void LogWriter::OnFrameEnded(FramesInFlight::Frame& frame, int32_t result) {
  if (failure_.ok()) {
    if (Status status = CheckWritten(frame, result); !status.ok()) Fail(std::move(status));
  }
  if (!failure_.ok()) return in_flight_.DropEnded();
  Lsn durable_before = durable_lsn_;
  uint64_t written_before = written_frame_;
  while (const FramesInFlight::Frame* written = in_flight_.NextWritten()) {
    CountWritten(*written->buffer, written->seq, written->bytes.size());
  }
  if (written_frame_ == written_before) return;
  FinishFrames();
  StartWrites();
  if (SyncIsDue()) StartSync();
  if (durable_lsn_ > durable_before) Progress();
}

void LogWriter::CountWritten(const FrameBuffer& frame, uint64_t seq, uint64_t bytes) {
  written_lsn_ = frame.last_lsn();
  written_frame_ = seq;
  ++stats_.frames;
  stats_.bytes += bytes;
  if (always()) return;
  if (unsynced_bytes_ == 0) unsynced_since_ = clock_.MonotonicNanos();
  unsynced_bytes_ += bytes;
  unsynced_records_ += frame.records();
}

// What is durable by now under the policy.
void LogWriter::FinishFrames() {
  if (always() && !waits_for_sync()) {
    synced_lsn_ = written_lsn_;
    synced_frame_ = written_frame_;
    synced_segment_ = segment_seq_;
  }
  durable_lsn_ = waits_for_sync() ? synced_lsn_ : written_lsn_;
  uint64_t last = waits_for_sync() ? synced_frame_ : written_frame_;
  uint64_t now = clock_.MonotonicNanos();
  while (std::unique_ptr<FrameBuffer> buffer = in_flight_.TakeDurable(last, now)) {
    stats_.NoteCommit(in_flight_.last_commit_nanos());
    Release(std::move(buffer));
  }
}

uint64_t LogWriter::SyncDeadline() const {
  return unsynced_since_ + uint64_t{options_.sync_interval_ms} * 1'000'000;
}

bool LogWriter::SyncIsDue() const {
  if (syncing_ || !failure_.ok()) return false;
  if (waits_for_sync()) return synced_frame_ < written_frame_;
  if (closing_) return false;
  if (!retired_.empty()) return true;
  if (options_.policy != SyncPolicy::kPeriodic || unsynced_bytes_ == 0) return false;
  uint64_t most = options_.commit_bytes == 0 ? options_.segment_bytes : options_.commit_bytes;
  return sync_requested_ || unsynced_bytes_ >= most ||
         unsynced_records_ >= options_.commit_records || clock_.MonotonicNanos() >= SyncDeadline();
}

// Counts for what is written when it begins, not for what ends meanwhile.
void LogWriter::StartSync() {
  syncing_ = true;
  if (!retired_.empty()) {
    sync_to_lsn_ = retired_.front().last_lsn;
    sync_to_frame_ = retired_.front().last_frame;
    sync_to_segment_ = retired_.front().seq;
    return async_.Sync(*retired_.front().file, sync_op_);
  }
  sync_to_lsn_ = written_lsn_;
  sync_to_frame_ = written_frame_;
  sync_to_segment_ = written_frame_ >= segment_first_frame_ ? segment_seq_ : synced_segment_;
  unsynced_bytes_ = unsynced_records_ = 0;
  sync_requested_ = false;
  async_.Sync(*segment_, sync_op_);
}

void LogWriter::OnSyncDone(int32_t result) {
  syncing_ = false;
  if (!failure_.ok()) return;
  if (result < 0) return Fail(ErrnoStatus(-result, "sync the log in " + options_.directory));
  ++stats_.syncs;
  synced_lsn_ = std::max(synced_lsn_, sync_to_lsn_);
  synced_frame_ = std::max(synced_frame_, sync_to_frame_);
  synced_segment_ = std::max(synced_segment_, sync_to_segment_);
  std::erase_if(retired_, [this](const Retired& full) { return full.last_frame <= synced_frame_; });
  FinishFrames();
  StartWrites();
  if (SyncIsDue()) StartSync();
  Progress();
}

void LogWriter::Fail(Status error) {
  failure_ = Status(error.code(), fmt::format("the log has failed ({}); it takes no more writes; "
                                              "check the disk, then restart the server",
                                              MessageOf(error)));
  surely_admitted_ = 0;
  queue_.clear();
  full_bytes_ = 0;
  in_flight_.DropEnded();  // the others keep their buffers until they end
  pool_.Stop();
  Progress();
}

void LogWriter::Progress() {
  if (on_progress_) on_progress_();
}

std::optional<uint64_t> LogWriter::NextDeadlineNanos() const {
  if (!failure_.ok() || closing_) return {};
  std::optional<uint64_t> deadline = pool_.retry_nanos();
  auto sooner = [&deadline](uint64_t nanos) {
    deadline = std::min(deadline.value_or(UINT64_MAX), nanos);
  };
  if (options_.policy == SyncPolicy::kPeriodic && unsynced_bytes_ > 0 && !syncing_) {
    sooner(SyncDeadline());
  }
  // If it waits for anything else, the end of a write or a step of the pool starts it.
  bool paced = !queue_.empty() && !in_flight_.empty() && !in_flight_.full();
  if (paced && FitsSegment(*queue_.front())) sooner(in_flight_.NextStartNanos());
  return deadline;
}

uint64_t LogWriter::UsableBytes(uint64_t room) const {
  return room > frame_capacity_ ? room - frame_capacity_ : 0;
}

uint64_t LogWriter::ReservedBytes() const {
  uint64_t current = options_.segment_bytes - segment_at_;
  uint64_t per_spare = options_.segment_bytes - SegmentHeaderSpan(options_.block_bytes);
  return UsableBytes(current) + pool_.usable() * UsableBytes(per_spare);
}

// What a frame takes beside its payload, at most.
uint64_t LogWriter::FrameOverhead() const {
  return kFrameHeaderBytes + kFragmentHeaderBytes + options_.block_bytes;
}

uint64_t LogWriter::SmallestFullFrame() const {
  return frame_capacity_ - kFrameHeaderBytes - kSmallestSplit;
}

uint64_t LogWriter::NeededBytes(uint64_t bytes) const {
  return bytes + (bytes / SmallestFullFrame() + 2) * FrameOverhead() + QueuedBytes();
}

size_t LogWriter::SparesFor(uint64_t bytes) const {
  // One for the safety margin and one for the current segment, of which nothing may be left.
  return (NeededBytes(bytes) + MarginBytes() - 1) / MarginBytes() + 2;
}

// A whole segment.
uint64_t LogWriter::MarginBytes() const {
  return UsableBytes(options_.segment_bytes - SegmentHeaderSpan(options_.block_bytes));
}

bool LogWriter::Admits(uint64_t bytes) const {
  if (!failure_.ok()) return false;
  if (NeededBytes(bytes) + MarginBytes() <= ReservedBytes()) return true;
  wanted_spares_ = std::max(wanted_spares_, SparesFor(bytes));
  return false;
}

// Admits() costs more than the smallest commands, and is asked before each. So it is asked once a
// turn for as much as possible, and what is appended meanwhile is taken off at its worst.
void LogWriter::EstimateAdmission() {
  const uint64_t needed = NeededBytes(0) + MarginBytes();
  const uint64_t reserved = ReservedBytes();
  const uint64_t most_per_byte = FrameOverhead() / SmallestFullFrame() + 2;
  surely_admitted_ = reserved > needed ? (reserved - needed) / most_per_byte : 0;
}

void LogWriter::CountAgainstAdmission(uint64_t bytes) {
  // At the end of one frame and the beginning of the next, unless it fills some.
  const uint64_t most = bytes > SmallestFullFrame() ? UINT64_MAX : bytes + 2 * FrameOverhead();
  surely_admitted_ -= std::min(surely_admitted_, most);
}

Status LogWriter::Reserve(uint64_t bytes) {
  FLASHDB_RETURN_IF_ERROR(failure_);
  if (CanAdmit(bytes)) return OkStatus();
  Status status = pool_.Reserve(SparesFor(bytes));
  return status.ok() ? status : admission_error();
}

Status LogWriter::admission_error() const {
  FLASHDB_RETURN_IF_ERROR(failure_);
  if (pool_.error().ok()) {
    return absl::UnavailableError("space for the log is being reserved; try again");
  }
  const char* reason =
      absl::IsResourceExhausted(pool_.error()) ? "the disk is full" : "no space could be reserved";
  return Status(pool_.error().code(),
                fmt::format("{} ({}); writes are refused until there is room: free some space in "
                            "the file system of {}",
                            reason, MessageOf(pool_.error()), options_.directory));
}

Status LogWriter::RecycleSegment(const std::string& path) {
  std::optional<uint64_t> seq = ParseSegmentName(path.substr(path.rfind('/') + 1));
  if (!seq || *seq >= synced_segment_) {
    return absl::FailedPreconditionError(
        fmt::format("{} cannot be recycled: no later log segment is on disk yet", path));
  }
  return pool_.Recycle(path);
}

void LogWriter::BeginClose() {
  closing_ = true;
  pool_.Stop();
}

Status LogWriter::CloseCleanly() {
  if (busy() || !closing_) {
    return absl::FailedPreconditionError("the log still has operations under way");
  }
  FLASHDB_RETURN_IF_ERROR(failure_);
  for (Retired& full : retired_) FLASHDB_RETURN_IF_ERROR(full.file->Sync());
  while (!queue_.empty()) {
    if (!FitsSegment(*queue_.front())) {
      FLASHDB_RETURN_IF_ERROR(segment_->Sync());
      FLASHDB_RETURN_IF_ERROR(pool_.Reserve(1));
      FLASHDB_CHECK(NextSegment(), "no segment although one is reserved");
    }
    FLASHDB_RETURN_IF_ERROR(WriteFirst());
  }
  FLASHDB_RETURN_IF_ERROR(segment_->Sync());
  retired_.clear();
  durable_lsn_ = synced_lsn_ = written_lsn_;
  synced_frame_ = written_frame_;
  return pool_.RemoveSpares();
}

LogWriterStats LogWriter::stats() const {
  LogWriterStats stats = stats_;
  stats.spare_segments = pool_.usable();
  stats.reserved_bytes =
      options_.segment_bytes - segment_at_ + pool_.usable() * options_.segment_bytes;
  stats.buffered_bytes = QueuedBytes();
  return stats;
}

}  // namespace flashdb
