#include "wal/recovery.h"

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "wal/frame_buffer.h"
#include "wal/reader.h"

namespace flashdb {
namespace {

using Logs = absl::flat_hash_set<uint32_t>;

// The logs that hold a part of each transaction.
absl::flat_hash_map<TxnId, Logs> PartsOf(std::span<const LogScan> scans) {
  absl::flat_hash_map<TxnId, Logs> parts;
  for (const LogScan& scan : scans) {
    for (const GroupRecord& group : scan.groups) parts[group.txn].insert(scan.log_id);
  }
  return parts;
}

// The first transaction above `floor` that lacks a part; 0 if all are whole.
StatusOr<TxnId> FirstPartial(std::span<const LogScan> scans, TxnId floor) {
  auto parts = PartsOf(scans);
  Logs known;
  for (const LogScan& scan : scans) known.insert(scan.log_id);
  TxnId first = 0;
  for (const LogScan& scan : scans) {
    for (const GroupRecord& group : scan.groups) {
      if (group.txn <= floor) continue;
      for (uint32_t log_id : group.participants) {
        if (!known.contains(log_id)) {
          return absl::FailedPreconditionError(fmt::format(
              "record {} in {} is part of transaction {}, which also has a part in log {}, but "
              "that log is not there; put its directory back",
              group.lsn, scan.directory, group.txn, log_id));
        }
        if (!parts[group.txn].contains(log_id))
          first = first == 0 ? group.txn : std::min(first, group.txn);
      }
    }
  }
  return first;
}

const GroupRecord* GroupAt(const LogScan& scan, Lsn lsn) {
  auto found = std::find_if(scan.groups.begin(), scan.groups.end(),
                            [lsn](const GroupRecord& group) { return group.lsn == lsn; });
  return found == scan.groups.end() ? nullptr : &*found;
}

SegmentHeader ClosingHeader(const LogScan& scan, const Cut& cut) {
  Random random(EntropySeed());
  SegmentHeader header;
  header.log_id = scan.log_id;
  header.segment_seq = scan.next_segment_seq;
  header.epoch = NextEpoch(scan.last_epoch, random);
  header.previous_segment = scan.segments.back().header.segment_seq;
  header.first_lsn = cut.lsn;
  header.first_frame_seq = scan.next_frame_seq;
  if (cut.lsn < scan.next_lsn) {
    const GroupRecord* group = GroupAt(scan, cut.lsn);
    FLASHDB_CHECK(group != nullptr, "no transaction begins at record {} of {}", cut.lsn,
                  scan.directory);
    header.previous_segment = group->segment_seq;
    // The record's first frame stays: records before it may be in there too.
    header.first_frame_seq = group->frame_seq + 1;
  }
  header.durable_frame_seq = header.first_frame_seq - 1;
  header.settled_txn = scan.settled_txn;
  header.block_bytes = scan.segments.back().header.block_bytes;
  header.segment_bytes = SegmentHeaderSpan(header.block_bytes);
  header.flags = SegmentHeader::kRestart;
  return header;
}

bool IsClosingSegment(const SegmentHeader& header) {
  return header.segment_bytes == SegmentHeaderSpan(header.block_bytes);
}

// A reader found these bytes, perhaps in the page cache only.
Status SyncKept(FileSystem& files, const LogScan& scan) {
  for (const LiveSegment& segment : scan.segments) {
    FLASHDB_ASSIGN_OR_RETURN(auto file,
                             files.OpenForWrite(segment.path, WriteMode::kBuffered, false));
    FLASHDB_RETURN_IF_ERROR(file->Sync());
  }
  return files.SyncDirectory(scan.directory);
}

Status WriteClosingSegment(FileSystem& files, const LogScan& scan, const SegmentHeader& header) {
  std::string path = scan.directory + "/" + SegmentName(header.segment_seq);
  FLASHDB_ASSIGN_OR_RETURN(auto file, files.OpenForWrite(path, WriteMode::kBuffered, true));
  // First the size and the name, then the header that makes the file count.
  FLASHDB_RETURN_IF_ERROR(file->Allocate(header.segment_bytes));
  FLASHDB_RETURN_IF_ERROR(file->Sync());
  FLASHDB_RETURN_IF_ERROR(files.SyncDirectory(scan.directory));
  std::vector<uint8_t> block(header.segment_bytes);
  EncodeSegmentHeader(header, block.data());
  FLASHDB_RETURN_IF_ERROR(file->WriteAt(0, block));
  return file->Sync();
}

Status RemoveVoid(FileSystem& files, const LogScan& scan, uint64_t last_kept) {
  bool any = !scan.removable.empty();
  for (const std::string& path : scan.removable) FLASHDB_RETURN_IF_ERROR(files.Remove(path));
  for (const LiveSegment& segment : scan.segments) {
    if (segment.header.segment_seq <= last_kept) continue;
    FLASHDB_RETURN_IF_ERROR(files.Remove(segment.path));
    any = true;
  }
  return any ? files.SyncDirectory(scan.directory) : OkStatus();
}

class Replayer {
 public:
  Replayer(const Cut& cut, const ReplayFn& fn) : cut_(cut), fn_(fn) {}

  Status Segment(FileSystem& files, const LiveSegment& segment, bool first);

 private:
  Status Take(const Fragment& fragment);
  Status Deliver(const Fragment& fragment, std::string_view record);

  const Cut& cut_;
  const ReplayFn& fn_;
  FragmentWalker walker_;
  std::string record_;
  Lsn end_lsn_ = 0;
};

Status Replayer::Segment(FileSystem& files, const LiveSegment& segment, bool first) {
  const SegmentHeader& header = segment.header;
  if (first || header.restart()) walker_.Restart(header.first_lsn, first && !header.restart());
  end_lsn_ = std::min(cut_.lsn, segment.void_from);
  FLASHDB_ASSIGN_OR_RETURN(SegmentReader reader, SegmentReader::Open(files, segment.path));
  for (uint64_t at = SegmentHeaderSpan(header.block_bytes); at < segment.end_offset;) {
    FLASHDB_ASSIGN_OR_RETURN(
        auto frame, reader.FrameAt(at, header.block_bytes, {header.epoch, header.epoch, 0}));
    std::string where = fmt::format("{}, offset {}", segment.path, at);
    if (!frame) {
      return absl::DataLossError(where +
                                 ": the frame was good when it was first read and is not "
                                 "any more; check the disk, then start again");
    }
    FLASHDB_RETURN_IF_ERROR(
        walker_.Walk(*frame, where, [this](const Fragment& fragment) { return Take(fragment); }));
    at += frame->padded_bytes;
  }
  return OkStatus();
}

Status Replayer::Take(const Fragment& fragment) {
  if (fragment.orphan || fragment.lsn >= end_lsn_) return OkStatus();
  if (fragment.kind == FragmentKind::kFull) return Deliver(fragment, fragment.data);
  if (fragment.kind == FragmentKind::kFirst) record_.clear();
  record_.append(fragment.data);
  return fragment.kind == FragmentKind::kLast ? Deliver(fragment, record_) : OkStatus();
}

Status Replayer::Deliver(const Fragment& fragment, std::string_view record) {
  auto type = static_cast<RecordType>(fragment.record_type);
  if (type != RecordType::kGroup) return fn_(fragment.lsn, type, 0, record);
  size_t prefix = GroupPrefixBytes(record);
  FLASHDB_CHECK(prefix != 0 && prefix <= record.size(), "record {} passed the scan", fragment.lsn);
  return fn_(fragment.lsn, type, DecodeGroupPrefix(record).txn, record.substr(prefix));
}

}  // namespace

StatusOr<std::vector<Cut>> ComputeCuts(std::span<const LogScan> scans) {
  TxnId floor = 0;
  for (const LogScan& scan : scans) floor = std::max(floor, scan.settled_txn);
  FLASHDB_ASSIGN_OR_RETURN(TxnId partial, FirstPartial(scans, floor));
  std::vector<Cut> cuts;
  for (const LogScan& scan : scans) {
    Cut cut{scan.log_id, scan.next_lsn, 0};
    for (const GroupRecord& group : scan.groups) {
      if (partial != 0 && group.txn >= partial && group.lsn < cut.lsn) {
        cut.lsn = group.lsn;
        cut.txn = partial;
      }
    }
    cuts.push_back(cut);
  }
  return cuts;
}

StatusOr<LogStart> ApplyCut(FileSystem& files, const LogScan& scan, const Cut& cut) {
  FLASHDB_CHECK(cut.log_id == scan.log_id && cut.lsn <= scan.next_lsn, "cut of log {} at {}",
                cut.log_id, cut.lsn);
  LogStart start;
  start.segment_seq = scan.next_segment_seq;
  if (scan.segments.empty()) {
    FLASHDB_RETURN_IF_ERROR(RemoveVoid(files, scan, 0));
    return start;
  }
  FLASHDB_RETURN_IF_ERROR(SyncKept(files, scan));
  SegmentHeader last = scan.segments.back().header;
  if (cut.lsn < scan.next_lsn || !IsClosingSegment(last)) {
    last = ClosingHeader(scan, cut);
    FLASHDB_RETURN_IF_ERROR(WriteClosingSegment(files, scan, last));
    FLASHDB_RETURN_IF_ERROR(RemoveVoid(files, scan, last.previous_segment));
    ++start.segment_seq;
  } else {
    FLASHDB_RETURN_IF_ERROR(RemoveVoid(files, scan, last.segment_seq));
  }
  start.previous_segment = last.segment_seq;
  start.next_lsn = last.first_lsn;
  start.next_frame_seq = last.first_frame_seq;
  start.last_epoch = std::max(scan.last_epoch, last.epoch);
  start.settled_txn = scan.settled_txn;
  return start;
}

Status ReplayLog(FileSystem& files, const LogScan& scan, const Cut& cut, const ReplayFn& fn) {
  Replayer replayer(cut, fn);
  bool first = true;
  for (const LiveSegment& segment : scan.segments) {
    if (segment.header.first_lsn >= cut.lsn && !first) break;
    FLASHDB_RETURN_IF_ERROR(replayer.Segment(files, segment, first));
    first = false;
  }
  return OkStatus();
}

}  // namespace flashdb
