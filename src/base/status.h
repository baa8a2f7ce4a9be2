// The must-use error type of the code base: abseil's Status, under short names.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

namespace flashdb {

using Status = absl::Status;
template <typename T>
using StatusOr = absl::StatusOr<T>;

inline Status OkStatus() { return absl::OkStatus(); }

/// The message of `status` as an owned std::string (abseil's own view type stays out of our APIs).
inline std::string MessageOf(const Status& status) { return std::string(status.message()); }

/// A status for a failed system call: "`what`: No space left on device". ENOSPC and EDQUOT become
/// ResourceExhausted, ENOENT NotFound, EEXIST AlreadyExists, EACCES/EPERM/EROFS PermissionDenied,
/// anything else Internal. `error` is a positive errno value.
Status ErrnoStatus(int error, std::string_view what);

}  // namespace flashdb

/// Returns early with the status of `expression` unless it is ok.
#define FLASHDB_RETURN_IF_ERROR(expression)                        \
  do {                                                             \
    if (::flashdb::Status status_ = (expression); !status_.ok()) { \
      return status_;                                              \
    }                                                              \
  } while (false)

#define FLASHDB_CONCAT_INNER(a, b) a##b
#define FLASHDB_CONCAT(a, b) FLASHDB_CONCAT_INNER(a, b)

/// `FLASHDB_ASSIGN_OR_RETURN(auto value, Function());`
#define FLASHDB_ASSIGN_OR_RETURN(lhs, expression) \
  FLASHDB_ASSIGN_OR_RETURN_IMPL(FLASHDB_CONCAT(statusor_, __LINE__), lhs, expression)
#define FLASHDB_ASSIGN_OR_RETURN_IMPL(statusor, lhs, expression) \
  auto statusor = (expression);                                  \
  if (!statusor.ok()) return statusor.status();                  \
  lhs = std::move(statusor).value()
