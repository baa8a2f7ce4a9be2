// The lines of a configuration file, as redis.conf has them:
//   # a comment is a line of its own
//   port 6379
//   requirepass "quoted \"words\" keep spaces"
//   sync = periodic
// Words outside quotes are joined by one space. In double quotes \" \\ \n \r \t \xHH are escapes,
// in single quotes \' is the only one.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace flashdb {

struct ConfigLine {
  int number = 0;    // the first line is 1
  std::string name;  // in lower case
  std::string value;
};

/// One line, without its newline; nothing if it is blank or a comment. InvalidArgument if it has no
/// value or a quote is left open. `number` is left 0. The message never quotes the value.
StatusOr<std::optional<ConfigLine>> ParseConfigLine(std::string_view line);

/// All settings of `text`, in order. Errors start with "`path`:line: ".
StatusOr<std::vector<ConfigLine>> ParseConfigText(std::string_view text, std::string_view path);

/// The same for the file `path`. Blocking; for start-up.
StatusOr<std::vector<ConfigLine>> ReadConfigFile(const std::string& path);

}  // namespace flashdb
