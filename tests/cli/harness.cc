#include "cli/harness.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sstream>

#include "base/check.h"
#include "cli/app.h"

namespace flashdb::cli {

RunResult RunWords(std::vector<std::string> words, const RunSettings& settings) {
  const int input = memfd_create("input", MFD_CLOEXEC);
  FLASHDB_CHECK(input >= 0);
  FLASHDB_CHECK(write(input, settings.input.data(), settings.input.size()) ==
                static_cast<ssize_t>(settings.input.size()));
  FLASHDB_CHECK(lseek(input, 0, SEEK_SET) == 0);
  std::ostringstream out;
  std::ostringstream err;
  const int code = RunFlashq(std::move(words), {.in = input,
                                                .out = out,
                                                .err = err,
                                                .in_terminal = false,
                                                .out_terminal = settings.terminal,
                                                .err_terminal = settings.terminal});
  close(input);
  return {code, out.str(), err.str()};
}

RunResult RunAgainst(const std::string& url, std::vector<std::string> words,
                     const RunSettings& settings) {
  words.insert(words.begin(), {"--server", url});
  return RunWords(std::move(words), settings);
}

}  // namespace flashdb::cli
