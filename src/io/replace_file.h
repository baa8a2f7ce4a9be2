// Small files that are replaced as a whole.
#pragma once

#include <span>
#include <string>

#include "base/status.h"
#include "io/file.h"

namespace flashdb {

/// Makes `bytes` the content of the file `path`, which need not exist and keeps its permissions if
/// it does. After OK the new content is durable; after an error, or a crash at any moment, the file
/// is the old one or the new one as a whole. Uses `path`.tmp, which goes away but for a crash.
/// Blocking.
Status ReplaceFile(FileSystem& files, const std::string& path, std::span<const uint8_t> bytes);

}  // namespace flashdb
