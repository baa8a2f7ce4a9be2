// The one table of parameters, behind flags, environment, configuration file, CONFIG and --help.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "server/config.h"

namespace flashdb {

/// One row. All texts are static. Functions are null for a row with a fixed value.
struct Parameter {
  enum class When : uint8_t {
    kStart,
    kAnyTime
  };  // may change: only at start, or by CONFIG SET too

  std::string_view name;
  std::string_view group;       // heading in --help; empty: neither a flag nor a variable
  std::string_view value_name;  // "BYTES" marks a size
  std::string_view help;        // for a fixed value: why it cannot change
  When when = When::kStart;
  std::string (*get)(const Config&) = nullptr;
  Status (*set)(Config&, std::string_view) = nullptr;
  std::string_view fixed = {};
  bool secret = false;

  bool is_flag() const { return !group.empty(); }
  std::string Get(const Config& config) const;
  /// InvalidArgument, without the parameter's name, if the value is refused.
  Status Set(Config& config, std::string_view value) const;
};

/// In the order of --help; the rows which are no flags come last.
std::span<const Parameter> Parameters();

/// Null if there is none. `name` in lower case.
const Parameter* FindParameter(std::string_view name);

}  // namespace flashdb
