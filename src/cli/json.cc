#include "cli/json.h"

namespace flashdb::cli {

StatusOr<Json> ParseJson(std::string_view text) {
  // The library tells the place of a fault in an exception only.
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    std::string what = error.what();
    const size_t start = what.find("] ");
    return absl::InvalidArgumentError(start == std::string::npos ? what : what.substr(start + 2));
  }
}

std::string ToText(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

const Json& Member(const Json& object, std::string_view name) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string StringOf(const Json& object, std::string_view name, std::string_view fallback) {
  const Json& member = Member(object, name);
  return member.is_string() ? member.get<std::string>() : std::string(fallback);
}

int64_t IntOf(const Json& object, std::string_view name, int64_t fallback) {
  const Json& member = Member(object, name);
  return member.is_number_integer() ? member.get<int64_t>() : fallback;
}

}  // namespace flashdb::cli
