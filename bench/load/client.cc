#include "bench/load/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "base/cycles.h"
#include "bench/load/cpu_time.h"

namespace flashdb::bench {
namespace {

constexpr uint32_t kFillPipeline = 64;
constexpr double kPatienceSeconds = 30;
constexpr uint64_t kTurnNanos = 10'000'000;

// A few small buffers stay in the cache; the kernel uses all of them in turn.
Ring::Options RingOptions(uint32_t connections) {
  uint32_t buffers = std::bit_ceil(std::clamp<uint32_t>(connections * 2, 64, 4096));
  return {.entries = 4096, .receive_buffers = buffers, .receive_buffer_bytes = 16 * 1024};
}

StatusOr<int> ConnectTo(const std::string& host, uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError(fmt::format("--host {}: not a numeric IPv4 address", host));
  }
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return ErrnoStatus(errno, "socket");
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    int error = errno;
    ::close(fd);
    return ErrnoStatus(error, fmt::format("connect to {}:{}", host, port));
  }
  int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

// Seconds and CPU times since it was made.
class Watch {
 public:
  explicit Watch(int server_pid) : server_pid_(server_pid) {}

  double Seconds() const { return NowSeconds() - started_; }
  PhaseTimes Stop(uint64_t commands, uint64_t received_bytes) const {
    return {.seconds = Seconds(),
            .commands = commands,
            .received_bytes = received_bytes,
            .client_cpu_seconds = ThreadCpuSeconds() - client_cpu_,
            .server_cpu_seconds = ProcessCpuSeconds(server_pid_) - server_cpu_};
  }

 private:
  int server_pid_;
  double started_ = NowSeconds();
  double client_cpu_ = ThreadCpuSeconds();
  double server_cpu_ = ProcessCpuSeconds(server_pid_);
};

}  // namespace

uint32_t DepthOf(const LoadOptions& options) {
  return options.fill ? std::max(options.pipeline, kFillPipeline) : options.pipeline;
}

Workload::Workload(const LoadOptions& load_options, uint64_t nanos_per_cycle_x2_32)
    : options(load_options),
      requests(load_options.value_size),
      random(load_options.seed),
      nanos_per_cycle(nanos_per_cycle_x2_32) {}

StatusOr<std::unique_ptr<LoadClient>> LoadClient::Connect(const LoadOptions& options) {
  auto nanos_per_cycle = static_cast<uint64_t>(1000.0 / CyclesPerMicro() * 4294967296.0);
  std::unique_ptr<LoadClient> client(new LoadClient(options, nanos_per_cycle));
  if (!options.request.empty()) {
    FLASHDB_ASSIGN_OR_RETURN(client->work_.fixed, FixedRequest::Read(options.request));
  }
  FLASHDB_RETURN_IF_ERROR(client->Open());
  return client;
}

LoadClient::LoadClient(const LoadOptions& options, uint64_t nanos_per_cycle)
    : options_(options), work_(options, nanos_per_cycle) {
  uint64_t half = options.keys / 2;
  if (options.mixed()) {
    AddGroup({.name = "all",
              .connections = options.connections,
              .set_share = options.set_share,
              .first_key = 0,
              .keys = options.keys});
    return;
  }
  AddGroup({.name = "readers",
            .connections = options.readers,
            .set_share = 0,
            .first_key = 0,
            .keys = half});
  AddGroup({.name = "writers",
            .connections = options.writers,
            .set_share = 100,
            .first_key = half,
            .keys = options.keys - half});
}

LoadClient::~LoadClient() = default;

void LoadClient::AddGroup(Group group) {
  if (group.connections == 0) return;
  group.set_below = static_cast<uint64_t>(group.set_share / 100 * 4294967296.0);
  groups_.push_back(std::make_unique<Group>(std::move(group)));
}

Status LoadClient::Open() {
  uint32_t connections = 0;
  for (const auto& group : groups_) connections += group->connections;
  FLASHDB_ASSIGN_OR_RETURN(ring_, Ring::Create(RingOptions(connections)));
  for (const auto& group : groups_) {
    for (uint32_t i = 0; i < group->connections; ++i) {
      FLASHDB_ASSIGN_OR_RETURN(int fd, ConnectTo(options_.host, options_.port));
      connections_.push_back(std::make_unique<LoadConnection>(*ring_, work_, *group, fd, dirty_));
      connections_.back()->Start();
    }
  }
  return OkStatus();
}

void LoadClient::RefillAll() {
  for (auto& connection : connections_) connection->Refill();
}

// One turn of the loop; an error if it makes no sense to go on.
Status LoadClient::Turn() {
  refilling_.swap(dirty_);
  for (LoadConnection* connection : refilling_) {
    connection->listed_dirty = false;
    connection->Refill();
  }
  refilling_.clear();
  ring_->Turn(kTurnNanos);
  if (work_.errors > 0) {
    bool lost = std::any_of(connections_.begin(), connections_.end(),
                            [](const auto& connection) { return connection->lost(); });
    if (lost) return absl::UnavailableError(work_.first_error);
  }
  double now = NowSeconds();
  if (work_.answered != answered_before_) {
    answered_before_ = work_.answered;
    progress_at_ = now;
  } else if (now - progress_at_ > kPatienceSeconds) {
    return absl::DeadlineExceededError(
        fmt::format("the server has not answered for {} seconds", kPatienceSeconds));
  }
  return OkStatus();
}

StatusOr<PhaseTimes> LoadClient::Fill() {
  progress_at_ = NowSeconds();
  work_.filling = true;
  Watch watch(options_.server_pid);
  RefillAll();
  while (work_.answered < options_.keys) FLASHDB_RETURN_IF_ERROR(Turn());
  PhaseTimes times = watch.Stop(work_.answered, work_.received);
  work_.filling = false;
  return times;
}

Status LoadClient::RunFor(double seconds) {
  double end = NowSeconds() + seconds;
  while (NowSeconds() < end) FLASHDB_RETURN_IF_ERROR(Turn());
  return OkStatus();
}

Status LoadClient::RunUntilAnswered(uint64_t count) {
  while (work_.answered < count) FLASHDB_RETURN_IF_ERROR(Turn());
  return OkStatus();
}

StatusOr<PhaseTimes> LoadClient::Measure() {
  progress_at_ = NowSeconds();
  RefillAll();
  FLASHDB_RETURN_IF_ERROR(RunFor(options_.warmup_seconds));
  for (auto& group : groups_) {
    for (Histogram& latency : group->latency) latency.Clear();
    group->misses = 0;
  }
  const uint64_t answered = work_.answered;
  const uint64_t received = work_.received;
  Watch watch(options_.server_pid);
  FLASHDB_RETURN_IF_ERROR(options_.requests > 0 ? RunUntilAnswered(answered + options_.requests)
                                                : RunFor(options_.seconds));
  PhaseTimes times = watch.Stop(work_.answered - answered, work_.received - received);
  if (times.commands == 0) return absl::UnavailableError("the server answered nothing");
  return times;
}

}  // namespace flashdb::bench
