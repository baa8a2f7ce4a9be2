// The options of SET and GETEX: conditions and expiries. Parsed without allocation.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/types.h"
#include "commands/command.h"

namespace flashdb::strings {

enum class ExpiryForm : uint8_t { kNone, kEx, kPx, kExAt, kPxAt };

struct StringOptions {
  bool if_missing = false;  // NX
  bool if_present = false;  // XX
  bool get = false;
  bool keep_ttl = false;
  bool persist = false;
  ExpiryForm form = ExpiryForm::kNone;
  std::string_view expiry;  // the argument as written; checked by ResolveExpiry
};

/// The command whose options are read: each knows some that the other does not.
enum class OptionsOf : uint8_t { kSet, kGetEx };

/// Reads `args` (those behind the fixed ones) in any order. False if one is unknown, incomplete or
/// in conflict with an earlier one; an option that is merely repeated is no conflict.
bool ParseStringOptions(ArgView args, OptionsOf command, StringOptions& options);

/// Turns an expiry argument into absolute milliseconds (> 0). False, with an error reply that names
/// `command`, if it is no integer, not positive or too large.
bool ResolveExpiry(CommandContext& context, std::string_view argument, ExpiryForm form,
                   std::string_view command, UnixMillis& at);

}  // namespace flashdb::strings
