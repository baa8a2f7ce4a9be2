// Changes a script of commands (CommandWorld::Run) into another: words and lines instead of bytes,
// any row of the table, arguments that handlers know what to do with.
#pragma once

#include <string>
#include <string_view>

#include "base/random.h"

namespace flashdb::fuzz {

/// `any_bytes` makes something else of a word.
std::string MutateScript(std::string_view script, Random& random,
                         std::string (*any_bytes)(std::string word));

}  // namespace flashdb::fuzz
