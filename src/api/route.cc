#include "api/route.h"

#include <iterator>

namespace flashdb {
namespace {

using Segments = std::vector<std::string_view>;

// "/a//b" has the segments "a", "" and "b".
Segments Split(std::string_view path) {
  Segments segments;
  path.remove_prefix(1);
  while (true) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

bool IsVariable(std::string_view segment) { return segment.starts_with('{'); }

struct Table {
  std::vector<Route> routes;
  std::vector<Segments> patterns;  // of each

  Table() {
    for (auto family : {TopicRoutes, RecordRoutes, GroupRoutes, MemberRoutes, KeyRoutes,
                        CommandRoutes, HealthRoutes, MetricsRoutes, DocumentRoutes}) {
      std::vector<Route> rows = family();
      std::move(rows.begin(), rows.end(), std::back_inserter(routes));
    }
    for (const Route& route : routes) patterns.push_back(Split(route.path));
  }
};

const Table& TheTable() {
  static const Table table;
  return table;
}

bool Fits(const Segments& pattern, const Segments& path) {
  if (pattern.size() != path.size()) return false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (IsVariable(pattern[i]) ? path[i].empty() : pattern[i] != path[i]) return false;
  }
  return true;
}

void DecodeValues(const Segments& pattern, const Segments& path, RouteMatch& match) {
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (!IsVariable(pattern[i])) continue;
    std::optional<std::string> value = PercentDecode(path[i], false);
    match.malformed = match.malformed || !value.has_value();
    match.path_values.push_back(std::move(value).value_or(""));
  }
}

void Allow(RouteMatch& match, HttpMethod method) {
  if (!match.allowed.empty()) match.allowed += ", ";
  match.allowed += NameOf(method);
  if (method == HttpMethod::kGet) match.allowed += ", HEAD";
}

}  // namespace

std::span<const Route> AllRoutes() { return TheTable().routes; }

RouteMatch FindRoute(HttpMethod method, std::string_view path) {
  RouteMatch match;
  if (!path.starts_with('/')) return match;
  if (method == HttpMethod::kHead) method = HttpMethod::kGet;
  const Table& table = TheTable();
  const Segments segments = Split(path);
  for (size_t i = 0; i < table.routes.size(); ++i) {
    if (!Fits(table.patterns[i], segments)) continue;
    if (table.routes[i].method != method) {
      Allow(match, table.routes[i].method);
      continue;
    }
    match.route = &table.routes[i];
    DecodeValues(table.patterns[i], segments, match);
    return match;
  }
  return match;
}

}  // namespace flashdb
