// JSON as the API speaks it, read without exceptions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"

namespace flashdb::cli {

/// Members keep the order they came in.
using Json = nlohmann::ordered_json;

/// InvalidArgument, with the place of the fault, if `text` is not one JSON value.
StatusOr<Json> ParseJson(std::string_view text);
/// One line; bytes that are no UTF-8 become U+FFFD. `indent` >= 0: over several lines.
std::string ToText(const Json& value, int indent = -1);

/// The member `name` of an object, or null if there is none (or `object` is no object).
const Json& Member(const Json& object, std::string_view name);
/// The member `name`, or the fallback if it is absent or of another type.
std::string StringOf(const Json& object, std::string_view name, std::string_view fallback = "");
int64_t IntOf(const Json& object, std::string_view name, int64_t fallback = 0);

}  // namespace flashdb::cli
