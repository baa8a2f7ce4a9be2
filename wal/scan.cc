// ScanLog: which files are the log, where it ends, and whether it is whole.
#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "wal/decision.h"
#include "wal/reader.h"
#include "wal/recovery.h"

namespace flashdb {
namespace {

constexpr std::string_view kRemedy =
    "Restore this log from a backup or a replica, or move the file away and accept the loss of "
    "everything from there on";

struct SegmentFile {
  uint64_t seq = 0;
  std::string path;
  SegmentHeader header;
  bool live = false;
  uint32_t block_bytes() const { return live ? header.block_bytes : 512; }
};

bool AllZero(std::span<const uint8_t> bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

class Scanner {
 public:
  Scanner(FileSystem& files, const std::string& directory, uint32_t log_id, Lsn needed_lsn)
      : files_(files), needed_lsn_(needed_lsn) {
    scan_.directory = directory;
    scan_.log_id = log_id;
  }

  StatusOr<LogScan> Run();

 private:
  Status ListFiles();
  StatusOr<SegmentFile> Identify(uint64_t seq, std::string path);
  Status CheckBeginning();
  Status CheckNoFrames();
  Status WalkSegment(const SegmentFile& segment, const SegmentFile* next);
  Status EnterSegment(const SegmentFile& segment);
  Status TakeFrame(const SegmentFile& segment, const Frame& frame, uint64_t offset);
  Status TakeGroupFragment(const Fragment& fragment, const GroupRecord& place);
  StatusOr<bool> EndSegment(const SegmentFile& segment, const SegmentFile* next,
                            SegmentReader& reader);
  Status GatherEvidence(const SegmentFile& segment, SegmentReader& reader, TailFacts& facts);
  StatusOr<uint64_t> FindFrames(SegmentReader& reader, uint64_t from, uint32_t block,
                                const FrameFilter& filter, TailFacts& facts);
  Status FindRemains(const SegmentFile& segment, SegmentReader& reader, TailFacts& facts);
  Status Damage(const SegmentFile& segment, const TailFacts& facts) const;
  const SegmentFile* Successor(const SegmentFile& segment) const;
  void Finish();

  FileSystem& files_;
  Lsn needed_lsn_;
  LogScan scan_;
  std::vector<SegmentFile> segments_;  // by number
  FragmentWalker walker_;
  uint64_t next_frame_ = 1;
  uint64_t offset_ = 0;  // behind the last good frame of the segment being walked
  bool log_ended_ = false;
  std::string group_bytes_;
  GroupRecord group_place_;
};

Status Scanner::ListFiles() {
  if (!files_.Exists(scan_.directory)) return OkStatus();
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> names, files_.List(scan_.directory));
  for (const std::string& name : names) {
    std::string path = scan_.directory + "/" + name;
    if (name.ends_with(".tmp")) scan_.removable.push_back(path);
    std::optional<uint64_t> seq = ParseSegmentName(name);
    if (!seq) continue;
    FLASHDB_ASSIGN_OR_RETURN(SegmentFile segment, Identify(*seq, path));
    scan_.next_segment_seq = std::max(scan_.next_segment_seq, *seq + 1);
    segments_.push_back(std::move(segment));
  }
  return OkStatus();
}

StatusOr<SegmentFile> Scanner::Identify(uint64_t seq, std::string path) {
  SegmentFile segment{seq, std::move(path), {}, false};
  FLASHDB_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(files_, segment.path));
  FLASHDB_ASSIGN_OR_RETURN(auto bytes, reader.View(0, kSegmentHeaderBytes));
  uint32_t version = 0;
  HeaderState state = DecodeSegmentHeader(bytes, segment.header, version);
  SegmentFacts facts;
  facts.header_valid = state == HeaderState::kValid;
  facts.newer_version = state == HeaderState::kNewerVersion;
  facts.log_id_matches = segment.header.log_id == scan_.log_id;
  facts.name_matches = segment.header.segment_seq == seq;
  facts.size_matches = segment.header.segment_bytes == reader.file_bytes();
  switch (JudgeSegment(facts)) {
    case SegmentVerdict::kNewerVersion:
      return absl::FailedPreconditionError(
          fmt::format("{} has log format version {}, this server reads up to {}; start the version "
                      "that wrote it, or a newer one",
                      segment.path, version, kLogFormatVersion));
    case SegmentVerdict::kForeign:
      return absl::FailedPreconditionError(
          fmt::format("{} belongs to log {}, not to log {}; put the log directories back as they "
                      "were",
                      segment.path, segment.header.log_id, scan_.log_id));
    case SegmentVerdict::kWrongSize:
      return absl::DataLossError(
          fmt::format("{} is {} bytes long, its header says {}: the file was cut or grown. {}",
                      segment.path, reader.file_bytes(), segment.header.segment_bytes, kRemedy));
    case SegmentVerdict::kLive:
      segment.live = true;
      break;
    case SegmentVerdict::kUnused:
      break;
  }
  return segment;
}

// Where several segments follow the same one, those but the last were voided by a recovery that
// ended before it had removed them.
const SegmentFile* Scanner::Successor(const SegmentFile& segment) const {
  auto found = std::find_if(segments_.rbegin(), segments_.rend(), [&](const SegmentFile& other) {
    return other.live && other.header.previous_segment == segment.seq && other.seq > segment.seq;
  });
  return found == segments_.rend() ? nullptr : &*found;
}

StatusOr<LogScan> Scanner::Run() {
  FLASHDB_RETURN_IF_ERROR(ListFiles());
  auto first = std::find_if(segments_.begin(), segments_.end(),
                            [](const SegmentFile& segment) { return segment.live; });
  if (first == segments_.end()) {
    FLASHDB_RETURN_IF_ERROR(CheckNoFrames());
  } else {
    scan_.first_lsn = first->header.first_lsn;
    FLASHDB_RETURN_IF_ERROR(CheckBeginning());
    for (const SegmentFile* at = &*first; at != nullptr && !log_ended_;) {
      const SegmentFile* next = Successor(*at);
      FLASHDB_RETURN_IF_ERROR(WalkSegment(*at, next));
      at = next;
    }
  }
  Finish();
  if (needed_lsn_ != 0 && (scan_.first_lsn > needed_lsn_ || scan_.next_lsn < needed_lsn_)) {
    return absl::DataLossError(fmt::format(
        "{}: the log holds records {} to {}, but those from {} on are needed: segment files are "
        "missing. {}",
        scan_.directory, scan_.first_lsn, scan_.next_lsn - 1, needed_lsn_, kRemedy));
  }
  return std::move(scan_);
}

// Without a single valid header there is no log, unless frames say that there was one.
Status Scanner::CheckNoFrames() {
  for (const SegmentFile& segment : segments_) {
    FLASHDB_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(files_, segment.path));
    TailFacts facts;
    FLASHDB_RETURN_IF_ERROR(
        FindFrames(reader, 0, segment.block_bytes(), {1, UINT64_MAX, 1}, facts).status());
    if (facts.later_frames) {
      return absl::DataLossError(fmt::format(
          "{} holds records, but its header at offset 0 is damaged. {}", segment.path, kRemedy));
    }
  }
  return OkStatus();
}

// The log may begin anywhere, since old segments are removed; but not behind one that is there.
Status Scanner::CheckBeginning() {
  auto first = std::find_if(segments_.begin(), segments_.end(),
                            [](const SegmentFile& segment) { return segment.live; });
  for (const SegmentFile& segment : segments_) {
    if (!segment.live && segment.seq == first->header.previous_segment) {
      return absl::DataLossError(
          fmt::format("{}: the header at offset 0 is damaged, and {} continues this segment. {}",
                      segment.path, first->path, kRemedy));
    }
  }
  next_frame_ = first->header.first_frame_seq;
  walker_.Restart(first->header.first_lsn, !first->header.restart());
  return OkStatus();
}

Status Scanner::EnterSegment(const SegmentFile& segment) {
  const SegmentHeader& header = segment.header;
  Lsn next_lsn = walker_.last_lsn() + 1;
  if (header.restart() && header.first_lsn < next_lsn && !scan_.segments.empty()) {
    scan_.segments.back().void_from = header.first_lsn;
    std::erase_if(scan_.groups,
                  [&](const GroupRecord& group) { return group.lsn >= header.first_lsn; });
  } else if (header.first_lsn != next_lsn) {
    return absl::DataLossError(
        fmt::format("{}: the header at offset 0 begins at record {}, but {} comes next: records "
                    "are missing. {}",
                    segment.path, header.first_lsn, next_lsn, kRemedy));
  }
  if (header.restart()) {
    walker_.Restart(header.first_lsn, false);
    // The end of a record whose beginning is gone may itself be void; its number is used again.
    scan_.first_lsn = std::min(scan_.first_lsn, header.first_lsn);
  }
  scan_.segments.push_back({segment.path, header, 0, UINT64_MAX});
  scan_.settled_txn = std::max(scan_.settled_txn, header.settled_txn);
  scan_.last_epoch = std::max(scan_.last_epoch, header.epoch);
  return OkStatus();
}

Status Scanner::WalkSegment(const SegmentFile& segment, const SegmentFile* next) {
  FLASHDB_RETURN_IF_ERROR(EnterSegment(segment));
  FLASHDB_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(files_, segment.path));
  uint64_t end_frame =
      next != nullptr && next->header.restart() ? next->header.first_frame_seq : UINT64_MAX;
  offset_ = SegmentHeaderSpan(segment.header.block_bytes);
  while (next_frame_ < end_frame) {
    FrameFilter filter{segment.header.epoch, segment.header.epoch, next_frame_};
    FLASHDB_ASSIGN_OR_RETURN(auto frame,
                             reader.FrameAt(offset_, segment.header.block_bytes, filter));
    if (!frame || frame->header.frame_seq != next_frame_) break;
    FLASHDB_RETURN_IF_ERROR(TakeFrame(segment, *frame, offset_));
    offset_ += frame->padded_bytes;
    ++next_frame_;
  }
  scan_.segments.back().end_offset = offset_;
  FLASHDB_ASSIGN_OR_RETURN(bool goes_on, EndSegment(segment, next, reader));
  log_ended_ = !goes_on;
  return OkStatus();
}

Status Scanner::TakeFrame(const SegmentFile& segment, const Frame& frame, uint64_t offset) {
  GroupRecord place;
  place.segment_seq = segment.seq;
  place.frame_offset = offset;
  place.frame_seq = frame.header.frame_seq;
  std::string where = fmt::format("{}, offset {}", segment.path, offset);
  return walker_.Walk(frame, where, [&](const Fragment& fragment) {
    if (fragment.orphan) {
      scan_.first_lsn = fragment.lsn + 1;
      return OkStatus();
    }
    if (fragment.record_type != static_cast<uint8_t>(RecordType::kGroup)) return OkStatus();
    return TakeGroupFragment(fragment, place);
  });
}

// Keeps no more of a group record than it takes to know its participants.
Status Scanner::TakeGroupFragment(const Fragment& fragment, const GroupRecord& place) {
  bool begins = fragment.kind == FragmentKind::kFull || fragment.kind == FragmentKind::kFirst;
  bool ends = fragment.kind == FragmentKind::kFull || fragment.kind == FragmentKind::kLast;
  if (begins) {
    group_bytes_.clear();
    group_place_ = place;
  }
  size_t need = GroupPrefixBytes(group_bytes_);
  if (need == 0 || group_bytes_.size() < need) group_bytes_.append(fragment.data);
  if (!ends) return OkStatus();
  need = GroupPrefixBytes(group_bytes_);
  if (need == 0 || group_bytes_.size() < need) {
    return absl::DataLossError(
        fmt::format("{}: record {} is too short for a transaction's part. {}",
                    scan_.segments.back().path, fragment.lsn, kRemedy));
  }
  GroupPrefix prefix = DecodeGroupPrefix(group_bytes_);
  group_place_.txn = prefix.txn;
  group_place_.participants = std::move(prefix.participants);
  group_place_.lsn = fragment.lsn;
  scan_.groups.push_back(group_place_);
  return OkStatus();
}

StatusOr<bool> Scanner::EndSegment(const SegmentFile& segment, const SegmentFile* next,
                                   SegmentReader& reader) {
  TailFacts facts;
  facts.expected_frame = next_frame_;
  if (next != nullptr) {
    facts.next_segment_continues = next->header.first_frame_seq == next_frame_;
    facts.next_segment_is_older = next->header.first_frame_seq < next_frame_;
  }
  if (!facts.next_segment_continues) {
    FLASHDB_RETURN_IF_ERROR(GatherEvidence(segment, reader, facts));
  }
  switch (JudgeTail(facts)) {
    case TailVerdict::kNextSegment:
      return true;
    case TailVerdict::kDamage:
      return Damage(segment, facts);
    case TailVerdict::kTornTail:
      scan_.note = fmt::format("{}: cut {} bytes of unfinished writes at offset {}{}", segment.path,
                               scan_.torn_bytes, offset_,
                               facts.later_frames ? " and what was written after them" : "");
      return false;
    case TailVerdict::kCleanEnd:
      break;
  }
  return false;
}

Status Scanner::GatherEvidence(const SegmentFile& segment, SegmentReader& reader,
                               TailFacts& facts) {
  const SegmentHeader& header = segment.header;
  FLASHDB_RETURN_IF_ERROR(FindRemains(segment, reader, facts));
  FLASHDB_ASSIGN_OR_RETURN(uint64_t frames_end,
                           FindFrames(reader, offset_, header.block_bytes,
                                      {header.epoch, header.epoch, next_frame_ + 1}, facts));
  scan_.torn_bytes = std::max(scan_.torn_bytes, frames_end - offset_);
  for (const SegmentFile& later : segments_) {
    if (later.seq <= segment.seq) continue;
    FrameFilter filter{header.epoch + 1, header.epoch + kMaxEpochStep * (later.seq - segment.seq),
                       next_frame_};
    if (later.live) {
      // A segment that some recovery voided, or an old one: nothing of what comes after this one.
      if (later.header.epoch < header.epoch) continue;
      filter.min_epoch = filter.max_epoch = later.header.epoch;
      facts.later_frames = true;
      facts.proven_durable = std::max(facts.proven_durable, later.header.durable_frame_seq);
      scan_.last_epoch = std::max(scan_.last_epoch, later.header.epoch);
    }
    FLASHDB_ASSIGN_OR_RETURN(SegmentReader rest, SegmentReader::Open(files_, later.path));
    FLASHDB_RETURN_IF_ERROR(FindFrames(rest, 0, later.block_bytes(), filter, facts).status());
  }
  return OkStatus();
}

// Where the last frame found ends; `from` if there is none.
StatusOr<uint64_t> Scanner::FindFrames(SegmentReader& reader, uint64_t from, uint32_t block,
                                       const FrameFilter& filter, TailFacts& facts) {
  uint64_t end = from;
  for (uint64_t at = from; at < reader.file_bytes();) {
    FLASHDB_ASSIGN_OR_RETURN(auto frame, reader.FrameAt(at, block, filter));
    if (frame) {
      facts.later_frames = true;
      facts.proven_durable = std::max(facts.proven_durable, frame->header.durable_frame_seq);
      scan_.last_epoch = std::max(scan_.last_epoch, frame->header.epoch);
    }
    at += frame ? frame->padded_bytes : block;
    if (frame) end = at;
  }
  return end;
}

// In a file that was filled with zeros every other byte is a trace of a write; in a recycled one
// only a frame header of this epoch is.
Status Scanner::FindRemains(const SegmentFile& segment, SegmentReader& reader, TailFacts& facts) {
  uint32_t block = segment.header.block_bytes;
  if ((segment.header.flags & SegmentHeader::kRecycled) != 0) {
    FLASHDB_ASSIGN_OR_RETURN(auto bytes, reader.View(offset_, kFrameHeaderBytes));
    if (bytes.size() < kFrameHeaderBytes) return OkStatus();
    FrameHeader header = PeekFrameHeader(bytes.data());
    facts.remains = header.epoch == segment.header.epoch;
    if (facts.remains) {
      scan_.torn_bytes =
          std::min<uint64_t>(RoundUp(header.length, block), reader.file_bytes() - offset_);
    }
    return OkStatus();
  }
  for (uint64_t at = offset_; at < reader.file_bytes(); at += block) {
    FLASHDB_ASSIGN_OR_RETURN(auto bytes, reader.View(at, block));
    if (!AllZero(bytes)) scan_.torn_bytes = at + block - offset_;
  }
  facts.remains = scan_.torn_bytes > 0;
  return OkStatus();
}

Status Scanner::Damage(const SegmentFile& segment, const TailFacts& facts) const {
  const SegmentFile* next = Successor(segment);
  bool missing = next == nullptr && std::none_of(segments_.begin(), segments_.end(), [&](auto& at) {
                   return at.seq == segment.seq + 1;
                 });
  std::string what = missing ? fmt::format(" or segment {} is missing", segment.seq + 1) : "";
  return absl::DataLossError(fmt::format(
      "{}: frame {} at offset {} is damaged{}; later frames prove that frames up to {} were on "
      "disk. {}",
      segment.path, facts.expected_frame, offset_, what, facts.proven_durable, kRemedy));
}

void Scanner::Finish() {
  scan_.next_frame_seq = next_frame_;
  scan_.next_lsn = segments_.empty() || scan_.segments.empty() ? 1 : walker_.last_lsn() + 1;
  // Of a record that has neither beginning nor end the number is used again.
  scan_.first_lsn = std::min(scan_.first_lsn, scan_.next_lsn);
  scan_.unfinished_record = walker_.in_record();
  if (scan_.unfinished_record && scan_.note.empty()) {
    scan_.note = fmt::format("{}: cut record {}, which was not written to its end", scan_.directory,
                             scan_.next_lsn);
  }
  std::erase_if(scan_.groups,
                [&](const GroupRecord& group) { return group.txn <= scan_.settled_txn; });
  for (const SegmentFile& segment : segments_) {
    bool kept = std::any_of(scan_.segments.begin(), scan_.segments.end(),
                            [&](const LiveSegment& live) { return live.path == segment.path; });
    if (!kept) scan_.removable.push_back(segment.path);
  }
}

}  // namespace

StatusOr<LogScan> ScanLog(FileSystem& files, const std::string& directory, uint32_t log_id,
                          Lsn needed_lsn) {
  return Scanner(files, directory, log_id, needed_lsn).Run();
}

}  // namespace flashdb
