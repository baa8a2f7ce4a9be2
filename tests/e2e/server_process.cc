#include "e2e/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/check.h"
#include "e2e/client.h"

namespace flashdb::e2e {
namespace {

constexpr std::chrono::milliseconds kPoll(2);
constexpr std::string_view kReadyLine = "ready: listening on ";

std::string DefaultBinary() {
  if (const char* binary = getenv("FLASHDB_BINARY")) return binary;
#ifdef FLASHDB_BINARY_PATH
  return FLASHDB_BINARY_PATH;
#else
  return "";
#endif
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void RunChild(char* const* argv, int output, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  execv(argv[0], argv);
  constexpr std::string_view kFailed = "the test could not execute the server binary\n";
  ssize_t written = write(STDERR_FILENO, kFailed.data(), kFailed.size());
  _exit(written < 0 ? 126 : 127);
}

}  // namespace

ServerProcess::ServerProcess(Options options) : options_(std::move(options)) {
  if (options_.binary.empty()) options_.binary = DefaultBinary();
  if (options_.dir.empty()) options_.dir = own_dir_.path() + "/data";
}

ServerProcess::~ServerProcess() { Kill9(); }

std::vector<std::string> ServerProcess::CommandLine() const {
  std::vector<std::string> words = {options_.binary,
                                    "--bind",
                                    "127.0.0.1",
                                    "--port",
                                    std::to_string(options_.port),
                                    "--dir",
                                    options_.dir,
                                    "--shards",
                                    std::to_string(options_.shards),
                                    "--sync",
                                    options_.sync,
                                    "--http-port",
                                    std::to_string(http_port_)};
  words.insert(words.end(), options_.args.begin(), options_.args.end());
  return words;
}

Status ServerProcess::Spawn() {
  if (options_.binary.empty()) {
    return absl::FailedPreconditionError("no server binary: set FLASHDB_BINARY to its path");
  }
  int output =
      open(output_path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) return ErrnoStatus(errno, "open " + output_path());
  std::vector<std::string> words = CommandLine();
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  exit_code_.reset();
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) RunChild(argv.data(), output, parent);
  const int error = errno;
  close(output);
  return pid_ > 0 ? OkStatus() : ErrnoStatus(error, "fork");
}

Status ServerProcess::Start() {
  if (running()) return absl::FailedPreconditionError("the server runs already");
  port_ = 0;
  if (options_.http && http_port_ == 0) FLASHDB_RETURN_IF_ERROR(ChooseHttpPort());
  FLASHDB_RETURN_IF_ERROR(Spawn());
  Status status = WaitUntilReady();
  if (!status.ok()) Kill9();
  return status;
}

// Below the ports that the kernel gives to clients, so that none of them can take it before the
// server does; another for each process, so that tests beside this one look elsewhere first.
Status ServerProcess::ChooseHttpPort() {
  constexpr int kFirst = 10000;
  constexpr int kCount = 20000;
  static int next = static_cast<int>(getpid()) * 97;
  for (int tries = 0; tries < kCount; ++tries) {
    const auto port = static_cast<uint16_t>(kFirst + next++ % kCount);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return ErrnoStatus(errno, "socket");
    const int on = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    const bool is_free = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    close(fd);
    if (!is_free) continue;
    http_port_ = port;
    return OkStatus();
  }
  return absl::UnavailableError("no free port for HTTP");
}

Status ServerProcess::WaitUntilReady() {
  const auto deadline = std::chrono::steady_clock::now() + options_.start_timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    if (!running()) {
      return absl::AbortedError(fmt::format("{} ended with exit code {} before it was ready:\n{}",
                                            options_.binary, exit_code_.value_or(-1),
                                            stderr_text()));
    }
    if (FindPort() && !Client(port_, Millis(1000)).Command({"PING"}).lost()) return OkStatus();
    std::this_thread::sleep_for(kPoll);
  }
  return absl::DeadlineExceededError(fmt::format("{} was not ready after {} ms:\n{}",
                                                 options_.binary, options_.start_timeout.count(),
                                                 stderr_text()));
}

bool ServerProcess::FindPort() {
  if (port_ != 0) return true;
  const std::string text = stderr_text();
  const size_t start = text.find(kReadyLine);
  const size_t end = text.find('\n', start);
  if (start == std::string::npos || end == std::string::npos) return false;
  const std::string line = text.substr(start, end - start);
  const size_t colon = line.rfind(':');
  std::from_chars(line.data() + colon + 1, line.data() + line.size(), port_);
  return port_ != 0;
}

void ServerProcess::Reap(bool block) {
  int status = 0;
  pid_t ended;
  while ((ended = waitpid(pid_, &status, block ? 0 : WNOHANG)) < 0 && errno == EINTR) {
  }
  FLASHDB_CHECK(ended >= 0, "waitpid {}: errno {}", pid_, errno);
  if (ended == 0) return;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
}

bool ServerProcess::running() {
  if (pid_ > 0) Reap(/*block=*/false);
  return pid_ > 0;
}

Status ServerProcess::Signal(int signal) {
  if (!running()) return absl::FailedPreconditionError("the server does not run");
  return kill(pid_, signal) == 0 ? OkStatus() : ErrnoStatus(errno, "kill");
}

void ServerProcess::Kill9() {
  if (!Signal(SIGKILL).ok()) return;  // it has ended already
  Reap(/*block=*/true);
}

StatusOr<int> ServerProcess::WaitForExit(Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (running()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      Kill9();
      return absl::DeadlineExceededError(
          fmt::format("no exit within {} ms:\n{}", timeout.count(), stderr_text()));
    }
    std::this_thread::sleep_for(kPoll);
  }
  if (!exit_code_) return absl::FailedPreconditionError("the server was never started");
  return *exit_code_;
}

StatusOr<int> ServerProcess::Terminate(Millis timeout) {
  FLASHDB_RETURN_IF_ERROR(Signal(SIGTERM));
  return WaitForExit(timeout);
}

Status ServerProcess::Restart() {
  FLASHDB_ASSIGN_OR_RETURN(int code, Terminate());
  if (code == 0) return Start();
  return absl::InternalError(fmt::format("exit code {} after SIGTERM:\n{}", code, stderr_text()));
}

std::string ServerProcess::stderr_text() const {
  std::ostringstream text;
  text << std::ifstream(output_path()).rdbuf();
  return text.str();
}

}  // namespace flashdb::e2e
