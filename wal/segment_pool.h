// Segments made ready ahead of their use: reserved on disk, so that a full disk is noticed before
// anything is half written, and filled with zeros in the background, so that a later write changes
// nothing but its own blocks.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "io/file.h"
#include "wal/options.h"

namespace flashdb {

/// Belongs to one LogWriter and its thread. At most one asynchronous operation is under way, a
/// small one, so that the log's own writes do not queue behind it. A spare already has its final
/// name; it counts as unused until a valid header stands in it.
class SegmentPool {
 public:
  struct Spare {
    uint64_t seq = 0;
    std::string path;
    std::unique_ptr<File> file;
    bool recycled = false;
    bool reserved = false;  // its space and its directory entry are on disk: it may be used
    uint64_t zeroed_bytes = 0;
    bool ready = false;  // and it needs no more preparation
  };

  /// `on_usable` is called when a spare that Take could not give becomes usable, and when space
  /// is found again after a failure.
  SegmentPool(FileSystem& files, AsyncFiles& async, const Clock& clock, const LogOptions& options,
              uint64_t next_seq, std::function<void()> on_usable);

  /// Starts the next step of preparation, if any is due and none is under way. Short blocking
  /// calls: create a file, remove it after a failure.
  void Pump();

  /// The next spare in order; nothing if none is reserved or a step on it is under way, in which
  /// case `on_usable` follows.
  std::optional<Spare> Take();

  /// Reserves spares until `count` are usable, not filled with zeros. Blocking: a few milliseconds.
  /// After a failure it gives that failure again for a second without trying.
  Status Reserve(size_t count);

  /// Makes one segment that is filled with zeros and synced. Blocking; for the start.
  StatusOr<Spare> MakeReady();

  /// Turns the log's oldest segment, which nobody needs any more, into a spare (or removes it if
  /// there are enough). Segments must be handed back oldest first. Blocking: rename, directory
  /// sync.
  Status Recycle(const std::string& path);

  /// Keep at least this many spares; more than LogOptions::spare_segments for a large demand.
  void set_target(size_t target) { target_ = target; }

  /// No further steps. `busy()` turns false when the one under way has ended.
  void Stop() { stopped_ = true; }
  bool busy() const { return busy_; }
  /// Removes the spares' files; after Stop, when not busy.
  Status RemoveSpares();

  size_t usable() const;
  size_t size() const { return spares_.size(); }
  /// Why the last try to reserve space failed; ok when there is nothing wrong.
  const Status& error() const { return error_; }
  /// When Pump tries again after a failure.
  std::optional<uint64_t> retry_nanos() const;

 private:
  enum class Step : uint8_t { kAllocate, kSyncAllocation, kSyncDirectory, kZero, kSyncZeros };
  struct Operation : Completion {
    SegmentPool* pool = nullptr;
  };

  StatusOr<Spare> Create();
  StatusOr<Spare> CreateReserved();
  Status OpenDirectory();
  void StartAllocation();
  void StartZeros(Spare& spare);
  void Submit(Step step, Spare& spare);
  void OnStepDone(int32_t result);
  Status Advance(Spare& spare);
  void Fail(Status error);
  Spare* Unready();

  FileSystem& files_;
  AsyncFiles& async_;
  const Clock& clock_;
  const LogOptions& options_;
  uint64_t next_seq_;
  std::function<void()> on_usable_;
  std::unique_ptr<File> directory_;  // open once it is needed
  size_t target_;
  std::deque<Spare> spares_;
  Operation operation_;
  Step step_ = Step::kAllocate;
  uint64_t stepping_seq_ = 0;  // the spare that the step under way is for
  bool busy_ = false;
  bool stopped_ = false;
  bool wanted_ = false;
  Status error_;
  uint64_t retry_at_ = 0;
};

}  // namespace flashdb
