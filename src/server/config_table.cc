#include "server/config_table.h"

#include <fnmatch.h>

#include <algorithm>

#include "server/config_parameters.h"
#include "server/config_values.h"

namespace flashdb {

std::vector<std::pair<std::string, std::string>> ConfigGet(const Config& config,
                                                           std::string_view glob) {
  const std::string pattern(glob);
  std::vector<std::pair<std::string, std::string>> found;
  for (const Parameter& parameter : Parameters()) {
    std::string name(parameter.name);
    if (fnmatch(pattern.c_str(), name.c_str(), FNM_CASEFOLD) != 0) continue;
    found.emplace_back(std::move(name), parameter.Get(config));
  }
  std::sort(found.begin(), found.end());
  return found;
}

Status ConfigSet(Config& config, std::string_view name, std::string_view value) {
  const Parameter* parameter = FindParameter(ToLower(name));
  if (parameter == nullptr) {
    return absl::NotFoundError(
        fmt::format("Unknown option or number of arguments for CONFIG SET - '{}'", name));
  }
  if (parameter->when == Parameter::When::kStart) {
    return absl::FailedPreconditionError(fmt::format(
        "'{}' can't change while the server runs; set it at start (see --help)", parameter->name));
  }
  Config changed = config;
  Status status = parameter->Set(changed, value);
  if (status.ok()) status = ValidateConfig(changed);
  if (!status.ok()) {
    return Status(status.code(), fmt::format("{}: {}", parameter->name, MessageOf(status)));
  }
  config = std::move(changed);
  return OkStatus();
}

}  // namespace flashdb
