// Server: start, threads, end. The services are in services.cc.
#include "server/server.h"

#include <pthread.h>
#include <sched.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cycles.h"

namespace flashdb {
namespace {

thread_local ShardServer* shard_server = nullptr;

// Runs the calling thread on the `index`th of the cores it may use.
void Pin(ShardId index) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  int cores = CPU_COUNT(&allowed);
  int wanted = index % cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &allowed) || wanted-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(core, &one);
    if (int error = pthread_setaffinity_np(pthread_self(), sizeof(one), &one); error != 0) {
      spdlog::warn("cannot pin shard {} to core {}: {}", index, core,
                   MessageOf(ErrnoStatus(error, "set affinity")));
    }
    return;
  }
}

SyncPolicy PolicyOf(SyncMode mode) {
  if (mode == SyncMode::kAlways) return SyncPolicy::kAlways;
  return mode == SyncMode::kPeriodic ? SyncPolicy::kPeriodic : SyncPolicy::kNever;
}

// Descriptors for the log, the rings, the listeners and a few files of topics, beside the clients'
// sockets.
constexpr rlim_t kReservedFiles = 256;
constexpr uint32_t kFewTopicFiles = 64;

// The limit of open files, raised to `wanted` if that is possible.
rlim_t RaisedFileLimit(rlim_t wanted) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted) return wanted;
  rlimit raised{.rlim_cur = wanted, .rlim_max = std::max(limit.rlim_max, wanted)};
  if (setrlimit(RLIMIT_NOFILE, &raised) == 0) return wanted;
  raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  (void)setrlimit(RLIMIT_NOFILE, &raised);
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : wanted;
}

// Of what there is, clients come first: a topic's file that is closed is opened again.
void RaiseFileLimit(Config& config) {
  const rlim_t wanted = config.maxclients + kReservedFiles;
  const rlim_t limit = RaisedFileLimit(wanted + config.topic_open_files);
  if (limit >= wanted) {
    const rlim_t left = std::max<rlim_t>(limit - wanted, kFewTopicFiles);
    config.topic_open_files =
        static_cast<uint32_t>(std::min<rlim_t>(config.topic_open_files, left));
    return;
  }
  config.topic_open_files = std::min(config.topic_open_files, kFewTopicFiles);
  auto possible = static_cast<uint32_t>(limit > kReservedFiles ? limit - kReservedFiles : 1);
  spdlog::warn(
      "maxclients lowered from {} to {}: the limit of open files is {}; raise it with "
      "`ulimit -n {}` or LimitNOFILE=",
      config.maxclients, possible, limit, wanted);
  config.maxclients = possible;
}

}  // namespace

Server::Server(const Config& config)
    : config_(config),
      shards_(ShardCount(config)),
      group_(shards_),
      barrier_(shards_),
      step_status_(shards_),
      close_status_(shards_) {}

Server::~Server() {
  if (shutdown_fd_ >= 0) ::close(shutdown_fd_);
}

ShardServer& Server::Here() {
  FLASHDB_CHECK(shard_server != nullptr, "called from a thread that runs no shard");
  return *shard_server;
}

// ---- Start -------------------------------------------------------------------------------------

Status Server::Start() {
  CyclesPerMicro();
  SetHashSeed(EntropySeed());
  RaiseFileLimit(config_);
  FLASHDB_RETURN_IF_ERROR(OpenDirectory());
  FLASHDB_RETURN_IF_ERROR(Bind());
  FLASHDB_RETURN_IF_ERROR(BindHttp());
  FLASHDB_RETURN_IF_ERROR(BindShardPorts());
  FLASHDB_RETURN_IF_ERROR(ProbeLog());
  recovery_ = std::make_unique<Recovery>(files_, config_.dir, shards_);
  FLASHDB_RETURN_IF_ERROR(recovery_->Prepare());
  FillFacts();
  shutdown_fd_ = ::eventfd(0, EFD_CLOEXEC);
  if (shutdown_fd_ < 0) return ErrnoStatus(errno, "create the shutdown eventfd");
  for (uint32_t id = 0; id < shards_; ++id) {
    threads_.emplace_back([this, id] { ShardMain(static_cast<ShardId>(id)); });
  }
  std::unique_lock lock(start_mutex_);
  start_changed_.wait(lock, [this] { return start_status_.has_value(); });
  if (start_status_->ok()) return OkStatus();
  lock.unlock();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return *start_status_;
}

Status Server::OpenDirectory() {
  FLASHDB_RETURN_IF_ERROR(files_.CreateDirectories(config_.dir));
  FLASHDB_ASSIGN_OR_RETURN(DirectoryLock lock, DirectoryLock::Acquire(config_.dir + "/LOCK"));
  lock_.emplace(std::move(lock));
  return files_.CreateDirectories(config_.dir + "/wal");
}

Status Server::ProbeLog() {
  SyncPolicy policy = PolicyOf(config_.sync);
  // Where nobody waits for the medium, the page cache answers sooner than any device.
  bool cached = config_.log_write == LogWriteMode::kAuto && policy != SyncPolicy::kAlways;
  if (config_.log_write == LogWriteMode::kBuffered || cached) {
    probe_.mode = WriteMode::kBuffered;
    return OkStatus();
  }
  StatusOr<ProbeResult> probe = ProbeWriteMode(files_, config_.dir + "/wal", clock_, policy);
  if (!probe.ok()) {
    return Status(probe.status().code(),
                  MessageOf(probe.status()) +
                      "; free space on that disk, or choose another --dir, and start again");
  }
  probe_ = *probe;
  if (config_.log_write == LogWriteMode::kDirect) {
    if (probe_.direct_micros == 0) {
      return absl::FailedPreconditionError(
          fmt::format("--log-write direct: the file system of {} refuses O_DIRECT; use --log-write "
                      "auto or buffered",
                      config_.dir));
    }
    if (policy == SyncPolicy::kAlways) probe_.mode = WriteMode::kDirectSync;
  }
  return OkStatus();
}

Status Server::Bind() {
  uint16_t port = config_.port;
  for (const std::string& text : config_.bind) {
    FLASHDB_ASSIGN_OR_RETURN(BindAddress address, ParseBindAddress(text));
    StatusOr<Listening> listening = ListenOn(address.host, port, config_.tcp_backlog);
    if (!listening.ok()) {
      if (address.may_fail) continue;
      return Status(listening.status().code(),
                    MessageOf(listening.status()) +
                        "; is another server running? Choose another --port or --bind.");
    }
    port = listening->port;
    listening_.push_back(*listening);
    addresses_.push_back(LocalAddress(listening->fd));
  }
  if (listening_.empty()) {
    return absl::InvalidArgumentError("no address could be bound; check --bind and --port");
  }
  facts_.port = port;
  return OkStatus();
}

Status Server::BindHttp() {
  if (config_.http_port == 0) return OkStatus();
  for (const std::string& text : config_.bind) {
    FLASHDB_ASSIGN_OR_RETURN(BindAddress address, ParseBindAddress(text));
    StatusOr<Listening> listening = ListenOn(address.host, config_.http_port, config_.tcp_backlog);
    if (listening.ok()) {
      http_listening_.push_back(*listening);
      http_addresses_.push_back(LocalAddress(listening->fd));
    } else if (!address.may_fail) {
      return Status(listening.status().code(),
                    MessageOf(listening.status()) +
                        " for HTTP; is another server running? Choose another --http-port, or 0 "
                        "to serve no HTTP.");
    }
  }
  if (http_listening_.empty()) {
    return absl::InvalidArgumentError(
        "no address could be bound for HTTP; check --bind and --http-port (0: no HTTP)");
  }
  return OkStatus();
}

Status Server::BindShardPorts() {
  if (config_.shard_ports == 0) return OkStatus();
  FLASHDB_ASSIGN_OR_RETURN(BindAddress address, ParseBindAddress(config_.bind.front()));
  for (uint32_t id = 0; id < shards_; ++id) {
    auto port = static_cast<uint16_t>(config_.shard_ports + id);
    StatusOr<Listening> listening = ListenOn(address.host, port, config_.tcp_backlog);
    if (!listening.ok()) {
      return Status(listening.status().code(),
                    MessageOf(listening.status()) + "; choose another --shard-ports");
    }
    shard_listening_.push_back(*listening);
  }
  return OkStatus();
}

LogOptions Server::LogOptionsOf(ShardId id) const {
  LogOptions options;
  options.directory = recovery_->DirectoryOf(id);
  options.log_id = id;
  options.segment_bytes = config_.segment_bytes;
  options.mode = probe_.mode;
  options.policy = PolicyOf(config_.sync);
  options.sync_interval_ms = config_.sync_interval_ms;
  options.commit_records = config_.commit_records;
  options.commit_bytes = config_.commit_bytes;
  return options;
}

// ---- A shard's thread --------------------------------------------------------------------------

// Runs `step` on every shard's thread; returns the first error of all, the same everywhere.
template <typename F>
Status Server::Together(ShardId id, F step) {
  step_status_[id] = step();
  barrier_.arrive_and_wait();
  Status first;
  for (const Status& status : step_status_) {
    if (first.ok()) first = status;
  }
  barrier_.arrive_and_wait();
  return first;
}

template <typename F>
Status Server::ByOne(ShardId id, F step) {
  return Together(id, [&] { return id == 0 ? step() : OkStatus(); });
}

TopicOptions TopicOptionsOf(const Config& config, uint32_t shards) {
  return {.directory = config.dir + "/topics",
          .default_storage = config.topic_storage,
          .auto_create = config.auto_create_topics,
          .max_value_bytes = config.topic_max_value,
          .cache_bytes = config.topic_cache / shards,
          .segment_bytes = config.topic_segment_bytes,
          .log_is_synced = config.sync != SyncMode::kNever,
          .unflushed_bytes = config.topic_unflushed / shards,
          .flush_interval = config.topic_flush_interval_ms,
          .max_open_files = std::max(config.topic_open_files / shards, 1u)};
}

Status Server::StartShard(Shard& shard, TopicStore& topics) {
  ShardId id = shard.id();
  Recovery& recovery = *recovery_;
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return shard.Attach({}); }));
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return recovery.ScanMine(id); }));
  FLASHDB_RETURN_IF_ERROR(ByOne(id, [&] { return recovery.JoinCuts(); }));
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return recovery.CutMine(id); }));
  FLASHDB_RETURN_IF_ERROR(ByOne(id, [&] { return recovery.JoinGeneration(); }));
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return topics.Prepare(); }));
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return recovery.ReplayMine(id, shard.keys()); }));
  FLASHDB_RETURN_IF_ERROR(Together(id, [&] { return topics.FinishRecovery(shard.ring()); }));
  FLASHDB_RETURN_IF_ERROR(ByOne(id, [&] { return topics.RemoveLeftovers(); }));
  return Together(id, [&]() -> Status {
    FLASHDB_ASSIGN_OR_RETURN(
        std::unique_ptr<LogWriter> log,
        LogWriter::Open(files_, shard.ring(), clock_, LogOptionsOf(id), recovery.StartOf(id)));
    log->PrepareBuffers();
    shard.StartLog(std::move(log), recovery.last_txn());
    return OkStatus();
  });
}

void Server::ShardMain(ShardId id) {
  Pin(id);
  pthread_setname_np(pthread_self(), fmt::format("shard-{}", id).c_str());
  Shard shard(id, group_, clock_, EntropySeed());
  TopicStore topics(shard, files_, TopicOptionsOf(config_, shards_));
  Status started = StartShard(shard, topics);
  if (!started.ok()) {
    if (id == 0) ReportStart(started);
    return;
  }
  {
    ShardServer part(*this, shard, topics, config_);
    shard_server = &part;
    barrier_.arrive_and_wait();
    ListenFor(part);
    if (id == 0) {
      ArmShutdown(shard);
      ReportStart(OkStatus());
    }
    shard.Run();
    close_status_[id] = shard.CloseLog();
    topics.GiveAll();
    while (topics.busy()) shard.ring().Turn(1'000'000);
    Status topics_closed = topics.Close();
    if (close_status_[id].ok()) close_status_[id] = topics_closed;
    barrier_.arrive_and_wait();
    shard_server = nullptr;
  }
  Engine::SetCurrent(nullptr);
}

void Server::ListenFor(ShardServer& part) {
  using enum ShardServer::Protocol;
  ShardId id = part.shard().id();
  if (id == 0) {
    for (const Listening& listening : listening_) part.Listen(listening.fd, kResp, true);
    for (const Listening& listening : http_listening_) part.Listen(listening.fd, kHttp, true);
  }
  if (!shard_listening_.empty()) part.Listen(shard_listening_[id].fd, kResp, false);
}

void Server::ReportStart(const Status& status) {
  std::lock_guard lock(start_mutex_);
  start_status_ = status;
  start_changed_.notify_all();
}

// ---- The end -----------------------------------------------------------------------------------

void Server::ArmShutdown(Shard& shard) {
  shutdown_op_.on_cqe = [](RingOp&, int32_t, uint32_t) {
    auto& server = static_cast<Server&>(Server::Here().engine().services);
    Detach(server.ShutDown());
  };
  io_uring_sqe* sqe = shard.ring().Prepare(&shutdown_op_);
  io_uring_prep_read(sqe, shutdown_fd_, &shutdown_op_.count, sizeof(shutdown_op_.count), 0);
  io_uring_sqe_set_data(sqe, static_cast<RingOp*>(&shutdown_op_));
}

void Server::RequestShutdown() {
  uint64_t one = 1;
  ssize_t written = ::write(shutdown_fd_, &one, sizeof(one));
  FLASHDB_CHECK(written == sizeof(one), "cannot signal the shutdown");
}

Task<void> Server::ShutDown() {
  if (shutting_down_.exchange(true)) co_return;
  spdlog::info("shutting down: no new connections; finishing what has begun");
  auto close = [](ShardId) {
    Server::Here().StopListening();
    EndClientWaits();
    Server::Here().CloseAll();
    return 0;
  };
  co_await OnAll(close);
  constexpr int kPatienceMillis = 5000;
  constexpr int kStepMillis = 5;
  auto empty = [](ShardId) { return Server::Here().Empty() ? 1 : 0; };
  for (int waited = 0; waited < kPatienceMillis; waited += kStepMillis) {
    std::vector<int> done = co_await OnAll(empty);
    if (std::find(done.begin(), done.end(), 0) == done.end()) break;
    co_await Shard::Current().Sleep(kStepMillis);
  }
  // The last to stop is this one: it carries the others' mail.
  for (ShardId shard : AllShards()) {
    if (shard == 0) continue;
    auto stop = [] { Shard::Current().Stop(); };
    co_await On(shard, stop);
  }
  Shard::Current().Stop();
}

Status Server::Wait() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const Status& status : close_status_) FLASHDB_RETURN_IF_ERROR(status);
  spdlog::info("all writes are on disk; bye");
  return OkStatus();
}

}  // namespace flashdb
