// Base64 with the standard alphabet and padding (RFC 4648, 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace flashdb {

void AppendBase64(std::string& out, std::string_view bytes);
/// Nullopt if `text` is not exactly what AppendBase64 would write for some bytes; padding may be
/// missing.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace flashdb
