// The arguments of one client command.
#pragma once

#include <string_view>
#include <vector>

namespace flashdb {

/// The command's name, then its arguments: views into bytes that someone else owns. Keep one and
/// reuse it from command to command: clear() keeps its memory, so parsing then allocates nothing.
using Args = std::vector<std::string_view>;

}  // namespace flashdb
