// Splits an inline command ("SET key 'a value'") into arguments, by the quoting rules of redis-cli
// and of Redis's inline protocol.
#pragma once

#include <string>
#include <string_view>

#include "resp/args.h"

namespace flashdb {

/// Appends the arguments in `line` (no line end) to `*args`. Blanks separate them. "Double quotes"
/// take \n \r \t \b \a, \xHH and \ before any other byte; 'single quotes' take only \'. A closing
/// quote ends its argument and must be followed by a blank or the end of the line; false if it is
/// not, or if a quote is never closed. `storage` is overwritten; arguments with quotes are views
/// into it, the others into `line`.
bool SplitInline(std::string_view line, std::string& storage, Args* args);

}  // namespace flashdb
