// flashq: the command line client of FlashDB's topics.
#include <signal.h>
#include <unistd.h>

#include <iostream>

#include "cli/app.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // a connection that breaks is an error like others
  std::ios::sync_with_stdio(false);
  const flashdb::cli::Streams streams{.in = STDIN_FILENO,
                                      .out = std::cout,
                                      .err = std::cerr,
                                      .in_terminal = isatty(STDIN_FILENO) == 1,
                                      .out_terminal = isatty(STDOUT_FILENO) == 1,
                                      .err_terminal = isatty(STDERR_FILENO) == 1};
  return flashdb::cli::RunFlashq(std::vector<std::string>(argv + 1, argv + argc), streams);
}
