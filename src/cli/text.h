// Bytes and what people and JSON read of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/types.h"

namespace flashdb::cli {

/// RFC 4648, with padding.
std::string EncodeBase64(std::string_view bytes);
/// Nothing if `text` is not padded base64 of the standard alphabet.
std::optional<std::string> DecodeBase64(std::string_view text);

/// The length of the well-formed UTF-8 sequence (RFC 3629) at the start of `text`; 0 if none is.
size_t Utf8Length(std::string_view text);
bool IsUtf8(std::string_view text);
/// Code points, which is about the columns it takes on a terminal.
size_t DisplayWidth(std::string_view text);

/// One printable line: control characters and bytes that are no UTF-8 as \n, \t, \xHH, and \ as \\,
/// so that no value can steer a terminal.
std::string Escape(std::string_view bytes);

/// For one segment of a URL's path or one value of its query.
std::string UrlEncode(std::string_view text);

/// "1.5 KiB", "12 B".
std::string FormatBytes(uint64_t bytes);
/// "7 d", "90 s", "250 ms": whole, in the largest unit that keeps it exact.
std::string FormatDuration(int64_t millis);
/// "1,234,567".
std::string FormatCount(uint64_t count);
/// "2026-01-31T12:00:00.123Z".
std::string FormatTime(UnixMillis time);

/// A point in time as users write it: Unix milliseconds, ISO 8601 (UTC if it names no zone), or an
/// age such as 15m, 2h or 7d before `now`. InvalidArgument says what is allowed.
StatusOr<UnixMillis> ParseTime(std::string_view text, UnixMillis now);

}  // namespace flashdb::cli
