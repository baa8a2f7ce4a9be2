// Names, headers, paths and queries of requests.
#include "base/numbers.h"
#include "http/request.h"

namespace flashdb {
namespace {

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = ToLower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Takes what is before the next `separator` off `text`.
std::string_view TakeUpTo(char separator, std::string_view& text) {
  const size_t end = text.find(separator);
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return taken;
}

}  // namespace

std::string_view NameOf(HttpMethod method) {
  constexpr std::string_view kNames[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "?"};
  return kNames[static_cast<size_t>(method)];
}

std::string_view HttpRequest::Header(std::string_view lower_name) const {
  for (const HttpHeader& header : headers) {
    if (EqualsIgnoreCase(header.name, lower_name)) return header.value;
  }
  return {};
}

std::string HttpRequest::MediaType() const {
  std::string_view value = Header("content-type");
  return ToLower(Trimmed(TakeUpTo(';', value)));
}

bool HttpRequest::Prefers(std::string_view type) const {
  std::string_view accept = Header("accept");
  while (!accept.empty()) {
    std::string_view item = TakeUpTo(',', accept);
    if (EqualsIgnoreCase(Trimmed(TakeUpTo(';', item)), type)) return true;
  }
  return false;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (text.size() - i < 3) return std::nullopt;
      const int high = HexValue(text[i + 1]);
      const int low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return out;
}

std::optional<std::vector<QueryParameter>> ParseQuery(std::string_view query) {
  std::vector<QueryParameter> parameters;
  while (!query.empty()) {
    std::string_view item = TakeUpTo('&', query);
    if (item.empty()) continue;
    std::optional<std::string> name = PercentDecode(TakeUpTo('=', item), true);
    std::optional<std::string> value = PercentDecode(item, true);
    if (!name.has_value() || !value.has_value()) return std::nullopt;
    parameters.push_back({std::move(*name), std::move(*value)});
  }
  return parameters;
}

}  // namespace flashdb
