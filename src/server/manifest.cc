// DIR/MANIFEST: a few lines of text, replaced as a whole.
//
//   flashdb 1
//   generation 1 shards 2
//   generation 2 shards 4
//   checksum 1a2b3c4d          (CRC-32C of all lines above)
#include <sstream>

#include "base/crc32c.h"
#include "io/replace_file.h"
#include "server/recovery.h"

namespace flashdb {
namespace {

constexpr uint32_t kFormatVersion = 1;

std::span<const uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Status Damaged(const std::string& path, std::string_view what) {
  return absl::DataLossError(fmt::format(
      "{}: {}. Restore the file from a backup of the data directory; nothing was changed.", path,
      what));
}

StatusOr<std::string> ReadWhole(FileSystem& files, const std::string& path) {
  FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.OpenForRead(path));
  FLASHDB_ASSIGN_OR_RETURN(uint64_t size, file->Size());
  constexpr uint64_t kLargest = 1 << 20;
  if (size > kLargest) return Damaged(path, "far too long to be a manifest");
  std::string text(size, '\0');
  FLASHDB_ASSIGN_OR_RETURN(size_t got,
                           file->ReadAt(0, {reinterpret_cast<uint8_t*>(text.data()), text.size()}));
  text.resize(got);
  return text;
}

std::string ChecksumLine(std::string_view lines) {
  return fmt::format("checksum {:08x}\n", Crc32c(lines));
}

StatusOr<std::vector<Generation>> ParseGenerations(const std::string& path, std::istream& in) {
  std::vector<Generation> generations;
  std::string first, second;
  Generation next;
  while (in >> first) {
    bool whole = first == "generation" && in >> next.number >> second >> next.shards;
    if (!whole || second != "shards" || next.shards == 0) {
      return Damaged(path, "a generation's line is malformed");
    }
    generations.push_back(next);
  }
  if (generations.empty()) return Damaged(path, "it names no generation");
  return generations;
}

StatusOr<std::vector<Generation>> Parse(const std::string& path, const std::string& text) {
  std::istringstream in(text);
  std::string word;
  uint32_t version = 0;
  if (!(in >> word >> version) || word != "flashdb") return Damaged(path, "not a manifest");
  if (version > kFormatVersion) {
    return absl::FailedPreconditionError(
        fmt::format("{}: written by a newer FlashDB (format {}, this one knows {}). Start that "
                    "newer version, or choose another --dir.",
                    path, version, kFormatVersion));
  }
  size_t sum_at = text.rfind("checksum ");
  if (sum_at == std::string::npos) return Damaged(path, "the checksum is missing");
  if (text.substr(sum_at) != ChecksumLine(std::string_view(text).substr(0, sum_at))) {
    return Damaged(path, "the checksum is wrong");
  }
  size_t first_line = text.find('\n') + 1;
  std::istringstream lines(text.substr(first_line, sum_at - first_line));
  return ParseGenerations(path, lines);
}

// Whether any log has a file. Directories alone are what a first start leaves that ended before its
// manifest.
StatusOr<bool> HasLogs(FileSystem& files, const std::string& wal) {
  if (!files.Exists(wal)) return false;
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> generations, files.List(wal));
  for (const std::string& generation : generations) {
    if (generation[0] != 'g') continue;  // what the write probe of a start left that was killed
    std::string in = wal + "/" + generation;
    FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> shards, files.List(in));
    for (const std::string& shard : shards) {
      FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> segments, files.List(in + "/" + shard));
      if (!segments.empty()) return true;
    }
  }
  return false;
}

}  // namespace

StatusOr<std::vector<Generation>> ReadManifest(FileSystem& files, const std::string& dir) {
  std::string path = dir + "/MANIFEST";
  if (!files.Exists(path)) {
    FLASHDB_ASSIGN_OR_RETURN(bool logs, HasLogs(files, dir + "/wal"));
    if (logs) return Damaged(path, "the file is missing though there are logs");
    return std::vector<Generation>{};
  }
  // Whoever wrote it may have been killed before its name was on disk. It must be, before anything
  // that needs it is.
  FLASHDB_RETURN_IF_ERROR(files.SyncDirectory(dir));
  FLASHDB_ASSIGN_OR_RETURN(std::string text, ReadWhole(files, path));
  return Parse(path, text);
}

Status WriteManifest(FileSystem& files, const std::string& dir,
                     const std::vector<Generation>& generations) {
  std::string text = fmt::format("flashdb {}\n", kFormatVersion);
  for (const Generation& generation : generations) {
    text += fmt::format("generation {} shards {}\n", generation.number, generation.shards);
  }
  text += ChecksumLine(text);
  return ReplaceFile(files, dir + "/MANIFEST", BytesOf(text));
}

}  // namespace flashdb
