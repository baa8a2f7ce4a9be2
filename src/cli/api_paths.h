// The API's addresses (openapi.json of the server), in one place.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flashdb::cli {

/// "?a=1&b=2" built up; values are encoded.
class Query {
 public:
  Query& Add(std::string_view name, std::string_view value);
  Query& Add(std::string_view name, int64_t value);
  /// Adds nothing without a value.
  Query& Add(std::string_view name, const std::optional<int64_t>& value);
  /// "" if nothing was added.
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string TopicPath(std::string_view topic);    // /topics/{t}
std::string RecordsPath(std::string_view topic);  // /topics/{t}/records
std::string GroupPath(std::string_view group);    // /groups/{g}
std::string LagPath(std::string_view group);
std::string GroupRecordsPath(std::string_view group, std::string_view topic);
std::string GroupOffsetsPath(std::string_view group, std::string_view topic);
std::string MembersPath(std::string_view group);
std::string MemberPath(std::string_view group, std::string_view member);

}  // namespace flashdb::cli
