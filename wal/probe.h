// Which way of writing is durable sooner on this disk.
#pragma once

#include <string>

#include "base/clock.h"
#include "io/file.h"

namespace flashdb {

struct ProbeResult {
  WriteMode mode = WriteMode::kBuffered;
  // Medians of a durable 4 KiB write, microseconds; 0 if that way was not possible or not tried.
  double direct_micros = 0;
  double buffered_micros = 0;
};

/// Times O_DIRECT|O_DSYNC writes against write + fdatasync, each into fresh blocks of a file filled
/// with zeros in `directory`, which must exist; kBuffered where direct writing fails. Blocking,
/// about 100 ms at most on a disk that is not stuck. The file is removed.
StatusOr<ProbeResult> ProbeWriteMode(FileSystem& files, const std::string& directory,
                                     const Clock& clock);

}  // namespace flashdb
