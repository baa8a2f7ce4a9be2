#include "sim/simulation.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <memory>

#include "base/check.h"
#include "base/hash.h"
#include "sim/client.h"
#include "sim/fake_disk.h"
#include "sim/sim_server.h"
#include "sim/workload.h"

// A crash leaves what mail and coroutines under way held, as a process that dies does: that is no
// leak.
extern "C" const char* __lsan_default_options();
const char* __lsan_default_options() { return "detect_leaks=0"; }

namespace flashdb {
namespace {

constexpr size_t kMostShards = 4;
constexpr size_t kMostClients = 6;
constexpr size_t kPipeline = 6;

std::atomic<uint64_t> running_seed{0};

class Simulation {
 public:
  Simulation(uint64_t seed, const SimOptions& options) : options_(options) {
    sim_.random = Random(seed);
    sim_.now = clock_.NowMillis();
    uint32_t block = sim_.Chance(2) ? 512 : 4096;
    disk_ = std::make_unique<FakeDisk>(block);
    disk_->set_lies(options.lying_disk);
    direct_ = sim_.Chance(2);
    size_t clients = 2 + sim_.random.Below(kMostClients - 1);
    for (size_t i = 0; i < clients; ++i) {
      clients_.push_back(std::make_unique<SimClient>(sim_, result_));
      clients_.back()->set_trace(options.trace);
    }
    families_ = MakeFamilies(sim_, clients);
    shards_ = 1 + static_cast<uint32_t>(sim_.random.Below(kMostShards));
  }

  SimResult Run() {
    uint64_t lives = 2 + sim_.random.Below(4);
    for (uint64_t life = 0; life < lives && Good(); ++life) Live();
    if (Good()) LastLife();
    result_.failure = sim_.failure;
    return result_;
  }

 private:
  bool Good() const { return sim_.failure.empty(); }

  template <typename... Args>
  void Note(fmt::format_string<Args...> format, Args&&... args) {
    if (options_.trace) {
      fmt::print("{} {}\n", sim_.time, fmt::format(format, std::forward<Args>(args)...));
    }
  }
  void Fold(uint64_t what) { result_.trace_hash = result_.trace_hash * 1099511628211u + what; }

  // ---- Lives -------------------------------------------------------------------------------

  void Live() {
    StartServer();
    if (!Good()) return Crash();
    PlanFaults();
    uint64_t steps = 30 + sim_.random.Below(sim_.Chance(10) ? 6000 : 900);
    for (uint64_t step = 0; step < steps && Good(); ++step) {
      if (step == fault_step_) Fault();
      if (step == relief_step_) disk_->set_capacity(UINT64_MAX);
      Step();
    }
    disk_->set_capacity(UINT64_MAX);
    disk_->StopFailing();
    if (Good() && !server_->LogFailed() && sim_.Chance(3)) Settle();
    if (server_->LogFailed()) ++result_.failed_logs;
    Crash();
  }

  // Nothing but reads of all there is.
  void LastLife() {
    StartServer();
    if (Good()) Settle();
    sim_.server_refused = server_->HasRefused();
    for (auto& family : families_) {
      if (Good()) family->Finish();
    }
    Crash();
  }

  SimServer::Options ServerOptions() {
    SimServer::Options options;
    options.shards = shards_;
    options.seed = sim_.random.Next();
    options.release_early = options_.release_early;
    options.serve_nanos = sim_.random.Below(2);
    options.log.segment_bytes = kMinSegmentBytes;
    options.log.mode = direct_ ? WriteMode::kDirectSync : WriteMode::kBuffered;
    options.log.commit_records = sim_.Chance(2) ? 0 : 2;
    options.log.spare_segments = 1 + static_cast<uint32_t>(sim_.random.Below(2));
    return options;
  }

  // Recovery may be cut off itself, again and again.
  void StartServer() {
    if (sim_.Chance(4)) shards_ = 1 + static_cast<uint32_t>(sim_.random.Below(kMostShards));
    for (int attempt = 0;; ++attempt) {
      if (attempt < 3 && sim_.Chance(4)) disk_->StopAtChange(1 + sim_.random.Below(60));
      SimServer::Options options = ServerOptions();
      Note("a server with {} shards starts", shards_);
      server_ = std::make_unique<SimServer>(*disk_, clock_, options);
      Status started = server_->Start();
      bool stopped = disk_->stopped();
      disk_->StopAtChange(UINT64_MAX / 2);
      if (started.ok() && !stopped) break;
      if (!stopped) return sim_.Fail("recovery failed: " + MessageOf(started));
      ++result_.cut_recoveries;
      Note("recovery is cut off: {}", MessageOf(started));
      ReplaceDisk();
    }
    Fold(disk_->used_bytes());
    for (size_t i = 0; i < clients_.size(); ++i) Connect(i);
  }

  void Connect(size_t index) {
    SimClient& client = *clients_[index];
    auto home = static_cast<ShardId>(sim_.random.Below(shards_));
    client.Connected(home, --last_fd_);
    server_->Connect(home, client.fd(), client);
    for (auto& family : families_) {
      for (Op& op : family->Audit(index)) SendOp(client, std::move(op));
    }
  }

  void PlanFaults() {
    fault_step_ = sim_.Chance(3) ? sim_.random.Below(400) : UINT64_MAX;
    relief_step_ = fault_step_ == UINT64_MAX ? UINT64_MAX : fault_step_ + sim_.random.Below(200);
    slow_shard_ = sim_.Chance(2) ? sim_.random.Below(shards_) : UINT64_MAX;
    slow_disk_ = sim_.Chance(2) ? sim_.random.Below(shards_) : UINT64_MAX;
    issue_below_ = 5 + sim_.random.Below(40);
  }

  void Fault() {
    uint64_t kind = sim_.random.Below(3);
    uint64_t nth = 1 + sim_.random.Below(10);
    Note("fault {} ({})", kind, nth);
    if (kind == 0) disk_->FailWritesFrom(nth);
    if (kind == 1) disk_->FailSyncsFrom(nth);
    if (kind == 2) disk_->set_capacity(disk_->used_bytes() + sim_.random.Below(100'000));
  }

  void ReplaceDisk() {
    bool power = sim_.Chance(2);
    std::unique_ptr<FakeDisk> next = disk_->CrashedCopy(power, sim_.random.Next());
    Note("{}", power ? "the power fails" : "the process is killed");
    // Nobody hears of the old server any more, but it has to put its things away.
    for (ShardId id = 0; id < server_->count(); ++id) {
      for (auto& client : clients_) {
        if (client->home() == id) server_->sockets(id).ClientLeaves(client->fd());
      }
    }
    if (server_->started() && !server_->Drain()) {
      sim_.Fail("a command never ends, although the disk and the mail are through");
    }
    JoinLuck joins = server_->Joins();
    result_.joint_legs += joins.joined;
    result_.turned_away += joins.turned_away;
    server_.reset();
    disk_ = std::move(next);
  }

  void Crash() {
    ++sim_.time;
    ++result_.crashes;
    for (auto& client : clients_) client->LoseAll();
    sim_.server_refused = server_->HasRefused();
    for (auto& family : families_) family->Crashed();
    ReplaceDisk();
  }

  // ---- Steps -------------------------------------------------------------------------------

  void Step() {
    ++sim_.time;
    uint64_t what = sim_.random.Below(100);
    if (what < issue_below_) {
      Issue(*clients_[sim_.random.Below(clients_.size())]);
    } else if (what < 75) {
      auto id = static_cast<ShardId>(sim_.random.Below(shards_));
      if (id != slow_shard_ || sim_.Chance(10)) TurnShard(id);
    } else if (what < 85) {
      RunSomeDisk();
    } else if (what < 96) {
      RunSomeSocket(*clients_[sim_.random.Below(clients_.size())]);
    } else {
      Advance(sim_.Chance(10) ? sim_.random.Below(200) : 1 + sim_.random.Below(3));
    }
  }

  void Advance(uint64_t millis) {
    clock_.AdvanceMillis(millis);
    sim_.now = clock_.NowMillis();
    Note("{} ms pass", millis);
  }

  bool TurnShard(ShardId id) {
    if (!server_->Runnable(id)) return false;
    Fold(id);
    server_->Turn(id);
    return true;
  }

  void RunSomeDisk() {
    size_t pending = disk_->pending();
    if (pending == 0) return;
    size_t index = sim_.random.Below(pending);
    if (disk_->SubmitterOf(index) == slow_disk_ && !sim_.Chance(8)) return;
    Note("an operation of shard {}'s disk ends", disk_->SubmitterOf(index));
    Fold(index + 100);
    server_->RunDisk(index);
  }

  bool RunSomeSocket(SimClient& client) {
    SimSockets& sockets = server_->sockets(client.home());
    if (sockets.HasInput(client.fd()) && sim_.Chance(2)) {
      server_->DeliverInput(client.home(), client.fd());
      return true;
    }
    if (sockets.pending() == 0) return sockets.HasInput(client.fd());
    server_->RunSockets(client.home(), sim_.random.Below(sockets.pending()));
    return true;
  }

  void Issue(SimClient& client) {
    if (!client.connected() || client.outstanding() >= kPipeline) return;
    if (sim_.Chance(500)) {  // it leaves in the middle of everything
      Note("client {} leaves", client.fd());
      client.Gone();
      server_->Leave(client.home(), client.fd());
      return;
    }
    size_t index = 0;
    while (clients_[index].get() != &client) ++index;
    Family& family = *families_[sim_.random.Below(families_.size())];
    SendOp(client, family.Make(index));
  }

  void SendOp(SimClient& client, Op op) {
    server_->sockets(client.home()).ClientSends(client.fd(), client.Begin(std::move(op)));
  }

  // ---- Until all is answered ---------------------------------------------------------------

  bool Answered() const {
    return std::all_of(clients_.begin(), clients_.end(), [](const auto& client) {
      return !client->connected() || client->outstanding() == 0;
    });
  }

  // No new commands and no faults: every client must get its replies.
  void Settle() {
    Note("let all end");
    slow_shard_ = slow_disk_ = UINT64_MAX;
    int idle = 0;
    constexpr int kPatience = 100;
    while (Good() && !Answered()) {
      ++sim_.time;
      bool acted = false;
      while (disk_->pending() > 0) RunSomeDisk(), acted = true;
      for (auto& client : clients_) {
        if (client->connected()) acted |= RunSomeSocket(*client);
      }
      for (ShardId id = 0; id < shards_; ++id) acted |= TurnShard(id);
      if (acted) continue;
      if (++idle > kPatience) return sim_.Fail("stuck: replies are owed, but nothing happens");
      Advance(20);
    }
  }

  const SimOptions options_;
  SimContext sim_;
  SimResult result_;
  ManualClock clock_;
  std::unique_ptr<FakeDisk> disk_;
  std::unique_ptr<SimServer> server_;
  std::vector<std::unique_ptr<Family>> families_;
  std::vector<std::unique_ptr<SimClient>> clients_;
  bool direct_ = false;
  uint32_t shards_ = 1;
  int last_fd_ = -1;
  uint64_t fault_step_ = UINT64_MAX;
  uint64_t relief_step_ = UINT64_MAX;
  uint64_t slow_shard_ = UINT64_MAX;
  uint64_t slow_disk_ = UINT64_MAX;
  uint64_t issue_below_ = 20;
};

void PrintSeed(int signal) {
  char line[64];
  auto end = fmt::format_to_n(line, sizeof(line), "the seed was {}\n", running_seed.load());
  (void)!::write(STDERR_FILENO, line, end.size);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

SimResult RunSimulation(uint64_t seed, const SimOptions& options) {
  running_seed = seed;
  SetHashSeed(1);
  spdlog::set_level(options.trace ? spdlog::level::info : spdlog::level::off);
  return Simulation(seed, options).Run();
}

std::string ReplayCommand(uint64_t seed) {
  return fmt::format("scripts/sim --seed {} --trace", seed);
}

void PrintSeedOnAbort() {
  std::signal(SIGABRT, &PrintSeed);
  std::signal(SIGSEGV, &PrintSeed);
}

}  // namespace flashdb
