// Invariant checks. They stay on in release builds: a broken invariant in a database
// must stop the process before it damages data.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace flashdb {

/// Prints `file:line: check failed: condition: message` to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              std::string_view message);

}  // namespace flashdb

/// Aborts unless `condition` holds. Further arguments are a fmt format string and its values.
#define FLASHDB_CHECK(condition, ...)                                         \
  do {                                                                        \
    if (!(condition)) [[unlikely]] {                                          \
      ::flashdb::CheckFailed(__FILE__, __LINE__, #condition,                  \
                             ::flashdb::internal::CheckMessage(__VA_ARGS__)); \
    }                                                                         \
  } while (false)

namespace flashdb::internal {

inline std::string CheckMessage() { return {}; }

template <typename... Args>
std::string CheckMessage(fmt::format_string<Args...> format, Args&&... args) {
  return fmt::format(format, std::forward<Args>(args)...);
}

}  // namespace flashdb::internal
