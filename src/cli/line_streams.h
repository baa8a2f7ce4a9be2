// Answers without end, several at once, cut into lines.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/api_client.h"

namespace flashdb::cli {

/// Follows any number of NDJSON answers with one thread. Not thread-safe.
class LineStreams {
 public:
  struct Line {
    int tag;  // of the stream it came from
    std::string text;
  };

  explicit LineStreams(ApiOptions options);
  ~LineStreams();

  /// Opens a stream; it is asked for as application/x-ndjson.
  void Add(int tag, std::string target);
  /// Ends all streams. Lines not taken are dropped.
  void Clear();

  /// The next line without its line feed, in each stream's order. Empty lines are left out. Waits
  /// up to `wait`: DeadlineExceeded if none came (streams are well, ask again), Cancelled after an
  /// Interrupt, Unavailable when a stream has ended, RefusalOf() what was refused. Lines that
  /// arrived before the end are given first.
  StatusOr<Line> Next(std::chrono::milliseconds wait);

 private:
  struct Stream;
  struct Multi;

  Status Advance(std::chrono::milliseconds wait);
  Status EndOf(Stream& stream, int code);
  Status CollectEnds();
  static size_t OnData(char* data, size_t one, size_t size, void* stream);

  ApiOptions options_;
  std::unique_ptr<Multi> multi_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::deque<Line> lines_;
  Status ended_;
};

}  // namespace flashdb::cli
