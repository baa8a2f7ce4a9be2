// flashdb-floor: flags -> FloorOptions -> run.
#include <fmt/format.h>
#include <sched.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/floor/floor_server.h"

namespace flashdb::bench {
namespace {

Status Serve(const FloorOptions& options) {
  signal(SIGPIPE, SIG_IGN);
  if (options.cpu >= 0) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(options.cpu, &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) {
      return ErrnoStatus(errno, fmt::format("--cpu {}", options.cpu));
    }
  }
  uint16_t port = 0;
  FLASHDB_ASSIGN_OR_RETURN(auto server, FloorServer::Start(options, &port));
  fmt::print(stderr, "ready: listening on {}:{}\n", options.host, port);
  server->Run();
}

}  // namespace
}  // namespace flashdb::bench

int main(int argc, char** argv) {
  flashdb::bench::FloorOptions options;
  CLI::App app(
      "Answers the commands of the Redis protocol at once without doing their work, with "
      "FlashDB's\n"
      "event loop on one thread: how fast the sockets are. Ends by a signal.",
      "flashdb-floor");
  app.add_option("--host", options.host, "numeric address")->capture_default_str();
  app.add_option("--port", options.port, "0: any free port; it is printed")->capture_default_str();
  app.add_option("--value-size", options.value_size, "bytes that GET is answered with")
      ->check(CLI::Range(0, 64 << 20))
      ->capture_default_str();
  app.add_option("--cpu", options.cpu, "core to run on; any by default");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  flashdb::Status status = flashdb::bench::Serve(options);
  fmt::print(stderr, "flashdb-floor: {}\n", flashdb::MessageOf(status));
  return 1;
}
