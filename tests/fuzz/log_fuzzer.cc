// Recovery from files that nobody wrote (any bytes), that faulty software wrote (right checksums
// around any contents) and that a disk has damaged (a log with some bytes changed). It must end, in
// bounded memory, in an error or in a log that stays the same; a damaged log gives a prefix of what
// was written or an error.
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/fake_disk.h"
#include "wal/recovery.h"
#include "wal/writer.h"

namespace flashdb {
namespace {

constexpr const char* kDirectory = "/log";
constexpr uint32_t kLogId = 0;
constexpr uint32_t kBlock = 512;

struct Record {
  TxnId txn;
  std::string payload;
  bool operator==(const Record&) const = default;
};
using Records = std::vector<Record>;

std::string PathOf(uint64_t segment) {
  return fmt::format("{}/{}", kDirectory, SegmentName(segment));
}

std::vector<uint8_t> ReadFile(FakeDisk& disk, const std::string& path) {
  auto file = disk.OpenForRead(path);
  FLASHDB_CHECK(file.ok());
  auto size = (*file)->Size();
  FLASHDB_CHECK(size.ok());
  std::vector<uint8_t> bytes(*size);
  FLASHDB_CHECK((*file)->ReadAt(0, bytes).ok());
  return bytes;
}

void WriteFile(FakeDisk& disk, const std::string& path, std::vector<uint8_t> bytes) {
  if (disk.Exists(path)) FLASHDB_CHECK(disk.Remove(path).ok());
  auto file = disk.OpenForWrite(path, WriteMode::kBuffered, true);
  FLASHDB_CHECK(file.ok(), "{}", MessageOf(file.status()));
  bytes.resize(RoundUp(bytes.size(), FakeDisk::kSector));
  if (!bytes.empty()) FLASHDB_CHECK((*file)->WriteAt(0, bytes).ok());
  FLASHDB_CHECK((*file)->Sync().ok() && disk.SyncDirectory(kDirectory).ok());
}

// ---- Recovery ---------------------------------------------------------------------------------

StatusOr<Records> ReplayTo(FakeDisk& disk, const LogScan& scan, const Cut& cut) {
  Records records;
  Lsn next = scan.first_lsn;
  FLASHDB_RETURN_IF_ERROR(ReplayLog(
      disk, scan, cut, [&](Lsn lsn, RecordType, TxnId txn, std::string_view payload) -> Status {
        FLASHDB_CHECK(lsn == next++, "record {} comes out of turn", lsn);
        records.push_back({txn, std::string(payload)});
        return OkStatus();
      }));
  return records;
}

StatusOr<Records> RecoverOnce(FakeDisk& disk, Lsn needed) {
  FLASHDB_ASSIGN_OR_RETURN(LogScan scan, ScanLog(disk, kDirectory, kLogId, needed));
  FLASHDB_ASSIGN_OR_RETURN(std::vector<Cut> cuts, ComputeCuts({&scan, 1}));
  FLASHDB_ASSIGN_OR_RETURN(LogStart start, ApplyCut(disk, scan, cuts[0]));
  FLASHDB_ASSIGN_OR_RETURN(Records records, ReplayTo(disk, scan, cuts[0]));
  FLASHDB_CHECK(start.next_lsn == cuts[0].lsn, "the writer goes on elsewhere");
  return records;
}

// A crash after a recovery changes nothing.
StatusOr<Records> Recover(FakeDisk& disk, Lsn needed) {
  StatusOr<Records> records = RecoverOnce(disk, needed);
  if (!records.ok()) {
    FLASHDB_CHECK(!records.status().message().empty(), "an error says nothing");
    return records;
  }
  disk.PowerLoss(1);
  StatusOr<Records> again = RecoverOnce(disk, 0);
  FLASHDB_CHECK(again.ok(), "what was recovered is refused: {}", MessageOf(again.status()));
  FLASHDB_CHECK(*again == *records, "recovered {} records, then {}", records->size(),
                again->size());
  return records;
}

// ---- Files that nobody wrote --------------------------------------------------------------------

void MakeAnyFiles(FakeDisk& disk, fuzz::Bytes& in) {
  const uint64_t files = 1 + in.Below(3);
  for (uint64_t i = 1; i <= files; ++i) {
    std::string_view bytes = in.String(2000);
    WriteFile(disk, PathOf(i), {bytes.begin(), bytes.end()});
  }
}

// ---- Right checksums around anything ------------------------------------------------------------

uint64_t NearIn(fuzz::Bytes& in, uint64_t usual) {
  const uint8_t kind = in.Byte();
  if (kind < 200) return usual;
  return kind < 250 ? usual + kind - 225 : in.Number(8);
}

std::vector<uint8_t> FragmentsIn(fuzz::Bytes& in, uint32_t& count) {
  std::vector<uint8_t> body;
  count = static_cast<uint32_t>(1 + in.Below(4));
  for (uint32_t i = 0; i < count; ++i) {
    std::string data;
    const bool group = in.Below(4) == 0;
    if (group) {
      const std::vector<uint32_t> participants(1 + in.Below(3), 0);
      EncodeGroupPrefix(in.Below(8), participants, data);
    }
    data += in.String(60);
    if (in.Below(16) == 0) data.resize(in.Below(data.size() + 1));
    const uint64_t kind = in.Below(16);
    FragmentHeader header{.length = static_cast<uint32_t>(NearIn(in, data.size())),
                          .kind = static_cast<FragmentKind>(kind < 10 ? 1 : kind - 9),
                          .record_type = static_cast<uint8_t>(NearIn(in, group ? 2 : 1))};
    const size_t at = body.size();
    body.resize(at + kFragmentHeaderBytes);
    EncodeFragmentHeader(header, body.data() + at);
    body.insert(body.end(), data.begin(), data.end());
  }
  return body;
}

struct Forgery {
  uint64_t frame = 1;
  Lsn lsn = 0;
};

void PutFrame(fuzz::Bytes& in, const SegmentHeader& segment, Forgery& at,
              std::vector<uint8_t>& file) {
  uint32_t fragments = 0;
  const std::vector<uint8_t> body = FragmentsIn(in, fragments);
  at.lsn += fragments;
  FrameHeader header{.length = static_cast<uint32_t>(kFrameHeaderBytes + body.size()),
                     .frame_seq = NearIn(in, at.frame++),
                     .epoch = NearIn(in, segment.epoch),
                     .durable_frame_seq = in.Below(20),
                     .last_lsn = NearIn(in, at.lsn),
                     .fragments = static_cast<uint32_t>(NearIn(in, fragments))};
  const size_t start = file.size();
  file.resize(start + RoundUp(header.length, kBlock));
  std::copy(body.begin(), body.end(), file.begin() + static_cast<long>(start + kFrameHeaderBytes));
  SealFrame(header, file.data() + start);
}

void MakeForgedFiles(FakeDisk& disk, fuzz::Bytes& in) {
  constexpr size_t kFileBytes = 32 * 1024;
  Forgery at;
  const uint64_t files = 1 + in.Below(3);
  for (uint64_t i = 1; i <= files; ++i) {
    SegmentHeader header{
        .log_id = kLogId, .segment_seq = NearIn(in, i), .epoch = NearIn(in, i * 5)};
    header.previous_segment = NearIn(in, i - 1);
    header.first_lsn = NearIn(in, at.lsn + 1);
    header.first_frame_seq = NearIn(in, at.frame);
    header.durable_frame_seq = in.Below(10);
    header.settled_txn = in.Below(4);
    header.segment_bytes = NearIn(in, kFileBytes);
    header.block_bytes = static_cast<uint32_t>(NearIn(in, kBlock));
    header.flags = static_cast<uint32_t>(in.Below(4) == 0 ? in.Below(4) : 0);
    std::vector<uint8_t> file(SegmentHeaderSpan(kBlock));
    EncodeSegmentHeader(header, file.data());
    for (uint64_t frames = in.Below(6); frames > 0; --frames) PutFrame(in, header, at, file);
    file.resize(kFileBytes);
    WriteFile(disk, PathOf(i), std::move(file));
  }
}

// ---- A log that was damaged ---------------------------------------------------------------------

Records WriteLog(FakeDisk& disk, fuzz::Bytes& in) {
  ManualClock clock;
  LogOptions options{.directory = kDirectory, .log_id = kLogId};
  options.segment_bytes = kMinSegmentBytes;
  options.block_bytes = kBlock;
  options.mode = WriteMode::kDirectSync;
  options.spare_segments = 1;
  options.epoch_seed = 1;
  auto writer = LogWriter::Open(disk, disk, clock, options, {});
  FLASHDB_CHECK(writer.ok(), "{}", MessageOf(writer.status()));
  LogWriter& log = **writer;
  Records records;
  const bool segments = in.Below(8) == 0;  // long records, so that there are several
  for (uint64_t left = 1 + in.Below(12); left > 0; --left) {
    const size_t bytes = segments ? 30'000 + in.Number(2) : in.Below(700);
    Record record{0, std::string(bytes, static_cast<char>('a' + left))};
    if (in.Below(4) == 0) record.txn = records.size() + 1;
    const std::vector<uint32_t> participants{kLogId};
    if (record.txn == 0)
      log.Append(record.payload);
    else
      log.AppendGroup(record.txn, participants, record.payload);
    records.push_back(std::move(record));
    log.Pump();
    if (in.Below(2) == 0) disk.RunAll();
  }
  while (!log.idle() || log.busy()) {
    log.Pump();
    disk.RunAll();
  }
  FLASHDB_CHECK(log.failure().ok() && log.durable() == records.size());
  return records;
}

// Where a byte matters most: the header, and the beginnings of blocks.
uint64_t PlaceIn(fuzz::Bytes& in, uint64_t size) {
  const uint8_t kind = in.Byte();
  if (kind < 80) return in.Below(kSegmentHeaderBytes);
  const uint64_t block = SegmentHeaderSpan(kBlock) + kBlock * in.Below(40);
  if (kind < 160) return block + in.Below(kFrameHeaderBytes + kFragmentHeaderBytes);
  return kind < 220 ? block + in.Below(kBlock) : in.Below(size);
}

void DamageOnce(FakeDisk& disk, fuzz::Bytes& in) {
  auto names = disk.List(kDirectory);
  FLASHDB_CHECK(names.ok());
  if (names->empty()) return;
  const std::string path = fmt::format("{}/{}", kDirectory, (*names)[in.Below(names->size())]);
  std::vector<uint8_t> file = ReadFile(disk, path);
  const uint8_t kind = in.Byte();
  if (kind < 10) {
    FLASHDB_CHECK(disk.Remove(path).ok() && disk.SyncDirectory(kDirectory).ok());
    return;
  }
  if (kind < 20) {
    WriteFile(disk, fmt::format("{}/{}", kDirectory, (*names)[in.Below(names->size())]), file);
    return;
  }
  if (file.empty()) return;
  const uint64_t at = std::min<uint64_t>(PlaceIn(in, file.size()), file.size() - 1);
  if (kind < 40) {
    file.resize(at);
  } else if (kind < 80) {
    std::fill(file.begin() + static_cast<long>(at),
              file.begin() + static_cast<long>(std::min<uint64_t>(at + 600, file.size())), 0);
  } else {
    file[at] ^= static_cast<uint8_t>(in.Byte() | 1);
  }
  WriteFile(disk, path, std::move(file));
}

void CheckDamagedLog(FakeDisk& disk, fuzz::Bytes& in) {
  const Records written = WriteLog(disk, in);
  for (uint64_t times = in.Below(4); times > 0; --times) DamageOnce(disk, in);
  StatusOr<Records> recovered = Recover(disk, 1);
  if (!recovered.ok()) return;
  FLASHDB_CHECK(recovered->size() <= written.size(), "records were invented");
  for (size_t i = 0; i < recovered->size(); ++i) {
    FLASHDB_CHECK((*recovered)[i] == written[i], "record {} is not what was written", i + 1);
  }
}

}  // namespace
}  // namespace flashdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  flashdb::fuzz::Bytes in(data, size);
  flashdb::FakeDisk disk(flashdb::kBlock);
  FLASHDB_CHECK(disk.CreateDirectories(flashdb::kDirectory).ok());
  switch (in.Below(4)) {
    case 0:
      flashdb::MakeAnyFiles(disk, in);
      (void)flashdb::Recover(disk, 0);
      break;
    case 1:
      flashdb::MakeForgedFiles(disk, in);
      (void)flashdb::Recover(disk, 0);
      break;
    default:
      flashdb::CheckDamagedLog(disk, in);
  }
  return 0;
}
