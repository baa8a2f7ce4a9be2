// flashdb: flags -> Config -> run.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <thread>

#include "server/config.h"
#include "server/server.h"

#ifdef FLASHDB_MIMALLOC
#include <mimalloc-new-delete.h>
#endif

namespace flashdb {
namespace {

spdlog::level::level_enum LevelOf(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kVerbose:
    case LogLevel::kNotice:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kNothing:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

void SetUpLogging(const Config& config) {
  auto logger = config.logfile.empty() ? spdlog::stderr_logger_mt("flashdb")
                                       : spdlog::basic_logger_mt("flashdb", config.logfile);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %L %v", spdlog::pattern_time_type::utc);
  logger->set_level(LevelOf(config.loglevel));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

// All threads are started with these blocked; one waits for them.
sigset_t BlockSignals() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);  // a write beyond the limit of a file's size is an error like others
  sigset_t signals;
  sigemptyset(&signals);
  for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

// Asks the server to shut down at SIGTERM or SIGINT. A second one ends the process at once: the log
// is made for that. Ends its thread before the server closes what that writes to.
class SignalWatcher {
 public:
  SignalWatcher(Server& server, sigset_t signals)
      : thread_([this, &server, signals] { Watch(server, signals); }) {}
  ~SignalWatcher() {
    ending_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }

 private:
  void Watch(Server& server, sigset_t signals) {
    int asked = 0;
    while (!ending_) {
      int number = 0;
      if (sigwait(&signals, &number) != 0 || number == SIGHUP) continue;
      if (++asked > 1) _exit(128 + number);
      spdlog::info("received {}", number == SIGTERM ? "SIGTERM" : "SIGINT");
      server.RequestShutdown();
    }
  }

  std::atomic<bool> ending_{false};
  std::thread thread_;
};

int Fail(const Status& status) {
  fmt::print(stderr, "flashdb: {}\n", MessageOf(status));
  return 1;
}

int Serve(const Config& config) {
  SetUpLogging(config);
  sigset_t signals = BlockSignals();
  static Server server(config);
  if (Status started = server.Start(); !started.ok()) return Fail(started);
  if (!config.pidfile.empty()) std::ofstream(config.pidfile) << ::getpid() << "\n";
  SignalWatcher watcher(server, signals);
  spdlog::info("flashdb {} with {} shards, data in {}, log {}", FLASHDB_VERSION, ShardCount(config),
               server.facts().directory, server.facts().log_write_mode);
  for (const std::string& address : server.addresses()) {
    fmt::print(stderr, "ready: listening on {}\n", address);
  }
  for (const std::string& address : server.http_addresses()) {
    fmt::print(stderr, "ready: HTTP on http://{}\n", address);
  }
  Status ended = server.Wait();
  if (!config.pidfile.empty()) (void)::unlink(config.pidfile.c_str());
  return ended.ok() ? 0 : Fail(ended);
}

}  // namespace
}  // namespace flashdb

int main(int argc, char** argv) {
  auto config = flashdb::ParseConfig(argc, argv, environ, std::cout);
  if (!config.ok()) {
    flashdb::Fail(config.status());
    return 2;
  }
  if (!config->has_value()) return 0;
  return flashdb::Serve(**config);
}
