// flashq from its words to its exit code.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/context.h"

namespace flashdb::cli {

/// The whole command line. What is read goes to `*options` and `*chosen`, which must outlive it.
std::unique_ptr<CLI::App> MakeApp(GlobalOptions* options, Command* chosen);

/// Runs `words` (without the program's name) and returns the exit code (cli/errors.h). Errors are
/// printed. Never throws.
int RunFlashq(std::vector<std::string> words, const Streams& streams);

}  // namespace flashdb::cli
