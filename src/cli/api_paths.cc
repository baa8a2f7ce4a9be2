#include "cli/api_paths.h"

#include "cli/text.h"

namespace flashdb::cli {

Query& Query::Add(std::string_view name, std::string_view value) {
  text_ += text_.empty() ? '?' : '&';
  text_ += name;
  text_ += '=';
  text_ += UrlEncode(value);
  return *this;
}

Query& Query::Add(std::string_view name, int64_t value) { return Add(name, std::to_string(value)); }

Query& Query::Add(std::string_view name, const std::optional<int64_t>& value) {
  return value ? Add(name, *value) : *this;
}

std::string TopicPath(std::string_view topic) { return "/topics/" + UrlEncode(topic); }
std::string RecordsPath(std::string_view topic) { return TopicPath(topic) + "/records"; }
std::string GroupPath(std::string_view group) { return "/groups/" + UrlEncode(group); }
std::string LagPath(std::string_view group) { return GroupPath(group) + "/lag"; }
std::string GroupRecordsPath(std::string_view group, std::string_view topic) {
  return GroupPath(group) + RecordsPath(topic);
}
std::string GroupOffsetsPath(std::string_view group, std::string_view topic) {
  return GroupPath(group) + TopicPath(topic) + "/offsets";
}
std::string MembersPath(std::string_view group) { return GroupPath(group) + "/members"; }
std::string MemberPath(std::string_view group, std::string_view member) {
  return MembersPath(group) + "/" + UrlEncode(member);
}

}  // namespace flashdb::cli
