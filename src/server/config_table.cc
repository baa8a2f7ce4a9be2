#include "server/config_table.h"

#include <fnmatch.h>

#include <algorithm>

#include "server/config_parameters.h"
#include "server/config_values.h"

namespace flashdb {

Settings ConfigGet(const Config& config, std::string_view glob) {
  const std::string pattern(glob);
  Settings found;
  for (const Parameter& parameter : Parameters()) {
    std::string name(parameter.name);
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_CASEFOLD) != 0) continue;
    found.emplace_back(std::move(name), parameter.Get(config));
  }
  std::sort(found.begin(), found.end());
  return found;
}

namespace {

Status CannotSet(absl::StatusCode code, std::string_view name, std::string_view why) {
  return Status(
      code, fmt::format("CONFIG SET failed (possibly related to argument '{}') - {}", name, why));
}

// The rows that the changes name, or the error of the first one that cannot be set.
StatusOr<std::vector<const Parameter*>> FindAll(const Settings& changes) {
  std::vector<const Parameter*> rows;
  for (const auto& [name, value] : changes) {
    const Parameter* row = FindParameter(ToLower(name));
    if (row == nullptr) {
      return absl::NotFoundError(
          fmt::format("Unknown option or number of arguments for CONFIG SET - '{}'", name));
    }
    if (std::find(rows.begin(), rows.end(), row) != rows.end()) {
      return CannotSet(absl::StatusCode::kInvalidArgument, name, "duplicate parameter");
    }
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

Status ConfigSet(Config& config, const Settings& changes) {
  FLASHDB_ASSIGN_OR_RETURN(std::vector<const Parameter*> rows, FindAll(changes));
  Config changed = config;
  for (size_t i = 0; i < rows.size(); ++i) {
    Status status = rows[i]->Set(changed, changes[i].second);
    if (!status.ok()) return CannotSet(status.code(), rows[i]->name, MessageOf(status));
    const bool fixed = rows[i]->when == Parameter::When::kStart;
    if (fixed && rows[i]->Get(changed) != rows[i]->Get(config)) {
      return CannotSet(absl::StatusCode::kFailedPrecondition, changes[i].first,
                       "can't set immutable config; give it at start, see --help");
    }
  }
  Status status = ValidateConfig(changed);
  if (!status.ok()) return CannotSet(status.code(), changes.back().first, MessageOf(status));
  config = std::move(changed);
  return OkStatus();
}

}  // namespace flashdb
