// One life of the whole engine, from recovery to a crash, on one thread: real shards, logs, locks,
// mail, commands and connections over a faked disk, faked sockets and a faked clock. Nothing
// happens but by a call.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "server/shard_server.h"
#include "shards/shard.h"
#include "sim/fake_disk.h"
#include "wal/options.h"

namespace flashdb {

class SimServices final : public ServerServices {
 public:
  std::vector<std::pair<std::string, std::string>> ConfigGet(const Engine&,
                                                             std::string_view) override {
    return {};
  }
  Task<Status> ConfigSet(std::vector<std::pair<std::string, std::string>>) override {
    co_return OkStatus();
  }
  bool CheckPassword(const Engine&, std::string_view) override { return true; }
  bool PasswordRequired(const Engine&) override { return false; }
  void RequestShutdown() override {}
  LogInfo DescribeLog(const Engine&) override { return {}; }
  Task<void> Sleep(uint64_t micros) override { co_await Shard::Current().Sleep(micros / 1000 + 1); }
  const Facts& facts() const override { return facts_; }

 private:
  Facts facts_;
};

class SimServer {
 public:
  struct Options {
    uint32_t shards = 1;
    LogOptions log;
    uint64_t seed = 0;
    // How long clients are served in a turn. The clock stands still meanwhile: 0 or everything.
    uint64_t serve_nanos = 1;
    bool release_early = false;  // a broken server: it settles what it has only appended
  };

  SimServer(FakeDisk& disk, const ManualClock& clock, const Options& options);
  /// After Drain().
  ~SimServer();

  /// Recovers from the disk and opens the logs.
  Status Start();
  bool started() const { return started_; }

  uint32_t count() const { return options_.shards; }
  FakeDisk& disk() { return disk_; }
  /// The shard has work, or was woken, or its sleep is over.
  bool Runnable(ShardId id) const;
  void Turn(ShardId id);
  /// When the first sleeper wakes up by itself.
  uint64_t NextWakeNanos() const;
  /// Ends one operation of the disk, on the shard that asked for it.
  void RunDisk(size_t index);
  /// Ends one operation of the shard's sockets.
  void RunSockets(ShardId id, size_t index);
  SimSockets& sockets(ShardId id) { return nodes_[id]->part->sockets(); }
  void Connect(ShardId id, int fd, SimPeer& peer);
  void DeliverInput(ShardId id, int fd);
  /// The client goes away, whatever is under way.
  void Leave(ShardId id, int fd);
  bool LogFailed() const;
  /// A write was refused, whether or not its client has heard of it.
  bool HasRefused() const;
  /// How pipelines over two shards have fared, of all shards.
  JoinLuck Joins() const;

  /// Ends all that is under way, so that nothing refers to anything any more: clients are gone, the
  /// disk's operations end as they may. False if that does not come to an end.
  bool Drain();

 private:
  struct Node {
    std::unique_ptr<Shard> shard;
    std::unique_ptr<TopicStore> topics;
    std::unique_ptr<ShardServer> part;
    bool asleep = false;
    uint64_t wakes_at = 0;
  };

  Shard& Enter(ShardId id);
  void Awaken(ShardId id);
  bool Busy() const;

  FakeDisk& disk_;
  const ManualClock& clock_;
  const Options options_;
  SimServices services_;
  ShardGroup group_;
  bool started_ = false;
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace flashdb
