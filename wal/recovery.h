// From the files of the logs after a crash to a state that is a prefix of each log's history, with
// every multi-shard transaction whole or absent. In order:
//   1. ScanLog for each log (in parallel if wanted),
//   2. ComputeCuts over all scans,
//   3. ApplyCut for each log: from then on the cut is on disk, a further crash changes nothing,
//   4. ReplayLog for each log, and LogWriter::Open, only after step 3 has ended for ALL logs.
// All blocking. Errors name file, offset and remedy; after one of them nothing was changed.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "wal/format.h"
#include "wal/options.h"

namespace flashdb {

/// A segment that is part of the log.
struct LiveSegment {
  std::string path;
  SegmentHeader header;
  uint64_t end_offset = 0;     // behind its last good frame
  Lsn void_from = UINT64_MAX;  // records in it from this LSN on were cut by an earlier recovery
};

/// One log's part of a multi-shard transaction.
struct GroupRecord {
  TxnId txn = 0;
  absl::InlinedVector<uint32_t, 4> participants;
  Lsn lsn = 0;
  uint64_t segment_seq = 0;  // where the record begins
  uint64_t frame_offset = 0;
  uint64_t frame_seq = 0;
};

struct LogScan {
  std::string directory;
  uint32_t log_id = 0;
  std::vector<LiveSegment> segments;
  std::vector<GroupRecord> groups;     // above `settled_txn`, in LSN order
  std::vector<std::string> removable;  // files that hold nothing of the log
  TxnId settled_txn = 0;               // highest floor in the headers
  Lsn first_lsn = 1;                   // first record wholly there
  Lsn next_lsn = 1;
  uint64_t next_frame_seq = 1;
  uint64_t next_segment_seq = 1;  // above all files there
  uint64_t last_epoch = 0;
  uint64_t torn_bytes = 0;         // behind the last good frame, to be cut
  bool unfinished_record = false;  // a record without its last fragment, to be cut
  std::string note;                // for the server's log when something is cut, else empty
};

/// Checks every byte of the log in `directory` (which may be missing: a new log). Records from
/// `needed_lsn` on must be there; 0 needs none. DataLoss: damage. FailedPrecondition: files of a
/// newer version or of another log.
StatusOr<LogScan> ScanLog(FileSystem& files, const std::string& directory, uint32_t log_id,
                          Lsn needed_lsn = 0);

struct Cut {
  uint32_t log_id = 0;
  Lsn lsn = 1;    // the first one that goes; the scan's next_lsn if none does
  TxnId txn = 0;  // the transaction that is the reason; 0 if none is
};

/// One cut per scan, in the same order. Finds the first transaction above all floors that lacks a
/// part and cuts every log at its first record of that or a later one: none of these was settled.
/// FailedPrecondition if a participant's log is not among the scans.
StatusOr<std::vector<Cut>> ComputeCuts(std::span<const LogScan> scans);

/// Makes the log end before `cut`, for good: syncs what is kept, then writes a closing segment that
/// voids everything else (one atomic block write), then removes what is void. A crash at any
/// instant leaves either the log before or the log after. Returns where a writer goes on.
StatusOr<LogStart> ApplyCut(FileSystem& files, const LogScan& scan, const Cut& cut);

/// Calls `fn` for each record before `cut`, in order. `txn` is 0 for kEffects; the payload is valid
/// during the call only. Stops at the first error of `fn` and returns it.
using ReplayFn =
    std::function<Status(Lsn lsn, RecordType type, TxnId txn, std::string_view payload)>;
Status ReplayLog(FileSystem& files, const LogScan& scan, const Cut& cut, const ReplayFn& fn);

}  // namespace flashdb
