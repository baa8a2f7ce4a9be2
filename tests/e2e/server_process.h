// The server as a child process, for tests that talk to it, kill it and start it again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "e2e/temp_dir.h"

namespace flashdb::e2e {

/// One server at a time. The child is killed when the object goes, and by the kernel when the
/// thread that started it ends. Not thread-safe.
class ServerProcess {
 public:
  using Millis = std::chrono::milliseconds;

  struct Options {
    uint32_t shards = 2;
    std::string sync = "always";
    std::vector<std::string> args = {};  // further flags
    std::string dir = {};                // data directory; empty: a TempDir of this object
    std::string binary = {};             // empty: $FLASHDB_BINARY, or the one of this build
    uint16_t port = 0;                   // 0: the server takes a free one, another at each start
    bool http = false;                   // serves HTTP on http_port(), the same at each start
    Millis start_timeout = Millis(60000);
  };

  explicit ServerProcess(Options options);
  ServerProcess() : ServerProcess(Options{}) {}
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Starts the server with options() and waits for its line "ready: listening on ADDRESS:PORT" and
  /// an answer to PING. If it ends or the time is over, the error has its exit code and output, and
  /// no process is left. Start() after an end is a restart on the same data.
  Status Start();
  /// SIGKILL, if it runs, and waits.
  void Kill9();
  /// SIGTERM, waits, gives the exit code (see WaitForExit).
  StatusOr<int> Terminate(Millis timeout = Millis(60000));
  /// Terminate() and Start(); an error unless the exit code was 0.
  Status Restart();
  /// The exit code of a server that ends by itself or has ended, 128 + N after signal N. On
  /// DeadlineExceeded the process has been killed; the message has its output.
  StatusOr<int> WaitForExit(Millis timeout = Millis(60000));
  Status Signal(int signal);

  bool running();
  pid_t pid() const { return pid_; }  // -1 if none
  uint16_t port() const { return port_; }
  uint16_t http_port() const { return http_port_; }  // 0: no HTTP
  const std::string& dir() const { return options_.dir; }
  /// For the next Start().
  Options& options() { return options_; }
  /// Standard error and output of the server since its last start.
  std::string stderr_text() const;

 private:
  std::vector<std::string> CommandLine() const;
  Status Spawn();
  Status WaitUntilReady();
  // Takes a free port for HTTP, if it is asked for.
  Status ChooseHttpPort();
  // Takes the port from the ready line, if that has come.
  bool FindPort();
  void Reap(bool block);
  std::string output_path() const { return own_dir_.path() + "/output"; }

  TempDir own_dir_;
  Options options_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
  uint16_t port_ = 0;
  uint16_t http_port_ = 0;
};

}  // namespace flashdb::e2e
