// Lines from a file descriptor, with a limit on how long to wait for one.
#pragma once

#include <chrono>
#include <string>

#include "base/status.h"

namespace flashdb::cli {

/// Not thread-safe; the descriptor stays the caller's and is read ahead.
class LineReader {
 public:
  enum class Result { kLine, kEnd, kNothingYet };

  explicit LineReader(int descriptor) : descriptor_(descriptor) {}

  /// The next line, without its line feed (the last one may lack it). Waits up to `wait`; negative:
  /// as long as it takes. InvalidArgument if the descriptor can't be read or a line is longer than
  /// 64 MiB.
  StatusOr<Result> Next(std::string* line, std::chrono::milliseconds wait);

  /// Lines given so far: the number of the latest.
  int64_t number() const { return number_; }

 private:
  // Whether `buffer_` has a whole line, which goes to `line`.
  bool TakeLine(std::string* line);
  StatusOr<bool> Fill(std::chrono::milliseconds wait);

  int descriptor_;
  std::string buffer_;
  size_t taken_ = 0;     // bytes of buffer_ given out
  size_t searched_ = 0;  // bytes of buffer_ in which there is no further line feed
  bool at_end_ = false;
  int64_t number_ = 0;
};

}  // namespace flashdb::cli
