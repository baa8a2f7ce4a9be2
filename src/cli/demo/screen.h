// The demo's page: what is explained, what is shown, and the keys that go on or quit.
#pragma once

#include <termios.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "cli/context.h"

namespace flashdb::cli {

/// True of the status with which Pause() and WaitForEnter() end when the user presses q.
bool IsQuit(const Status& status);

/// One at a time, while an Interrupt exists. The terminal, if there is one, gives keys without
/// Enter and shows none until the object goes. Not thread-safe.
class Screen {
 public:
  /// `automatic`: nobody is there to press Enter.
  Screen(Context& context, bool automatic);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  /// The heading of step `number` of `count`.
  void Heading(int number, int count, std::string_view title);
  void Say(std::string_view text);
  /// A command that the reader could type.
  void Command(std::string_view text);
  /// What a command printed, indented.
  void Result(std::string_view text);
  void Good(std::string_view text);

  /// Replaces the lines of the latest Live() on a terminal; elsewhere prints them if they are new.
  void Live(const std::vector<std::string>& lines);
  /// Whether Live() replaces what it has drawn.
  bool redraws() const { return redraws_; }
  /// What comes next stands below.
  void EndLive();

  /// Asks for Enter, to do `what`. Cancelled after an Interrupt, IsQuit() after q.
  Status WaitForEnter(std::string_view what);
  /// Goes on after `time`, with the same ends.
  Status Pause(std::chrono::milliseconds time);

 private:
  // Waits up to `time` (negative: for ever) for a key; 0 if none came.
  StatusOr<char> NextKey(std::chrono::milliseconds time);

  Context& context_;
  bool automatic_;
  bool redraws_;
  std::optional<termios> saved_;
  std::vector<std::string> live_;
};

}  // namespace flashdb::cli
