#include "wal/reader.h"

#include <algorithm>
#include <utility>

namespace flashdb {
namespace {

constexpr size_t kReadBytes = 1u << 20;

Status Contradiction(std::string_view where, std::string_view what) {
  return absl::DataLossError(
      fmt::format("{}: the checksum is right but {}; the file was written by faulty software. "
                  "Restore this log from a backup or a replica",
                  where, what));
}

}  // namespace

StatusOr<SegmentReader> SegmentReader::Open(FileSystem& files, std::string path) {
  FLASHDB_ASSIGN_OR_RETURN(auto file, files.OpenForRead(path));
  FLASHDB_ASSIGN_OR_RETURN(uint64_t bytes, file->Size());
  return SegmentReader(std::move(file), std::move(path), bytes);
}

StatusOr<std::span<const uint8_t>> SegmentReader::View(uint64_t offset, size_t size) {
  uint64_t left = offset < file_bytes_ ? file_bytes_ - offset : 0;
  size = static_cast<size_t>(std::min<uint64_t>(size, left));
  if (offset < window_at_ || offset + size > window_at_ + window_bytes_) {
    size_t want = static_cast<size_t>(std::min<uint64_t>(std::max(size, kReadBytes), left));
    if (window_.size() < want) window_.resize(want);
    window_at_ = offset;
    FLASHDB_ASSIGN_OR_RETURN(window_bytes_, file_->ReadAt(offset, {window_.data(), want}));
    size = std::min(size, window_bytes_);
  }
  return std::span<const uint8_t>(window_.data() + (offset - window_at_), size);
}

StatusOr<std::optional<Frame>> SegmentReader::FrameAt(uint64_t offset, uint32_t block_bytes,
                                                      const FrameFilter& filter) {
  FLASHDB_ASSIGN_OR_RETURN(auto bytes, View(offset, kFrameHeaderBytes));
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  FrameHeader header = PeekFrameHeader(bytes.data());
  bool possible = header.epoch >= filter.min_epoch && header.epoch <= filter.max_epoch &&
                  header.frame_seq >= filter.min_frame_seq && header.fragments > 0 &&
                  header.length >= kFrameHeaderBytes + kFragmentHeaderBytes &&
                  header.length <= file_bytes_ - offset;
  if (!possible) return std::nullopt;
  FLASHDB_ASSIGN_OR_RETURN(bytes, View(offset, header.length));
  if (bytes.size() < header.length || !FrameChecksumMatches(bytes)) return std::nullopt;
  return Frame{header, bytes.subspan(kFrameHeaderBytes), RoundUp(header.length, block_bytes)};
}

void FragmentWalker::Restart(Lsn first_lsn, bool may_continue) {
  last_lsn_ = first_lsn - 1;
  state_ = may_continue ? State::kMaybeOrphan : State::kBetween;
}

bool FragmentWalker::Follow(const FragmentHeader& header, Fragment& fragment) {
  bool begins = header.kind == FragmentKind::kFull || header.kind == FragmentKind::kFirst;
  bool ends = header.kind == FragmentKind::kFull || header.kind == FragmentKind::kLast;
  if (begins && (state_ == State::kInRecord || state_ == State::kInOrphan)) return false;
  if (!begins && state_ == State::kBetween) return false;
  fragment.lsn = last_lsn_ + 1;
  fragment.orphan = !begins && state_ != State::kInRecord;
  if (ends) {
    ++last_lsn_;
    state_ = State::kBetween;
  } else {
    state_ = fragment.orphan ? State::kInOrphan : State::kInRecord;
  }
  return true;
}

Status FragmentWalker::Walk(const Frame& frame, std::string_view where,
                            const std::function<Status(const Fragment&)>& visit) {
  std::span<const uint8_t> rest = frame.body;
  for (uint32_t i = 0; i < frame.header.fragments; ++i) {
    if (rest.size() < kFragmentHeaderBytes) return Contradiction(where, "a fragment is cut short");
    FragmentHeader header = DecodeFragmentHeader(rest.data());
    rest = rest.subspan(kFragmentHeaderBytes);
    if (header.length > rest.size()) return Contradiction(where, "a fragment is cut short");
    if (header.kind < FragmentKind::kFull || header.kind > FragmentKind::kLast) {
      return Contradiction(where, "a fragment is of no known kind");
    }
    Fragment fragment{header.kind,
                      header.record_type,
                      {reinterpret_cast<const char*>(rest.data()), header.length},
                      0,
                      false};
    if (!Follow(header, fragment)) return Contradiction(where, "fragments are out of order");
    if (!IsKnownRecordType(header.record_type)) {
      return absl::FailedPreconditionError(
          fmt::format("{}: record {} is of type {}, which this version does not know; start the "
                      "version that wrote it, or a newer one",
                      where, fragment.lsn, header.record_type));
    }
    FLASHDB_RETURN_IF_ERROR(visit(fragment));
    rest = rest.subspan(header.length);
  }
  if (!rest.empty()) return Contradiction(where, "it holds more than its fragments");
  if (last_lsn_ != frame.header.last_lsn) return Contradiction(where, "record numbers differ");
  return OkStatus();
}

}  // namespace flashdb
