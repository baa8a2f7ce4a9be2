// Scripts for shells that complete flashq's commands, options, and names of topics and groups.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace flashdb::cli {

/// `app` is the whole command line (MakeApp): what is completed is what it takes.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);
std::string FishCompletion(const CLI::App& app);

}  // namespace flashdb::cli
