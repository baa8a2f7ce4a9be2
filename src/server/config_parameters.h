// The one table of parameters, behind flags, environment, configuration file, CONFIG and --help.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "server/config.h"

namespace flashdb {

/// One row. All texts are static. Functions are null for a row with a fixed or remembered value.
struct Parameter {
  enum class When : uint8_t {
    kStart,
    kAnyTime
  };  // may change: only at start, or by CONFIG SET too
  /// What a remembered setting's values look like.
  enum class Form : uint8_t { kNone, kInteger, kSize, kSizeOrPercent, kBool, kText };

  std::string_view name;
  std::string_view group;       // heading in --help; empty: neither a flag nor a variable
  std::string_view value_name;  // "BYTES" marks a size
  std::string_view help;        // for a fixed value: why it cannot change
  When when = When::kStart;
  std::string (*get)(const Config&) = nullptr;
  Status (*set)(Config&, std::string_view) = nullptr;
  std::string_view fixed = {};  // of a remembered setting: Redis's default
  bool secret = false;
  Form form = Form::kNone;         // other than kNone: remembered, without effect
  std::string_view alias_of = {};  // an older name of that setting

  bool is_flag() const { return !group.empty(); }
  /// The setting's one name.
  std::string_view key() const { return alias_of.empty() ? name : alias_of; }
  std::string Get(const Config& config) const;
  /// InvalidArgument, without the parameter's name, if the value is refused.
  Status Set(Config& config, std::string_view value) const;
};

/// In the order of --help; the rows which are no flags come last.
std::span<const Parameter> Parameters();

/// Settings of Redis that have no counterpart here: accepted and remembered, so that tools which
/// set and read them work, and without effect. None of them promises durability, security or what
/// a reply says; those that do are fixed rows of Parameters().
std::span<const Parameter> RememberedParameters();

/// Null if there is none. `name` in lower case.
const Parameter* FindParameter(std::string_view name);

}  // namespace flashdb
