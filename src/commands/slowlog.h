// What the slow log must not show.
#pragma once

#include <cstddef>

#include "commands/command.h"

namespace flashdb {

/// Whether args[i] is a password (AUTH, HELLO AUTH, CONFIG SET requirepass); show kRedacted
/// instead.
bool IsSecretArgument(ArgView args, size_t i);
inline constexpr std::string_view kRedacted = "(redacted)";

}  // namespace flashdb
