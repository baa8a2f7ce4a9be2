// A partition's directory has another name while a deleted topic's files are being removed, and at
// the start while the log tells of older topics of the same name.
#include <algorithm>
#include <utility>

#include "base/numbers.h"
#include "topics/file_storage.h"

namespace flashdb {
namespace {

constexpr std::string_view kDeletedMark = ".deleted-";
constexpr std::string_view kNewerMark = ".newer-";

// "3", "3.deleted-17" or "3.newer-17": the number of the partition whose directory it is.
std::optional<PartitionNumber> PartitionOf(std::string_view name, bool* aside) {
  const size_t mark = std::min(name.find(kDeletedMark), name.find(kNewerMark));
  *aside = mark != std::string_view::npos;
  const std::string_view digits = name.substr(0, mark);
  const std::optional<uint64_t> number = ParseUint64(digits);
  if (!number || *number >= kMaxPartitions) return {};
  return static_cast<PartitionNumber>(*number);
}

Status RemoveDirectoryAndFiles(FileSystem& files, const std::string& directory) {
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> names, files.List(directory));
  for (const std::string& name : names) {
    FLASHDB_RETURN_IF_ERROR(files.Remove(directory + "/" + name));
  }
  return files.RemoveDirectory(directory);
}

}  // namespace

std::string FileStorage::DirectoryWhenDeleted() const {
  return fmt::format("{}{}{}", directory_, kDeletedMark, topic_id_);
}

std::string FileStorage::DirectoryWhenNewer(TopicId newer) const {
  return fmt::format("{}{}{}", directory_, kNewerMark, newer);
}

// What an older topic has in the place is of no use any more: this one began after its end. Nor is
// what was left when this one's files were being removed: they are made anew, and removed again.
Status FileStorage::TakeBackDirectory() {
  FileSystem& files = files_.files();
  if (files.Exists(DirectoryWhenDeleted())) {
    FLASHDB_RETURN_IF_ERROR(RemoveDirectoryAndFiles(files, DirectoryWhenDeleted()));
  }
  const std::string aside = DirectoryWhenNewer(topic_id_);
  if (!files.Exists(aside)) return OkStatus();
  if (files.Exists(directory_)) {
    FLASHDB_RETURN_IF_ERROR(RemoveDirectoryAndFiles(files, directory_));
  }
  FLASHDB_RETURN_IF_ERROR(files.Rename(aside, directory_));
  return files.SyncDirectory(directory_.substr(0, directory_.rfind('/')));
}

Status FileStorage::SetDirectoryAside(TopicId newer) {
  has_directory_ = false;
  return files_.files().Rename(directory_, DirectoryWhenNewer(newer));
}

Status FileStorage::RemoveStrays(
    SegmentFiles& files, const std::function<bool(std::string_view, PartitionNumber)>& wanted) {
  FileSystem& system = files.files();
  const std::string& root = files.options().directory;
  FLASHDB_ASSIGN_OR_RETURN(std::vector<std::string> topics, system.List(root));
  for (const std::string& topic : topics) {
    if (!IsValidTopicName(topic)) continue;
    const std::string directory = root + "/" + topic;
    StatusOr<std::vector<std::string>> names = system.List(directory);
    if (!names.ok()) continue;  // not a directory: none of ours
    size_t kept = 0;
    for (const std::string& name : *names) {
      bool aside = false;
      const std::optional<PartitionNumber> partition = PartitionOf(name, &aside);
      if (partition && (aside || !wanted(topic, *partition))) {
        FLASHDB_RETURN_IF_ERROR(RemoveDirectoryAndFiles(system, directory + "/" + name));
      } else {
        ++kept;
      }
    }
    if (kept == 0) FLASHDB_RETURN_IF_ERROR(system.RemoveDirectory(directory));
  }
  return OkStatus();
}

}  // namespace flashdb
