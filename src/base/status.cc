#include "base/status.h"

namespace flashdb {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return absl::StatusCode::kResourceExhausted;
    case EMFILE:
    case ENFILE:
      return absl::StatusCode::kUnavailable;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EINVAL:
      return absl::StatusCode::kInvalidArgument;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

Status ErrnoStatus(int error, std::string_view what) {
  char buffer[128];
  return Status(CodeOf(error),
                fmt::format("{}: {}", what, strerror_r(error, buffer, sizeof(buffer))));
}

}  // namespace flashdb
