#include "e2e/program.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "base/check.h"

namespace flashdb::e2e {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPoll(5);

int MemoryFile(const std::string& contents) {
  const int file = memfd_create("program", MFD_CLOEXEC);
  FLASHDB_CHECK(file >= 0);
  const ssize_t written = write(file, contents.data(), contents.size());
  FLASHDB_CHECK(written == static_cast<ssize_t>(contents.size()));
  FLASHDB_CHECK(lseek(file, 0, SEEK_SET) == 0);
  return file;
}

std::string ContentsOf(int file) {
  std::string text;
  char data[65536];
  for (ssize_t got; (got = pread(file, data, sizeof data, static_cast<off_t>(text.size()))) > 0;) {
    text.append(data, static_cast<size_t>(got));
  }
  return text;
}

std::vector<std::string> Environment(const std::vector<std::string>& more) {
  std::vector<std::string> all = more;
  for (char** each = environ; *each != nullptr; ++each) all.emplace_back(*each);
  return all;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Program::Program(Options options) : options_(std::move(options)) {
  options_.terminal ? StartOnTerminal() : Start();
}

Program::~Program() {
  if (!HasEnded()) {
    Signal(SIGKILL);
    Wait();
  }
  for (int each : {out_, err_, terminal_}) {
    if (each >= 0) close(each);
  }
}

void Program::Start() {
  const int input = MemoryFile(options_.input);
  out_ = MemoryFile("");
  err_ = MemoryFile("");
  std::vector<std::string> variables = Environment(options_.environment);
  const std::vector<char*> environment = Pointers(variables);
  const std::vector<char*> argv = Pointers(options_.words);
  pid_ = fork();
  FLASHDB_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input, STDIN_FILENO);
    dup2(out_, STDOUT_FILENO);
    dup2(err_, STDERR_FILENO);
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
  close(input);
}

void Program::StartOnTerminal() {
  std::vector<std::string> variables = Environment(options_.environment);
  const std::vector<char*> environment = Pointers(variables);
  const std::vector<char*> argv = Pointers(options_.words);
  pid_ = forkpty(&terminal_, nullptr, nullptr, nullptr);
  FLASHDB_CHECK(pid_ >= 0);
  if (pid_ == 0) {
    execve(argv[0], argv.data(), environment.data());
    _exit(127);
  }
  FLASHDB_CHECK(fcntl(terminal_, F_SETFD, FD_CLOEXEC) == 0);
}

void Program::Signal(int number) { FLASHDB_CHECK(kill(pid_, number) == 0); }

void Program::Type(std::string_view keys) {
  FLASHDB_CHECK(write(terminal_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
}

void Program::ReadTerminal() {
  char data[4096];
  pollfd event{.fd = terminal_, .events = POLLIN, .revents = 0};
  while (poll(&event, 1, 0) > 0) {
    const ssize_t got = read(terminal_, data, sizeof data);
    if (got <= 0) return;
    typed_out_.append(data, static_cast<size_t>(got));
  }
}

std::string Program::out() {
  if (!options_.terminal) return ContentsOf(out_);
  ReadTerminal();
  return typed_out_;
}

std::string Program::err() { return options_.terminal ? "" : ContentsOf(err_); }

bool Program::HasEnded() {
  if (pid_ < 0) return true;
  if (options_.terminal) ReadTerminal();  // it can't end while it can't print
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return true;
}

bool Program::WaitForOutput(std::string_view text, Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  while (out().find(text) == std::string::npos) {
    if (Clock::now() > deadline) return false;
    std::this_thread::sleep_for(kPoll);
  }
  return true;
}

int Program::Wait(Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!HasEnded()) {
    if (Clock::now() > deadline) return -1;
    std::this_thread::sleep_for(kPoll);
  }
  return code_;
}

ProgramResult RunProgram(Program::Options options) {
  Program program(std::move(options));
  const int code = program.Wait();
  return {code, program.out(), program.err()};
}

}  // namespace flashdb::e2e
