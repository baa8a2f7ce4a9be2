#include "io/replace_file.h"

namespace flashdb {
namespace {

Status WriteFresh(FileSystem& files, const std::string& fresh, const std::string& like,
                  std::span<const uint8_t> bytes) {
  FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<File> file, files.CreateLike(fresh, like));
  FLASHDB_RETURN_IF_ERROR(file->WriteAt(0, bytes));
  return file->Sync();
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Status ReplaceFile(FileSystem& files, const std::string& path, std::span<const uint8_t> bytes) {
  const std::string fresh = path + ".tmp";
  if (files.Exists(fresh)) FLASHDB_RETURN_IF_ERROR(files.Remove(fresh));
  Status status = WriteFresh(files, fresh, path, bytes);
  if (status.ok()) status = files.Rename(fresh, path);
  if (!status.ok()) {
    (void)files.Remove(fresh);  // the first error is the one that tells something
    return status;
  }
  // Else the new name might not outlive a power cut, though somebody has been told OK.
  return files.SyncDirectory(DirectoryOf(path));
}

}  // namespace flashdb
