#include "sim/sim_server.h"

#include <algorithm>

#include "base/check.h"
#include "server/recovery.h"

namespace flashdb {

SimServer::SimServer(FakeDisk& disk, const ManualClock& clock, const Options& options)
    : disk_(disk), clock_(clock), options_(options), group_(options.shards) {
  for (uint32_t id = 0; id < options.shards; ++id) {
    auto node = std::make_unique<Node>();
    node->shard =
        std::make_unique<Shard>(static_cast<ShardId>(id), group_, clock, options.seed + id);
    node->topics = std::make_unique<TopicStore>(*node->shard, disk,
                                                TopicOptions{.directory = "/data/topics",
                                                             .segment_bytes = uint64_t{64} << 10,
                                                             .flush_interval = 20,
                                                             .direct_bytes = 4096,
                                                             .write_bytes = 10'000});
    node->part = std::make_unique<ShardServer>(*node->shard, services_, options.seed ^ (id + 1),
                                               options.serve_nanos);
    nodes_.push_back(std::move(node));
  }
}

SimServer::~SimServer() {
  for (ShardId id = 0; id < count(); ++id) {
    Enter(id);
    nodes_[id]->part.reset();
  }
  Engine::SetCurrent(nullptr);
}

Shard& SimServer::Enter(ShardId id) {
  Node& node = *nodes_[id];
  node.shard->Enter();
  Engine::SetCurrent(&node.part->engine());
  disk_.set_submitter(id);
  return *node.shard;
}

Status SimServer::Start() {
  Recovery recovery(disk_, "/data", count());
  FLASHDB_RETURN_IF_ERROR(disk_.CreateDirectories("/data/wal"));
  FLASHDB_RETURN_IF_ERROR(recovery.Prepare());
  for (ShardId id = 0; id < count(); ++id) FLASHDB_RETURN_IF_ERROR(recovery.ScanMine(id));
  FLASHDB_RETURN_IF_ERROR(recovery.JoinCuts());
  for (ShardId id = 0; id < count(); ++id) FLASHDB_RETURN_IF_ERROR(recovery.CutMine(id));
  FLASHDB_RETURN_IF_ERROR(recovery.JoinGeneration());
  for (ShardId id = 0; id < count(); ++id) {
    Shard& shard = Enter(id);
    shard.keys().SetNow(clock_.NowMillis());
    FLASHDB_RETURN_IF_ERROR(nodes_[id]->topics->Prepare());
    FLASHDB_RETURN_IF_ERROR(recovery.ReplayMine(id, shard.keys()));
    FLASHDB_RETURN_IF_ERROR(nodes_[id]->topics->FinishRecovery(disk_));
  }
  for (ShardId id = 0; id < count(); ++id) {
    LogOptions options = options_.log;
    options.directory = recovery.DirectoryOf(id);
    options.log_id = id;
    options.block_bytes = disk_.LogicalBlockSize("/data");
    options.epoch_seed = options_.seed + 17 * id + 1;
    Shard& shard = Enter(id);
    FLASHDB_ASSIGN_OR_RETURN(std::unique_ptr<LogWriter> log,
                             LogWriter::Open(disk_, disk_, clock_, options, recovery.StartOf(id)));
    shard.StartLog(std::move(log), recovery.last_txn());
  }
  started_ = true;
  return OkStatus();
}

// ---- What may happen ---------------------------------------------------------------------------

bool SimServer::Runnable(ShardId id) const {
  const Node& node = *nodes_[id];
  return !node.asleep || !const_cast<ShardGroup&>(group_).mail.sleeping(id).load() ||
         clock_.MonotonicNanos() >= node.wakes_at;
}

uint64_t SimServer::NextWakeNanos() const {
  uint64_t first = UINT64_MAX;
  for (const auto& node : nodes_) first = std::min(first, node->asleep ? node->wakes_at : 0);
  return first;
}

void SimServer::Awaken(ShardId id) {
  Node& node = *nodes_[id];
  if (node.asleep) node.shard->mail().Wake();
  node.asleep = false;
}

void SimServer::Turn(ShardId id) {
  Shard& shard = Enter(id);
  Awaken(id);
  Shard::Rest rest = shard.TurnOnce();
  Node& node = *nodes_[id];
  node.asleep = rest.wait_nanos != 0;
  node.wakes_at = clock_.MonotonicNanos() + rest.wait_nanos;
  if (options_.release_early) {
    shard.commits().SetSettled(id, shard.log().appended());
    Awaken(id);
  }
}

void SimServer::RunDisk(size_t index) {
  auto id = static_cast<ShardId>(disk_.SubmitterOf(index));
  Enter(id);
  Awaken(id);
  disk_.RunOne(index);
}

void SimServer::RunSockets(ShardId id, size_t index) {
  Enter(id);
  Awaken(id);
  sockets(id).RunOne(index);
}

void SimServer::Connect(ShardId id, int fd, SimPeer& peer) {
  Enter(id);
  Awaken(id);
  nodes_[id]->part->Adopt(fd, static_cast<uint64_t>(-fd), peer);
}

void SimServer::DeliverInput(ShardId id, int fd) {
  Enter(id);
  Awaken(id);
  sockets(id).DeliverInput(fd);
}

void SimServer::Leave(ShardId id, int fd) {
  Enter(id);
  Awaken(id);
  sockets(id).ClientLeaves(fd);
}

bool SimServer::LogFailed() const {
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [](const auto& node) { return !node->shard->log().failure().ok(); });
}

bool SimServer::HasRefused() const {
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return node->part != nullptr && node->part->engine().stats.errors.contains("MISCONF");
  });
}

JoinLuck SimServer::Joins() const {
  JoinLuck sum;
  for (const auto& node : nodes_) {
    if (node->part == nullptr) continue;
    const JoinLuck& luck = node->part->engine().join_luck;
    sum.joined += luck.joined;
    sum.turned_away += luck.turned_away;
  }
  return sum;
}

// ---- The end -----------------------------------------------------------------------------------

bool SimServer::Busy() const {
  if (disk_.pending() > 0) return true;
  return std::any_of(nodes_.begin(), nodes_.end(), [](const auto& node) {
    return !node->part->Empty() || node->part->sockets().pending() > 0 ||
           !node->shard->mail().InboxEmpty() || !node->shard->mail().OutboxEmpty();
  });
}

bool SimServer::Drain() {
  for (ShardId id = 0; id < count(); ++id) {
    Enter(id);
    nodes_[id]->part->CloseAll();
    nodes_[id]->shard->log().BeginClose();
  }
  constexpr int kPatience = 1000;
  for (int round = 0; round < kPatience; ++round) {
    if (!Busy()) return true;
    while (disk_.pending() > 0) RunDisk(0);
    for (ShardId id = 0; id < count(); ++id) {
      while (sockets(id).pending() > 0) RunSockets(id, 0);
      Turn(id);
    }
  }
  return false;
}

}  // namespace flashdb
