#include "wal/probe.h"

#include <algorithm>
#include <vector>

#include "wal/format.h"

namespace flashdb {
namespace {

constexpr uint64_t kFileBytes = 1u << 20;
constexpr size_t kBlock = 4096;
constexpr uint64_t kNanosPerWay = 40'000'000;
// Alone, a buffered write and its sync are sometimes a little faster. With many of them under way
// they are much slower: a kernel thread does them one by one.
constexpr double kDirectMayTake = 2;

alignas(1u << 16) uint8_t file_of_zeros[kFileBytes];

Status FillWithZeros(FileSystem& files, const std::string& path) {
  FLASHDB_ASSIGN_OR_RETURN(auto file, files.OpenForWrite(path, WriteMode::kBuffered, true));
  FLASHDB_RETURN_IF_ERROR(file->WriteAt(0, file_of_zeros));
  return file->Sync();
}

StatusOr<double> MedianMicros(File& file, const Clock& clock) {
  std::vector<uint64_t> nanos;
  uint64_t start = clock.MonotonicNanos();
  for (uint64_t at = 0; at < kFileBytes; at += kBlock) {
    uint64_t before = clock.MonotonicNanos();
    if (before - start > kNanosPerWay && nanos.size() >= 3) break;
    FLASHDB_RETURN_IF_ERROR(file.WriteAt(at, {file_of_zeros, kBlock}));
    if (file.mode() == WriteMode::kBuffered) FLASHDB_RETURN_IF_ERROR(file.Sync());
    nanos.push_back(clock.MonotonicNanos() - before);
  }
  std::nth_element(nanos.begin(), nanos.begin() + static_cast<int64_t>(nanos.size() / 2),
                   nanos.end());
  return static_cast<double>(nanos[nanos.size() / 2]) / 1000.0;
}

StatusOr<double> MeasureWay(FileSystem& files, const std::string& path, WriteMode mode,
                            const Clock& clock) {
  FLASHDB_ASSIGN_OR_RETURN(auto file, files.OpenForWrite(path, mode, false));
  return MedianMicros(*file, clock);
}

StatusOr<ProbeResult> MeasureDurable(FileSystem& files, const std::string& path,
                                     const Clock& clock) {
  ProbeResult result;
  FLASHDB_ASSIGN_OR_RETURN(result.buffered_micros,
                           MeasureWay(files, path, WriteMode::kBuffered, clock));
  // Some file systems refuse direct writes only when they come.
  StatusOr<double> direct = MeasureWay(files, path, WriteMode::kDirectSync, clock);
  if (!direct.ok()) return result;
  result.direct_micros = *direct;
  if (result.direct_micros <= kDirectMayTake * result.buffered_micros) {
    result.mode = WriteMode::kDirectSync;
  }
  return result;
}

ProbeResult MeasureUnsynced(FileSystem& files, const std::string& path, const Clock& clock) {
  ProbeResult result;
  StatusOr<double> direct = MeasureWay(files, path, WriteMode::kDirect, clock);
  if (!direct.ok()) return result;
  result.direct_micros = *direct;
  result.mode = WriteMode::kDirect;
  return result;
}

StatusOr<ProbeResult> Measure(FileSystem& files, const std::string& path, const Clock& clock,
                              SyncPolicy policy) {
  FLASHDB_RETURN_IF_ERROR(FillWithZeros(files, path));
  if (policy == SyncPolicy::kAlways) return MeasureDurable(files, path, clock);
  return MeasureUnsynced(files, path, clock);
}

}  // namespace

StatusOr<ProbeResult> ProbeWriteMode(FileSystem& files, const std::string& directory,
                                     const Clock& clock, SyncPolicy policy) {
  std::string path = directory + "/write-probe.tmp";
  if (files.Exists(path)) FLASHDB_RETURN_IF_ERROR(files.Remove(path));
  StatusOr<ProbeResult> result = Measure(files, path, clock, policy);
  if (files.Exists(path)) FLASHDB_RETURN_IF_ERROR(files.Remove(path));
  return result;
}

}  // namespace flashdb
