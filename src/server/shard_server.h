// The server's part of one shard: its connections, its engine, its turn of the loop. Used by its
// shard's thread only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/engine.h"
#include "server/connection.h"
#include "server/connection_lists.h"
#include "shards/shard.h"
#include "topics/topic_store.h"

namespace flashdb {

class Server;

class ShardServer final : public TurnHook {
 public:
  ShardServer(Server& server, Shard& shard, TopicStore& topics, const Config& config);
  ~ShardServer() override;

  Shard& shard() { return shard_; }
  Engine& engine() { return engine_; }
  const ConnectionLimits& limits() const { return limits_; }
  /// This shard's copy of the configuration.
  const Config& config() const { return config_; }
  TopicStore& topics() { return topics_; }
  /// Makes `config` the shard's configuration.
  void Configure(const Config& config);

  enum class Protocol : uint8_t { kResp, kHttp };
  /// Takes a connected socket over.
  void Adopt(int fd, Protocol protocol);
  /// Listens on `fd` (shared by no other shard). Adopted here, or spread over all shards.
  void Listen(int fd, Protocol protocol, bool spread);
  void StopListening();
  /// Closes every connection: at once if nothing is owed, else when it has been sent.
  void CloseAll();
  bool Empty() const { return connections_.empty(); }

  // For connections.
  std::unique_ptr<Run> BorrowRun() { return lists_.BorrowRun(); }
  void ReturnRun(std::unique_ptr<Run> run) { lists_.ReturnRun(std::move(run)); }
  void MarkReady(SocketConnection& connection) { lists_.MarkReady(connection); }
  void MarkDirty(SocketConnection& connection) { lists_.MarkDirty(connection); }
  /// Will be marked ready again soon (CLIENT PAUSE).
  void RetryLater(SocketConnection& connection);
  /// Ends what the session holds outside its connection.
  void Forget(Session& session);
  void LogClosed(const Session& session, std::string_view why);

  // TurnHook.
  bool Work() override;
  void FlushOutput() override;
  uint64_t NextDeadlineNanos() const override { return topics_.NextDeadlineNanos(); }

 private:
  struct Listener : RingOp {
    ShardServer* server = nullptr;
    int fd = -1;
    Protocol protocol = Protocol::kResp;
    bool spread = false;
    bool armed = false;
  };

  void Accept(Listener& listener, int32_t result, uint32_t flags);
  void Arm(Listener& listener);
  void Tick();
  void SampleRates(uint64_t nanos);

  Server& server_;
  Shard& shard_;
  TopicStore& topics_;
  Config config_;
  ConnectionLimits limits_;
  Engine engine_;
  absl::flat_hash_map<uint64_t, std::unique_ptr<SocketConnection>> connections_;
  ConnectionLists lists_;
  std::vector<uint64_t> retry_;  // connection ids
  std::vector<std::unique_ptr<Listener>> listeners_;
  bool accept_failed_ = false;
  uint64_t next_tick_nanos_ = 0;
  uint64_t last_sample_nanos_ = 0;
  EngineStats last_sample_;
  Shard::LoopStats last_loop_;
};

}  // namespace flashdb
