// The demo's own server: a child process on ports of its own, with its data in a directory that
// goes with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace flashdb::cli {

/// The server's binary: `given` if not empty, else flashdb beside this program, else the one in
/// PATH. NotFound says where was looked.
StatusOr<std::string> FindServerBinary(const std::string& given);

/// The destructor kills the server and removes the directory; the kernel kills the server if this
/// process dies. Not thread-safe.
class DemoServer {
 public:
  explicit DemoServer(std::string binary) : binary_(std::move(binary)) {}
  ~DemoServer();
  DemoServer(const DemoServer&) = delete;
  DemoServer& operator=(const DemoServer&) = delete;

  /// Starts the server and waits until it answers; the first time in a new directory and on free
  /// ports, from then on with the same data and ports. If it does not come up, the error has the
  /// end of its log. Cancelled after an Interrupt.
  Status Start();
  /// SIGKILL, and waits for the end.
  void Kill9();
  /// SIGTERM, and waits for the end; killed after ten seconds.
  void Stop();

  std::string url() const;
  const std::string& directory() const { return directory_; }
  uint16_t redis_port() const { return redis_port_; }
  pid_t pid() const { return pid_; }  // -1 if none
  /// How long the latest Start() took until the server answered.
  double start_seconds() const { return start_seconds_; }

 private:
  Status MakePlace();
  Status Spawn();
  Status WaitUntilReady();
  bool HasEnded();
  std::string LogEnd() const;
  std::string log_path() const { return directory_ + "/server.log"; }

  std::string binary_;
  std::string directory_;
  uint16_t redis_port_ = 0;
  uint16_t http_port_ = 0;
  pid_t pid_ = -1;
  double start_seconds_ = 0;
};

}  // namespace flashdb::cli
