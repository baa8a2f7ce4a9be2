// Which way of writing suits this disk.
#pragma once

#include <string>

#include "base/clock.h"
#include "io/file.h"
#include "wal/options.h"

namespace flashdb {

struct ProbeResult {
  WriteMode mode = WriteMode::kBuffered;
  // Medians of a 4 KiB write, microseconds; 0 if that way was not possible or not tried.
  double direct_micros = 0;
  double buffered_micros = 0;
};

/// For kAlways, times O_DIRECT|O_DSYNC writes against write + fdatasync and takes the latter if it
/// is more than twice as fast. For the other policies, times plain O_DIRECT writes and takes them
/// if they are possible. Each goes into fresh blocks of a file filled with zeros in `directory`,
/// which must exist; kBuffered where direct writing fails. Blocking, about 100 ms at most on a disk
/// that is not stuck. The file is removed.
StatusOr<ProbeResult> ProbeWriteMode(FileSystem& files, const std::string& directory,
                                     const Clock& clock, SyncPolicy policy);

}  // namespace flashdb
