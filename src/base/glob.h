// Glob patterns as KEYS, SCAN MATCH, PSUBSCRIBE, CONFIG GET and ACLs use them.
#pragma once

#include <string_view>

namespace flashdb {

/// True if all of `text` matches `pattern`. Both are plain bytes, zero bytes included.
///
///   `*`       any bytes, also none
///   `?`       any one byte
///   `[ab-y]`  one of these bytes; `[^...]` one byte that is none of them; the bounds of a range
///             may be in either order; a missing `]` is taken as if it stood at the end
///   `\x`      x itself, inside brackets too; a backslash at the very end is a backslash
///
/// `nocase` ignores the case of ASCII letters, except of one behind a backslash inside brackets.
/// These are the semantics of Redis's stringmatchlen() on x86 (range bounds compare as signed
/// bytes), with one difference: a pattern of stars alone matches the empty text here.
///
/// Takes at most O(pattern * text) time and no memory, however many stars the pattern has.
bool GlobMatch(std::string_view pattern, std::string_view text, bool nocase = false);

}  // namespace flashdb
