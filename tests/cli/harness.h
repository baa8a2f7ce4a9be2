// flashq run inside the test, with its output caught.
#pragma once

#include <string>
#include <vector>

#include "cli/context.h"

namespace flashdb::cli {

struct RunResult {
  int code = -1;
  std::string out;
  std::string err;
};

struct RunSettings {
  std::string input = {};
  bool terminal = false;  // whether output goes to one, as far as flashq knows
};

/// Runs flashq with `words`, in the environment of the test.
RunResult RunWords(std::vector<std::string> words, const RunSettings& settings = {});

/// "--server", url and then `words`.
RunResult RunAgainst(const std::string& url, std::vector<std::string> words,
                     const RunSettings& settings = {});

}  // namespace flashdb::cli
