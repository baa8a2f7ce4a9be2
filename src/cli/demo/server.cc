#include "cli/demo/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/random.h"
#include "cli/api_client.h"
#include "cli/interrupt.h"

namespace flashdb::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kStartLimit(60);
constexpr seconds kStopLimit(10);
constexpr milliseconds kPoll(10);
constexpr size_t kLogEndBytes = 2000;

bool IsExecutable(const std::string& path) {
  return !path.empty() && fs::is_regular_file(path) && access(path.c_str(), X_OK) == 0;
}

bool IsFree(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return false;
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool bound = bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(descriptor);
  return bound;
}

// Below those that the kernel gives to clients, so that none takes it while the server is away.
StatusOr<uint16_t> FindFreePort(Random& random) {
  constexpr uint64_t kFirst = 10'000;
  constexpr uint64_t kCount = 20'000;
  for (int tries = 0; tries < 1000; ++tries) {
    const auto port = static_cast<uint16_t>(kFirst + random.Below(kCount));
    if (IsFree(port)) return port;
  }
  return absl::ResourceExhaustedError("no free port between 10000 and 29999 on 127.0.0.1");
}

// The settings of a server that the user runs otherwise are not the demo's.
std::vector<std::string> EnvironmentOfServer() {
  std::vector<std::string> variables;
  for (char** each = environ; *each != nullptr; ++each) {
    if (!std::string_view(*each).starts_with("FLASHDB_")) variables.emplace_back(*each);
  }
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: async-signal-safe calls only.
[[noreturn]] void RunChild(char* const* argv, char* const* environment, int log, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);  // Ctrl-C is for the demo, which then ends its server
  if (getppid() != parent) _exit(126);
  const int null = open("/dev/null", O_RDONLY);
  dup2(null, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(argv[0], argv, environment);
  _exit(127);
}

}  // namespace

StatusOr<std::string> FindServerBinary(const std::string& given) {
  if (!given.empty()) {
    if (IsExecutable(given)) return given;
    return absl::InvalidArgumentError(fmt::format("--server-binary {}: no such program", given));
  }
  std::error_code error;
  const std::string beside =
      (fs::read_symlink("/proc/self/exe", error).parent_path() / "flashdb").string();
  if (IsExecutable(beside)) return beside;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (IsExecutable(folder + "/flashdb")) return folder + "/flashdb";
  }
  return absl::NotFoundError(fmt::format(
      "the server's program is neither at {} nor in PATH; name it with --server-binary FILE",
      beside));
}

DemoServer::~DemoServer() {
  Kill9();
  if (directory_.empty()) return;
  std::error_code error;
  fs::remove_all(directory_, error);
  if (error) fmt::print(stderr, "flashq: {} is left: {}\n", directory_, error.message());
}

std::string DemoServer::url() const { return fmt::format("http://127.0.0.1:{}", http_port_); }

Status DemoServer::MakePlace() {
  const char* parent = std::getenv("TMPDIR");
  std::string name =
      fmt::format("{}/flashq-demo-XXXXXX", parent == nullptr || *parent == '\0' ? "/tmp" : parent);
  if (mkdtemp(name.data()) == nullptr) return ErrnoStatus(errno, "making the directory " + name);
  directory_ = name;
  Random random(EntropySeed());
  FLASHDB_ASSIGN_OR_RETURN(redis_port_, FindFreePort(random));
  do {
    FLASHDB_ASSIGN_OR_RETURN(http_port_, FindFreePort(random));
  } while (http_port_ == redis_port_);
  return OkStatus();
}

Status DemoServer::Spawn() {
  const int log = open(log_path().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (log < 0) return ErrnoStatus(errno, "opening " + log_path());
  std::vector<std::string> words = {binary_,
                                    "--bind",
                                    "127.0.0.1",
                                    "--port",
                                    std::to_string(redis_port_),
                                    "--http-port",
                                    std::to_string(http_port_),
                                    "--dir",
                                    directory_ + "/data",
                                    "--shards",
                                    "2"};
  std::vector<std::string> variables = EnvironmentOfServer();
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> environment = Pointers(variables);
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) RunChild(argv.data(), environment.data(), log, parent);
  const int error = errno;
  close(log);
  return pid_ > 0 ? OkStatus() : ErrnoStatus(error, "fork");
}

Status DemoServer::Start() {
  if (directory_.empty()) FLASHDB_RETURN_IF_ERROR(MakePlace());
  const auto begin = Clock::now();
  FLASHDB_RETURN_IF_ERROR(Spawn());
  const Status status = WaitUntilReady();
  if (!status.ok()) Kill9();
  start_seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
  return status;
}

Status DemoServer::WaitUntilReady() {
  ApiClient client({.server = url(), .password = "", .timeout = milliseconds(1000)});
  const auto deadline = Clock::now() + kStartLimit;
  while (Clock::now() < deadline) {
    if (Interrupt::requested()) return absl::CancelledError("interrupted");
    if (HasEnded()) {
      return absl::AbortedError(
          fmt::format("{} ended before it was ready; its log:\n{}", binary_, LogEnd()));
    }
    auto reply = client.Send({.target = "/readyz"});
    if (reply.ok() && reply->status == 200) return OkStatus();
    std::this_thread::sleep_for(kPoll);
  }
  return absl::AbortedError(fmt::format("{} was not ready after {} s; its log:\n{}", binary_,
                                        kStartLimit.count(), LogEnd()));
}

bool DemoServer::HasEnded() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

void DemoServer::Kill9() {
  if (HasEnded()) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void DemoServer::Stop() {
  if (HasEnded()) return;
  kill(pid_, SIGTERM);
  const auto deadline = Clock::now() + kStopLimit;
  while (!HasEnded() && Clock::now() < deadline) std::this_thread::sleep_for(kPoll);
  Kill9();
}

std::string DemoServer::LogEnd() const {
  std::ostringstream text;
  text << std::ifstream(log_path()).rdbuf();
  const std::string all = std::move(text).str();
  return all.size() <= kLogEndBytes ? all : all.substr(all.size() - kLogEndBytes);
}

}  // namespace flashdb::cli
