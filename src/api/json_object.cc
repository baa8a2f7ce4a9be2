#include "api/json_object.h"

#include <algorithm>

namespace flashdb {

using simdjson::SUCCESS;
using simdjson::dom::element;

JsonObject::JsonObject(element value, std::string_view what) : what_(what) {
  if (value.get_object().get(object_) != SUCCESS) {
    Fail(absl::InvalidArgumentError(fmt::format("{} is a JSON object", what)));
  }
}

void JsonObject::Fail(Status problem) {
  if (problem_.ok()) problem_ = std::move(problem);
}

std::optional<element> JsonObject::Any(std::string_view name) {
  names_.push_back(name);
  if (!problem_.ok()) return std::nullopt;
  element value;
  if (object_.at_key(name).get(value) != SUCCESS) return std::nullopt;
  ++taken_;
  return value.is_null() ? std::nullopt : std::optional<element>(value);
}

std::optional<std::string_view> JsonObject::Text(std::string_view name) {
  const std::optional<element> value = Any(name);
  if (!value.has_value()) return std::nullopt;
  std::string_view text;
  if (value->get_string().get(text) == SUCCESS) return text;
  Fail(absl::InvalidArgumentError(fmt::format("{}: \"{}\" is a string", what_, name)));
  return std::nullopt;
}

std::optional<uint64_t> JsonObject::Number(std::string_view name, uint64_t min, uint64_t max) {
  const std::optional<element> value = Any(name);
  if (!value.has_value()) return std::nullopt;
  uint64_t number = 0;
  if (value->get_uint64().get(number) == SUCCESS && number >= min && number <= max) return number;
  Fail(absl::InvalidArgumentError(
      fmt::format("{}: \"{}\" is a whole number from {} to {}", what_, name, min, max)));
  return std::nullopt;
}

std::optional<simdjson::dom::array> JsonObject::Array(std::string_view name) {
  const std::optional<element> value = Any(name);
  if (!value.has_value()) return std::nullopt;
  simdjson::dom::array array;
  if (value->get_array().get(array) == SUCCESS) return array;
  Fail(absl::InvalidArgumentError(fmt::format("{}: \"{}\" is an array", what_, name)));
  return std::nullopt;
}

Status JsonObject::Finish() {
  if (!problem_.ok() || taken_ == object_.size()) return problem_;
  for (auto [name, value] : object_) {
    if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
    return absl::InvalidArgumentError(fmt::format("{} has no member \"{}\"; it may have {}", what_,
                                                  name.substr(0, 100), fmt::join(names_, ", ")));
  }
  return absl::InvalidArgumentError(fmt::format("{} names a member twice", what_));
}

}  // namespace flashdb
