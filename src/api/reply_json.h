// Replies of commands as JSON.
#pragma once

#include <string_view>

#include "http/json_writer.h"

namespace flashdb {

/// Writes the RESP3 value at the front of `reply` and moves `reply` behind it. Integers and doubles
/// become numbers, strings text or, if they are not UTF-8, {"base64": "..."}; null, booleans,
/// arrays and maps what they are called (a map with a key that is not UTF-8: an array of pairs);
/// an error {"error": "ERR ..."}. Aborts if no whole value is there.
void WriteReply(JsonWriter& json, std::string_view& reply);

/// A simple or bulk string's bytes, or an integer's digits; nullopt for everything else.
std::optional<std::string_view> TextOfReply(std::string_view reply);

/// An error's line without its '-' and line end; nullopt if it is none.
std::optional<std::string_view> ErrorOfReply(std::string_view reply);

}  // namespace flashdb
