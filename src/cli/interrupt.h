// Ctrl-C as something to look at and to wait for, instead of the end of the process.
#pragma once

#include <csignal>

namespace flashdb::cli {

/// While one exists, SIGINT, SIGTERM and SIGHUP set it instead of ending the process; a second
/// SIGINT ends it. At most one at a time.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  /// Any thread may ask. False if no Interrupt exists.
  static bool requested();
  /// Becomes readable, and stays so, when requested() turns true; -1 if no Interrupt exists.
  static int descriptor();

 private:
  struct sigaction previous_[3];
};

}  // namespace flashdb::cli
