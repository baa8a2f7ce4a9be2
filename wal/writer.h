// The writing side of one shard's log: group commit into segment files.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "io/file.h"
#include "wal/copy_pace.h"
#include "wal/format.h"
#include "wal/frame_buffer.h"
#include "wal/frames_in_flight.h"
#include "wal/options.h"
#include "wal/segment_pool.h"
#include "wal/writer_stats.h"

namespace flashdb {

/// Owned and called by one thread, whose event loop also runs the AsyncFiles. A few writes are in
/// flight at a time, all into the same segment; what is appended meanwhile gathers and goes out
/// with the next one. Records become durable in their order, whatever the order in which writes
/// end. Destroy it only when no completion can arrive any more (see busy()).
class LogWriter {
 public:
  /// Begins a new segment (blocking: created, filled with zeros, synced) and reserves the spares.
  /// ResourceExhausted on a full disk, InvalidArgument for options out of range. `files`, `async`
  /// and `clock` must outlive the writer.
  static StatusOr<std::unique_ptr<LogWriter>> Open(FileSystem& files, AsyncFiles& async,
                                                   const Clock& clock, LogOptions options,
                                                   LogStart start);

  /// Copies `payload` into the next frame and returns the record's LSN. Nothing is on disk yet and
  /// nothing is written before the next Pump or completion. Never fails: after a failure the LSN
  /// counts on, but durable() stays where it is.
  Lsn Append(std::string_view payload);
  /// The same for this log's part of a multi-shard transaction; `participants` are the ids of all
  /// logs that get a part, this one included.
  Lsn AppendGroup(TxnId txn, std::span<const uint32_t> participants, std::string_view payload);

  /// Call at the end of every turn of the loop: starts what is due (a write, a periodic sync, the
  /// preparation of a segment). Cheap when nothing is.
  void Pump();
  /// When Pump must be called again although nothing else happens; MonotonicNanos of the clock.
  std::optional<uint64_t> NextDeadlineNanos() const;

  /// The oldest commit that replies wait for and a poll would notice; under kAlways.
  using CommitUnderWay = FramesInFlight::UnderWay;
  std::optional<CommitUnderWay> commit_under_way() const {
    return always() && !waits_for_sync() ? in_flight_.Oldest() : std::nullopt;
  }

  Lsn appended() const { return next_lsn_ - 1; }
  /// Whether these records, both appended, end in the frame that is being filled: then both become
  /// durable at once.
  bool InSameFrame(Lsn earlier, Lsn later) const {
    return !queue_.empty() && queue_.back()->base_lsn() < earlier && earlier <= later &&
           later <= complete_lsn_;
  }
  /// Highest LSN that counts as on disk under the policy.
  Lsn durable() const { return durable_lsn_; }
  /// With kPeriodic: somebody waits for synced_lsn(), so what is written is synced before the
  /// interval is over. Of no effect with other policies.
  void RequestSync() { sync_requested_ = true; }
  /// Highest LSN that really is on disk; with kAlways the same as durable().
  Lsn synced_lsn() const { return synced_lsn_; }

  /// `on_progress` is called after durable() advanced, the log failed, or space was found again.
  void set_on_progress(std::function<void()> on_progress) { on_progress_ = std::move(on_progress); }

  /// The first failed write or sync; final, nothing is retried.
  const Status& failure() const { return failure_; }

  /// Whether space is reserved for `bytes` more of payload besides all that is buffered, with a
  /// segment to spare for what was admitted earlier and comes later. A refusal makes the following
  /// Pumps reserve more.
  bool CanAdmit(uint64_t bytes) const { return bytes < surely_admitted_ || Admits(bytes); }
  /// Makes CanAdmit(bytes) true by reserving space now, blocking for some milliseconds; for a
  /// record larger than what is usually reserved. ResourceExhausted on a full disk.
  Status Reserve(uint64_t bytes);
  /// Why CanAdmit refuses, for the client: the log failed, the disk is full, or (Unavailable) space
  /// is just being reserved.
  Status admission_error() const;

  /// `txn` and all before it are settled in all logs; later segment headers say so.
  void NoteSettledTxn(TxnId txn) { settled_txn_ = std::max(settled_txn_, txn); }

  /// Hands the log's oldest segment back, whose records are no longer needed; oldest first. The
  /// transactions in it must be below the floor of a durable segment header. FailedPrecondition
  /// unless a later segment's header is on disk: the log must never be without one. Blocking,
  /// short.
  Status RecycleSegment(const std::string& path);
  /// Number of the segment that is being written.
  uint64_t current_segment() const { return segment_seq_; }

  /// At start, before the first Append: gets the memory of all buffers that are kept, so that none
  /// is waited for later.
  void PrepareBuffers();

  /// Nothing is buffered and no frame is being written.
  bool idle() const { return queue_.empty() && in_flight_.empty(); }
  /// An asynchronous operation of this log is under way.
  bool busy() const { return in_flight_.writing() || syncing_ || pool_.busy(); }
  /// No more background work from here on; the loop then runs until busy() is false.
  void BeginClose();
  /// Writes and syncs all that is buffered, blocking, and removes the spares. Call BeginClose
  /// before; FailedPrecondition while busy(). On success all appended records are on disk.
  Status CloseCleanly();

  LogWriterStats stats() const;

 private:
  struct Operation : Completion {
    LogWriter* log = nullptr;
  };
  // A segment that is full but not yet synced.
  struct Retired {
    std::unique_ptr<File> file;
    uint64_t seq = 0;
    uint64_t last_frame = 0;
    Lsn last_lsn = 0;
  };

  LogWriter(FileSystem& files, AsyncFiles& async, const Clock& clock, LogOptions options,
            const LogStart& start);

  Status BeginFirstSegment(const LogStart& start);
  Lsn AppendRecord(RecordType type, std::string_view prefix, std::string_view payload);
  FrameBuffer& FrameWithRoom(size_t bytes);
  std::unique_ptr<FrameBuffer> TakeFirst();
  uint64_t QueuedBytes() const {
    return queue_.empty() ? 0 : full_bytes_ + queue_.back()->padded_bytes();
  }
  size_t kept_frames() const { return options_.frames_in_flight + size_t{2}; }
  std::unique_ptr<FrameBuffer> NewFrame(Lsn base_lsn);
  void Release(std::unique_ptr<FrameBuffer> frame);

  void StartWrites();
  bool HeldBack() const;
  bool FitsSegment(const FrameBuffer& frame) const {
    return segment_at_ + frame.padded_bytes() <= options_.segment_bytes;
  }
  bool NextSegment();
  SegmentHeader HeaderFor(uint64_t seq, bool recycled, Lsn first_lsn) const;
  std::span<const uint8_t> SealNext(FrameBuffer& frame);
  void SubmitFirst();
  bool CopiesItself() const;
  Status WriteFirst();
  void OnFrameEnded(FramesInFlight::Frame& frame, int32_t result);
  Status CheckWritten(const FramesInFlight::Frame& frame, int32_t result) const;
  void CountWritten(const FrameBuffer& frame, uint64_t seq, uint64_t bytes);
  void FinishFrames();

  bool SyncIsDue() const;
  void StartSync();
  void OnSyncDone(int32_t result);
  uint64_t SyncDeadline() const;

  void Fail(Status error);
  void Progress();
  bool always() const { return options_.policy == SyncPolicy::kAlways; }
  /// A frame is durable only after a sync that began when it was written.
  bool waits_for_sync() const { return always() && options_.mode != WriteMode::kDirectSync; }
  uint64_t UsableBytes(uint64_t room) const;
  uint64_t ReservedBytes() const;
  uint64_t FrameOverhead() const;
  uint64_t SmallestFullFrame() const;
  uint64_t NeededBytes(uint64_t bytes) const;
  uint64_t MarginBytes() const;
  bool Admits(uint64_t bytes) const;
  void EstimateAdmission();
  void CountAgainstAdmission(uint64_t bytes);
  size_t SparesFor(uint64_t bytes) const;

  AsyncFiles& async_;
  const Clock& clock_;
  FileSystem& files_;
  LogOptions options_;
  Random random_;
  SegmentPool pool_;
  uint64_t frame_capacity_;
  std::function<void()> on_progress_;
  Status failure_;

  std::deque<std::unique_ptr<FrameBuffer>> queue_;  // the last one is being filled
  uint64_t full_bytes_ = 0;                         // padded, of all in queue_ but the last
  std::vector<std::unique_ptr<FrameBuffer>> free_;
  FramesInFlight in_flight_;  // all of the current segment
  CopyPace copy_pace_;
  Operation sync_op_;
  std::string group_prefix_;

  std::unique_ptr<File> segment_;
  std::string segment_path_;
  uint64_t segment_seq_ = 0;
  uint64_t segment_at_ = 0;  // where the next frame goes; 0: the header goes with it
  uint64_t segment_first_frame_ = 0;
  bool segment_recycled_ = false;
  bool segment_filled_ = true;  // with zeros, or older frames, before it was begun
  uint64_t previous_segment_ = 0;
  uint64_t epoch_ = 0;

  Lsn next_lsn_;
  Lsn complete_lsn_;  // last record whose fragments are all in frames
  uint64_t next_frame_seq_;
  Lsn written_lsn_;  // the last of an unbroken row, as are the next ones
  uint64_t written_frame_;
  Lsn durable_lsn_;
  Lsn synced_lsn_;
  uint64_t synced_frame_;
  uint64_t synced_segment_ = 0;  // the last one whose header is on disk
  TxnId settled_txn_;

  std::vector<Retired> retired_;
  bool syncing_ = false;
  bool closing_ = false;
  Lsn sync_to_lsn_ = 0;
  uint64_t sync_to_frame_ = 0;
  uint64_t sync_to_segment_ = 0;
  uint64_t unsynced_since_ = 0;
  uint64_t unsynced_bytes_ = 0;
  uint64_t unsynced_records_ = 0;
  bool sync_requested_ = false;
  mutable size_t wanted_spares_ = 0;
  // Admits() lets less than that through, or did so in the last Pump(): a reserved segment that is
  // lost since then is less than the margin.
  uint64_t surely_admitted_ = 0;
  LogWriterStats stats_;
};

}  // namespace flashdb
