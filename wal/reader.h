// Reading segment files: frames, and the records in them. Blocking; for recovery and tools.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "wal/format.h"

namespace flashdb {

struct Frame {
  FrameHeader header;
  std::span<const uint8_t> body;  // the fragments
  uint64_t padded_bytes = 0;
};

/// Which frames may be meant at some place; told apart before their checksum is computed.
struct FrameFilter {
  uint64_t min_epoch = 0;
  uint64_t max_epoch = UINT64_MAX;
  uint64_t min_frame_seq = 0;
};

/// One segment file, read in big sequential pieces. Memory: 1 MiB, or its largest frame.
class SegmentReader {
 public:
  static StatusOr<SegmentReader> Open(FileSystem& files, std::string path);

  /// The bytes [offset, offset + size), fewer at the end of the file. Valid until the next call.
  StatusOr<std::span<const uint8_t>> View(uint64_t offset, size_t size);
  /// The frame at `offset` if one that passes `filter` and its checksum begins there. Its body is
  /// valid until the next call.
  StatusOr<std::optional<Frame>> FrameAt(uint64_t offset, uint32_t block_bytes,
                                         const FrameFilter& filter);
  uint64_t file_bytes() const { return file_bytes_; }
  const std::string& path() const { return path_; }

 private:
  SegmentReader(std::unique_ptr<File> file, std::string path, uint64_t file_bytes)
      : file_(std::move(file)), path_(std::move(path)), file_bytes_(file_bytes) {}

  std::unique_ptr<File> file_;
  std::string path_;
  uint64_t file_bytes_;
  std::vector<uint8_t> window_;
  uint64_t window_at_ = 0;
  size_t window_bytes_ = 0;
};

struct Fragment {
  FragmentKind kind;
  uint8_t record_type;
  std::string_view data;
  Lsn lsn;      // of the record it belongs to
  bool orphan;  // the record began in a segment that is gone
};

/// Takes frames apart, follows records over them and counts LSNs.
class FragmentWalker {
 public:
  /// Begins a segment that continues nothing: an unfinished record is forgotten and the next record
  /// is `first_lsn`. With `may_continue` the segment may begin in the middle of that record.
  void Restart(Lsn first_lsn, bool may_continue);

  /// Calls `visit` for each fragment. DataLoss, naming `where`, for contents that contradict
  /// themselves or a record type that this version does not know.
  Status Walk(const Frame& frame, std::string_view where,
              const std::function<Status(const Fragment&)>& visit);

  Lsn last_lsn() const { return last_lsn_; }
  bool in_record() const { return state_ == State::kInRecord; }

 private:
  enum class State : uint8_t { kBetween, kInRecord, kInOrphan, kMaybeOrphan };

  bool Follow(const FragmentHeader& header, Fragment& fragment);

  State state_ = State::kBetween;
  Lsn last_lsn_ = 0;
};

}  // namespace flashdb
