#include "bench/load/options.h"

#include <CLI/CLI.hpp>
#include <map>

#include "bench/load/requests.h"

namespace flashdb::bench {
namespace {

constexpr const char* kAbout =
    "Loads a server of the Redis protocol, or with --request any other, from one thread, in a\n"
    "closed loop: each connection keeps --pipeline commands under way. Prints throughput and "
    "latencies; the exit code is 1 if any\n"
    "reply was an error, a connection was lost or nothing was answered.";

void AddTarget(CLI::App& app, LoadOptions& options) {
  app.add_option("--host", options.host, "numeric address of the server")->capture_default_str();
  app.add_option("--port", options.port, "port of the server")->capture_default_str();
  app.add_option("--server-pid", options.server_pid,
                 "process whose CPU time to report with the results");
  app.add_option("--cpu", options.cpu, "core to run on; any by default");
}

void AddLoad(CLI::App& app, LoadOptions& options) {
  app.add_option("--connections", options.connections, "connections")
      ->check(CLI::Range(1, 60000))
      ->capture_default_str();
  app.add_option("--pipeline", options.pipeline, "commands under way per connection")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--set-share", options.set_share, "percent of SET; the others are GET")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--readers", options.readers,
                 "instead of --connections: those that only GET, keys of the lower half");
  app.add_option("--writers", options.writers,
                 "instead of --connections: those that only SET, keys of the upper half");
  app.add_option("--value-size", options.value_size, "bytes of a value")
      ->check(CLI::Range(0, 64 << 20))
      ->capture_default_str();
  app.add_option("--keys", options.keys, "keys, each as likely as the others")
      ->check(CLI::Range(uint64_t{2}, kMostKeys))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "seed of the choice of keys")->capture_default_str();
}

// One request from a file, in the place of GET and SET.
void AddRequest(CLI::App& app, LoadOptions& options) {
  auto* request = app.add_option(
      "--request", options.request,
      "file with the bytes of one request, to send over and over instead of GET and SET;\n"
      "runs of twelve @ become running numbers below --keys");
  for (const char* other : {"--fill", "--readers", "--writers"}) request->excludes(other);
  const std::map<std::string, Protocol> kProtocols = {{"resp", Protocol::kResp},
                                                      {"http", Protocol::kHttp}};
  app.add_option("--replies", options.replies, "what answers --request: resp or http")
      ->needs(request)
      ->transform(CLI::CheckedTransformer(kProtocols));
  app.add_option("--requests", options.requests,
                 "measure until so many are answered, however long it takes");
}

void AddCourse(CLI::App& app, LoadOptions& options) {
  app.add_flag("--fill", options.fill, "write each key once first, pipelined");
  app.add_option("--warmup-seconds", options.warmup_seconds, "seconds of load before measuring")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "seconds to measure; 0: only the fill")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  app.add_flag("--json", options.json, "print JSON");
}

}  // namespace

std::optional<LoadOptions> ParseLoadOptions(int argc, char** argv, int* exit_code) {
  LoadOptions options;
  CLI::App app(kAbout, "flashdb-load");
  AddTarget(app, options);
  AddLoad(app, options);
  AddCourse(app, options);
  AddRequest(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return options;
}

}  // namespace flashdb::bench
