// What a log is told at start: by the configuration (LogOptions) and by recovery (LogStart).
#pragma once

#include <cstdint>
#include <string>

#include "base/types.h"
#include "io/file.h"

namespace flashdb {

/// When a record counts as durable.
enum class SyncPolicy : uint8_t {
  kAlways,    // on disk
  kPeriodic,  // with the kernel or the device (survives kill -9); on disk an interval later at most
  kNever,     // the same; they decide when it is on disk, but a full segment is always synced
};

struct LogOptions {
  std::string directory;  // of this log alone
  uint32_t log_id = 0;
  uint64_t segment_bytes = 32u << 20;  // at least kMinSegmentBytes, a multiple of the block size
  uint32_t block_bytes = 4096;         // logical block size of the device, a power of two
  /// With other policies than kAlways, kDirectSync is taken for kDirect.
  WriteMode mode = WriteMode::kBuffered;
  SyncPolicy policy = SyncPolicy::kAlways;
  uint32_t sync_interval_ms = 1000;
  /// Bounds of one frame (one write) and, in kPeriodic, of what may be unsynced. 0 is the default:
  /// a frame of 1 MiB with any number of records, at most a segment unsynced.
  uint32_t commit_records = 0;
  uint64_t commit_bytes = 0;
  /// Written at the same time, at most; at least 1. Policies other than kAlways take 1.
  uint32_t frames_in_flight = 2;
  uint32_t spare_segments = 2;  // reserved ahead; at least 1
  /// Seeds the random steps between epochs; 0 takes a seed from the kernel.
  uint64_t epoch_seed = 0;
};

/// Where a writer goes on. The defaults begin a new log; otherwise ApplyCut gives it.
struct LogStart {
  uint64_t segment_seq = 1;
  uint64_t previous_segment = 0;
  Lsn next_lsn = 1;
  uint64_t next_frame_seq = 1;
  uint64_t last_epoch = 0;
  TxnId settled_txn = 0;
};

}  // namespace flashdb
