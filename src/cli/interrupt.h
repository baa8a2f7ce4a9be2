// Ctrl-C as something to look at and to wait for, instead of the end of the process.
#pragma once

#include <csignal>
#include <cstdint>

namespace flashdb::cli {

/// While one exists, SIGINT, SIGTERM and SIGHUP set it instead of ending the process. At most one
/// at a time.
class Interrupt {
 public:
  enum class Second : uint8_t { kEndsProcess, kIsIgnored };

  /// `second`: what a second SIGINT does, from someone who can't wait for the end.
  explicit Interrupt(Second second = Second::kEndsProcess);
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
