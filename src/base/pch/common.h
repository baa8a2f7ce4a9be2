// Precompiled for the layers with many files: headers from outside that nearly all of them include.
// Every file still includes what it uses; scripts/check compiles the headers without this one.
#ifndef FLASHDB_BASE_PCH_COMMON_H_
#define FLASHDB_BASE_PCH_COMMON_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/container/inlined_vector.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <fmt/format.h>

#include <algorithm>
#include <coroutine>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#endif  // FLASHDB_BASE_PCH_COMMON_H_
