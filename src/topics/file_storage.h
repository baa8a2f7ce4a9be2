// A partition's records in segment files (FORMAT.md), far more than memory holds.
//
//   DIR/TOPIC/PARTITION/00000000000000000000.log|.index|.timeindex
//
// Blocks are written behind the shard's log, one write at a time: whole blocks of the file past the
// page cache if there are many, other bytes through it. Syncs run beside that. A segment that is
// full is closed: synced, its index files written, synced too ("sealed"). Directories and files are
// made at the first write.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "topics/key_offsets.h"
#include "topics/partition_storage.h"
#include "topics/segment_files.h"
#include "topics/segment_reader.h"

namespace flashdb {

class FileStorage final : public PartitionStorage {
 public:
  /// Empty; nothing is opened or created yet. `files` must outlive it.
  FileStorage(SegmentFiles& files, std::string topic, TopicId topic_id, PartitionNumber partition);
  ~FileStorage() override;

  /// For recovery, once, before anything else: finds what the files hold. Blocking. Files of an
  /// older topic of the name and unfinished ones are removed. Those of a newer one are set aside
  /// until it is opened: replay tells of each topic that ever had the name. Sealed segments are
  /// trusted, others are read and verified; what is behind a bad frame at the end is cut off.
  /// Returns what an operator should know of that, a line each. Afterwards end() tells which record
  /// must be appended next.
  StatusOr<std::vector<std::string>> Open();

  /// Blocking, for the start: removes directories in `files` of partitions that should not exist
  /// (left over of deleted topics, or set aside for topics that the log does not know). `wanted` is
  /// asked for each of the others.
  static Status RemoveStrays(SegmentFiles& files,
                             const std::function<bool(std::string_view, PartitionNumber)>& wanted);

  Offset start() const override {
    return segments_.empty() ? readable_end_ : segments_.front()->base;
  }
  Offset end() const override { return end_; }
  Offset readable_end() const override { return readable_end_; }
  uint64_t bytes() const override { return bytes_; }
  uint64_t record_count() const override { return records_; }
  UnixMillis max_timestamp() const override;
  uint64_t MemoryBytes() const override { return 0; }

  void Append(BlockRef block, Lsn lsn) override;
  void SkipTo(Offset offset) override;
  void Sync() override;
  Lsn durable_lsn() const override { return durable_lsn_; }
  bool durable() const override;
  Status failure() const override { return failure_; }
  Status stalled() const override { return write_stall_.ok() ? care_stall_ : write_stall_; }
  void Retry() override;

  Task<StatusOr<BlockRef>> Read(Offset from, size_t max_bytes) override;
  Task<StatusOr<Offset>> OffsetOfTime(UnixMillis time) override;

  void TrimTo(Offset start) override;
  Offset StartFor(const RetentionLimits& limits, UnixMillis now) const override;
  /// Sealed segments are compacted; a call reads, and maybe rewrites, one of them.
  bool Compact(UnixMillis tombstones_before) override;

  bool Drop() override;
  bool busy() const override { return busy_ > 0; }
  Status FlushBlocking() override;

  /// For tests and INFO.
  size_t segment_count() const { return segments_.size(); }

 private:
  struct Queued {
    BlockRef block;
    Lsn lsn;
  };
  /// What one write takes from the queue.
  struct Batch {
    std::string head;  // of the segment, if these are its first records
    size_t blocks = 0;
    size_t bytes = 0;   // with the head, without what is in the file already
    bool more = false;  // the next write goes on behind it
  };
  /// What is found in records [from, mapped_end) decides which records before mapped_end stay:
  /// those before `from` were compared with each other by an earlier one.
  struct Compaction {
    Compaction(Offset from, Offset before, UnixMillis old, KeyBudget& budget)
        : next(from),
          end(before),
          mapped_end(before),
          tombstones_before(old),
          last_of_key(budget) {}
    Offset next;        // the segment to visit next
    Offset end;         // before this offset
    Offset mapped_end;  // lower if memory for keys is short: the rest is for the next compaction
    UnixMillis tombstones_before;
    bool copying = false;
    KeyOffsets last_of_key;
  };
  /// Keeps the storage busy().
  class Busy {
   public:
    explicit Busy(FileStorage& storage) : storage_(storage) { ++storage_.busy_; }
    ~Busy() { --storage_.busy_; }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    FileStorage& storage_;
  };

  bool stopped() const { return dropped_ || !failure_.ok(); }
  void Fail(const Status& status);
  static bool MayPass(const Status& status);
  void FailOrStall(const Status& status, Status& stall);

  // Writing (file_storage_write.cc).
  void StartWriting();
  Task<void> WriteLoop();
  Task<Status> WriteNext();
  Task<StatusOr<size_t>> WriteSome(SegmentRef segment, std::string_view bytes, bool more);
  Batch NextBatch() const;
  std::string_view Gather(const Batch& batch, const WriteBuffers::Buffer& buffer) const;
  uint64_t PlaceOfFront() const;
  uint64_t FileEnd() const;
  void NoteFileEnd(TopicSegment& segment, uint64_t end);
  bool MustRoll(const RecordBlock& next) const;
  void CloseActive();
  Task<Status> BeginSegment(Offset base);
  Task<Status> CreateFile(SegmentRef segment);
  Task<Status> WriteEmptySegment();
  void NoteWritten(TopicSegment& segment, const Queued& queued, uint64_t position);
  SegmentOwner owner() const { return {topic_id_, partition_}; }

  // Making durable (file_storage_sync.cc).
  void StartSyncing();
  bool SyncIsDue(const TopicSegment& next) const;
  Task<void> SyncLoop();
  SegmentRef NextToSync() const;
  Task<Status> SyncSegment(SegmentRef segment);
  Task<Status> SyncNames(SegmentRef segment);
  Task<Status> SyncDirectory(std::string path);
  Task<Status> Seal(SegmentRef segment);
  Task<Status> WriteIndexes(SegmentRef segment);
  Task<Status> WriteFile(std::string path, std::string contents);
  Task<Status> WriteAt(File& file, uint64_t position, std::string_view bytes, std::string path);

  // Reading (file_storage_read.cc).
  SegmentRef SegmentFor(Offset offset) const;
  SegmentRef SegmentAfter(const TopicSegment& segment) const;
  Task<StatusOr<std::shared_ptr<const SegmentIndex>>> IndexOf(SegmentRef segment);
  Task<StatusOr<SegmentIndex>> LoadIndex(SegmentRef segment);
  Task<StatusOr<std::string>> ReadFile(std::string path);
  Task<StatusOr<std::unique_ptr<FrameReader>>> ReaderAt(SegmentRef segment, Offset from);
  Task<Status> ReadRecords(FrameReader& reader, Offset from, size_t max_bytes, RecordBlock& block);
  Task<Status> Scan(SegmentRef segment, SegmentIndex& index, uint64_t* good_bytes);
  /// Calls `visit(record)` for each record that `reader` has, until it returns false.
  template <typename Visit>
  Task<Status> ForEachRecord(FrameReader& reader, Visit visit);
  Task<StatusOr<Offset>> FindTime(SegmentRef segment, UnixMillis time);
  Task<Status> DamageAt(SegmentRef segment, uint64_t position);

  // Finding what is there (file_storage_open.cc).
  StatusOr<std::vector<SegmentRef>> ListSegments(std::vector<std::string>& notes);
  Status RemoveLoneIndexes(const std::vector<std::string>& names);
  Status RemoveSegmentFiles(const TopicSegment& segment);
  StatusOr<std::optional<SegmentHead>> ReadHead(const TopicSegment& segment);
  StatusOr<bool> Trust(TopicSegment& segment);
  Status Verify(const SegmentRef& segment, Offset next, bool may_cut,
                std::vector<std::string>& notes, bool* cut);
  Status Cut(const SegmentRef& segment, uint64_t good_bytes, std::vector<std::string>& notes);
  Status OpenSegments(std::vector<SegmentRef> found, std::vector<std::string>& notes);
  Status Adopt(const SegmentRef& segment, bool last, Offset next, std::vector<std::string>& notes);

  // Other names of the directory (file_storage_directory.cc).
  std::string DirectoryWhenDeleted() const;
  std::string DirectoryWhenNewer(TopicId newer) const;
  Status SetDirectoryAside(TopicId newer);
  Status TakeBackDirectory();

  // Removing (file_storage_remove.cc).
  void RemoveBelow(Offset start);
  void StartRemoving();
  Task<void> RemoveLoop();
  Task<Status> RemoveFiles(SegmentRef segment);
  Task<void> FinishDrop();
  Task<void> DropAll(std::string directory);
  Task<void> RemoveTopicDirectory();
  /// For operations that change names: a drop waits for them.
  Task<int32_t> ChangeName(FileOperation operation);

  // Compacting (file_storage_compact.cc).
  bool BeginCompaction(UnixMillis tombstones_before);
  void AdvanceCompaction(const TopicSegment& visited);
  Task<void> CompactStep(SegmentRef segment);
  Task<Status> MapKeys(SegmentRef segment);
  Task<StatusOr<bool>> HasSuperseded(SegmentRef segment);
  Task<Status> Rewrite(SegmentRef segment);
  Task<Status> CopyKept(SegmentRef segment, SegmentIndex& index, File& file);
  Task<Status> RenameFiles(SegmentRef segment);
  void SwapIn(const SegmentRef& segment, std::shared_ptr<SegmentIndex> index);
  bool Keeps(const RecordView& record) const;

  SegmentFiles& files_;
  const std::string topic_;
  const TopicId topic_id_;
  const PartitionNumber partition_;
  std::string directory_;

  std::deque<SegmentRef> segments_;  // by base
  SegmentRef active_;                // the last one, if more can be appended to it
  Offset end_ = 0;
  Offset readable_end_ = 0;
  uint64_t bytes_ = 0;
  uint64_t records_ = 0;
  std::deque<Queued> queue_;  // not written yet
  uint64_t queued_bytes_ = 0;
  size_t front_written_ = 0;  // bytes of the queue's first block that are in the file already
  Lsn durable_lsn_ = 0;
  Offset durable_end_ = 0;
  Offset sync_target_ = 0;  // Sync was asked for up to here
  Status failure_;
  Status write_stall_;
  Status care_stall_;  // of syncing, sealing and removing

  uint32_t busy_ = 0;
  bool dropped_ = false;
  bool has_directory_ = false;  // maybe
  uint32_t names_changing_ = 0;
  bool writing_ = false;
  bool syncing_ = false;
  bool removing_ = false;
  bool compacting_ = false;
  bool roll_wanted_ = false;
  bool directories_durable_ = false;
  Offset trim_to_ = 0;
  std::deque<SegmentRef> removed_;  // their files are still there
  std::optional<Compaction> compaction_;
  Offset compacted_to_ = 0;
  Offset compaction_failed_to_ = 0;  // the end of the one that failed last
};

template <typename Visit>
Task<Status> FileStorage::ForEachRecord(FrameReader& reader, Visit visit) {
  RecordView record;
  std::string_view frame;
  for (;;) {
    switch (reader.Next(&record, &frame)) {
      case FrameReader::Step::kRecord:
        if (!visit(record)) co_return OkStatus();
        continue;
      case FrameReader::Step::kMore: {
        Status status = co_await reader.Fill();
        if (!status.ok()) co_return status;
        continue;
      }
      case FrameReader::Step::kEnd:
        co_return OkStatus();
      case FrameReader::Step::kDamaged:
        co_return co_await DamageAt(reader.segment(), reader.position());
    }
  }
}

}  // namespace flashdb
