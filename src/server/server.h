// The server: the shards' threads, what they share, and the services that commands ask for.
#pragma once

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "commands/engine.h"
#include "io/posix_file.h"
#include "server/config.h"
#include "server/recovery.h"
#include "server/shard_server.h"
#include "server/sockets.h"
#include "shards/shard.h"
#include "topics/topic_store.h"
#include "wal/probe.h"

namespace flashdb {

/// What the configuration says of topics, for one of `shards` shards.
TopicOptions TopicOptionsOf(const Config& config, uint32_t shards);

class Server final : public ServerServices {
 public:
  explicit Server(const Config& config);
  ~Server() override;

  /// Locks the directory, binds, recovers and serves. On return clients can connect, or the status
  /// says why not. Called once, on the main thread.
  Status Start();
  /// Returns when a shutdown has ended; the first error of closing the logs. Main thread.
  Status Wait();
  /// The addresses to which clients can connect, "127.0.0.1:6379".
  const std::vector<std::string>& addresses() const { return addresses_; }
  /// The same for HTTP clients.
  const std::vector<std::string>& http_addresses() const { return http_addresses_; }

  /// The running shard's part.
  static ShardServer& Here();

  // For the shards' parts; any shard.
  bool AdmitConnection();
  void ReleaseConnection() { connections_.fetch_sub(1, std::memory_order_relaxed); }
  ShardId NextHome();
  uint64_t NextConnectionId() { return next_id_.fetch_add(1, std::memory_order_relaxed); }
  bool ShuttingDown() const { return shutting_down_.load(std::memory_order_relaxed); }

  // ServerServices.
  std::vector<std::pair<std::string, std::string>> ConfigGet(const Engine& engine,
                                                             std::string_view pattern) override;
  Task<Status> ConfigSet(std::vector<std::pair<std::string, std::string>> changes) override;
  Status ConfigRewrite(const Engine& engine) override;
  bool CheckPassword(const Engine& engine, std::string_view password) override;
  bool PasswordRequired(const Engine& engine) override;
  /// Any thread.
  void RequestShutdown() override;
  LogInfo DescribeLog(const Engine& engine) override;
  Task<void> Sleep(uint64_t micros) override;
  const Facts& facts() const override { return facts_; }

 private:
  struct ShutdownOp : RingOp {
    uint64_t count = 0;
  };

  Status OpenDirectory();
  Status ProbeLog();
  Status Bind();
  Status BindHttp();
  Status BindShardPorts();
  void FillFacts();
  void ShardMain(ShardId id);
  Status StartShard(Shard& shard, TopicStore& topics);
  template <typename F>
  Status Together(ShardId id, F step);
  template <typename F>
  Status ByOne(ShardId id, F step);
  LogOptions LogOptionsOf(ShardId id) const;
  void ListenFor(ShardServer& part);
  void ArmShutdown(Shard& shard);
  Task<void> ShutDown();
  void ReportStart(const Status& status);

  Config config_;
  const uint32_t shards_;
  SystemClock clock_;
  PosixFileSystem files_;
  std::optional<DirectoryLock> lock_;
  std::unique_ptr<Recovery> recovery_;
  ProbeResult probe_;
  Facts facts_;
  std::vector<Listening> listening_;
  std::vector<Listening> http_listening_;
  std::vector<Listening> shard_listening_;
  std::vector<std::string> addresses_;
  std::vector<std::string> http_addresses_;

  ShardGroup group_;
  std::barrier<> barrier_;
  std::vector<std::thread> threads_;
  std::vector<Status> step_status_;  // by shard
  std::mutex start_mutex_;           // start and end only, never while commands run
  std::condition_variable start_changed_;
  std::optional<Status> start_status_;
  std::vector<Status> close_status_;
  int shutdown_fd_ = -1;
  ShutdownOp shutdown_op_;

  std::atomic<uint32_t> connections_{0};
  std::atomic<uint32_t> next_home_{0};
  std::atomic<uint64_t> next_id_{1};
  std::atomic<bool> shutting_down_{false};
};

}  // namespace flashdb
