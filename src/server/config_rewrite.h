// CONFIG REWRITE: the settings of a running server, written back into its configuration file.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "server/config.h"

namespace flashdb {

/// `text` (the lines of a configuration file, see config_file.h) changed so that reading it gives
/// `config`: lines that say so already stay as they are, as do comments; others get the new value,
/// and settings that differ from their defaults and have no line are appended. InvalidArgument if
/// `text` has a line that is no setting.
StatusOr<std::string> RewrittenConfigText(std::string_view text, const Config& config);

/// Does so with the file `config.config_file`, which is replaced as a whole and durably or,
/// on error, not at all. Blocking.
Status RewriteConfigFile(const Config& config);

}  // namespace flashdb
