// DIR/MANIFEST: a few lines of text, replaced as a whole.
//
//   flashdb 1
//   generation 1 shards 2
//   generation 2 shards 4
//   checksum 1a2b3c4d          (CRC-32C of all lines above)
#include <charconv>
#include <sstream>

#include "base/crc32c.h"
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
  uint32_t sum = 0;
  if (sum_at == std::string::npos) return Damaged(path, "the checksum is missing");
  std::from_chars(text.data() + sum_at + 9, text.data() + text.size(), sum, 16);
  if (sum != Crc32c(BytesOf(std::string_view(text).substr(0, sum_at)))) {
    return Damaged(path, "the checksum is wrong");
  }
  std::vector<Generation> generations;
  Generation next;
  while (in >> word && word == "generation") {
    if (!(in >> next.number >> word >> next.shards) || next.shards == 0) {
      return Damaged(path, "a generation's line is malformed");
    }
    generations.push_back(next);
  }
  return generations;
}

}  // namespace

StatusOr<std::vector<Generation>> ReadManifest(FileSystem& files, const std::string& dir) {
  std::string path = dir + "/MANIFEST";
  if (!files.Exists(path)) {
    if (files.Exists(dir + "/wal")) {
      FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> logs, files.List(dir + "/wal"));
      // Directories alone are what a first start leaves that ended before its manifest.
      if (logs.size() > 1) return Damaged(path, "the file is missing though there are logs");
    }
    return std::vector<Generation>{};
  }
  FLASHDB_ASSIGN_OR_RETURN(std::string text, ReadWhole(files, path));
  return Parse(path, text);
}

Status WriteManifest(FileSystem& files, const std::string& dir,
                     const std::vector<Generation>& generations) {
  std::string text = fmt::format("flashdb {}\n", kFormatVersion);
  for (const Generation& generation : generations) {
    text += fmt::format("generation {} shards {}\n", generation.number, generation.shards);
  }
  text += fmt::format("checksum {:08x}\n", Crc32c(BytesOf(text)));
  std::string path = dir + "/MANIFEST";
  std::string fresh = path + ".tmp";
  if (files.Exists(fresh)) FLASHDB_RETURN_IF_ERROR(files.Remove(fresh));
  {
    FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                             files.OpenForWrite(fresh, WriteMode::kBuffered, true));
    FLASHDB_RETURN_IF_ERROR(file->WriteAt(0, BytesOf(text)));
    FLASHDB_RETURN_IF_ERROR(file->Sync());
  }
  FLASHDB_RETURN_IF_ERROR(files.Rename(fresh, path));
  return files.SyncDirectory(dir);
}

}  // namespace flashdb
