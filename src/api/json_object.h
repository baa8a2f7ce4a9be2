// Objects that requests bring, member by member.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/json_body.h"

namespace flashdb {

/// Reads the members of one JSON object. Each getter takes the member of that name; null counts as
/// absent. Problems are kept: the first one is what Finish() returns, which also finds members that
/// nobody has asked for.
class JsonObject {
 public:
  /// `what`: for messages, "a record".
  JsonObject(simdjson::dom::element value, std::string_view what);

  std::optional<simdjson::dom::element> Any(std::string_view name);
  std::optional<std::string_view> Text(std::string_view name);
  /// In [min, max].
  std::optional<uint64_t> Number(std::string_view name, uint64_t min, uint64_t max);
  std::optional<simdjson::dom::array> Array(std::string_view name);
  /// Notes the problem, if it is the first.
  void Fail(Status problem);

  const Status& problem() const { return problem_; }
  Status Finish();

 private:
  simdjson::dom::object object_;
  std::string_view what_;
  size_t taken_ = 0;
  std::vector<std::string_view> names_;  // that were asked for
  Status problem_;
};

}  // namespace flashdb
