// Programs as users run them: with words and input, or on a terminal.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace flashdb::e2e {

/// A child process with its output in files; killed when the object goes. Not thread-safe.
class Program {
 public:
  using Millis = std::chrono::milliseconds;
  struct Options {
    std::vector<std::string> words;             // the first is the program
    std::vector<std::string> environment = {};  // NAME=VALUE, besides the test's own
    std::string input = {};
    bool terminal = false;  // all three streams are one, and what is typed is `Type`d
  };

  explicit Program(Options options);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void Signal(int number);
  /// With a terminal: as if from the keyboard.
  void Type(std::string_view keys);
  /// Waits until standard output (the terminal) has `text`; false if it does not come in time.
  bool WaitForOutput(std::string_view text, Millis timeout = Millis(60000));
  /// Its exit code, 128 + N after signal N; -1 if it has not ended in time.
  int Wait(Millis timeout = Millis(60000));

  std::string out();
  std::string err();
  pid_t pid() const { return pid_; }

 private:
  void StartOnTerminal();
  void Start();
  void ReadTerminal();
  bool HasEnded();

  Options options_;
  int out_ = -1;
  int err_ = -1;
  int terminal_ = -1;
  std::string typed_out_;
  pid_t pid_ = -1;
  int code_ = -1;
};

struct ProgramResult {
  int code = -1;
  std::string out;
  std::string err;
};
/// Runs a program to its end.
ProgramResult RunProgram(Program::Options options);

}  // namespace flashdb::e2e
