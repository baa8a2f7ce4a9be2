// What command execution needs on one shard beside the keyspace: clients, subscriptions,
// statistics, slow log, and the services of the server around it. One per shard; each is touched by
// its own shard's thread only.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "commands/command.h"
#include "commands/latency_histogram.h"
#include "commands/pubsub_registry.h"
#include "commands/session.h"
#include "shards/key_lookahead.h"

namespace flashdb {

class Shard;
struct Engine;
struct Run;

/// One shard's log, for INFO. Latencies are of group commits: from handing the bytes to the device
/// until they are durable.
struct LogInfo {
  Lsn last_lsn = 0;     // written or not
  Lsn durable_lsn = 0;  // on disk, with all before it
  Lsn settled_lsn = 0;  // durable, and so are the transactions it is part of
  std::string sync;     // "always", "periodic" or "never"
  uint64_t disk_bytes = 0;
  uint64_t segments = 0;
  uint64_t unsynced_bytes = 0;
  uint64_t commits = 0;  // writes (and syncs) that ended
  uint64_t commit_bytes = 0;
  uint64_t commit_micros_p50 = 0;
  uint64_t commit_micros_p99 = 0;
  uint64_t commit_micros_max = 0;
  uint64_t parked_replies = 0;
  std::string error;  // why the shard refuses writes; empty while all is well
};

/// What the commands ask of the server around them. Shared by all shards, immutable or thread-safe
/// unless said otherwise.
class ServerServices {
 public:
  virtual ~ServerServices() = default;

  /// CONFIG GET: names (lower case) and values that match `pattern`, read on shard `engine`.
  virtual std::vector<std::pair<std::string, std::string>> ConfigGet(const Engine& engine,
                                                                     std::string_view pattern) = 0;
  /// CONFIG SET: all or none, on every shard. The status' message is the error's text without its
  /// code ("Unknown option or number of arguments for CONFIG SET - 'x'").
  virtual Task<Status> ConfigSet(std::vector<std::pair<std::string, std::string>> changes) = 0;
  /// CONFIG REWRITE: writes the settings into the configuration file, which keeps its comments and
  /// the order of its lines. Blocks for a few writes and one sync of a small file.
  virtual Status ConfigRewrite(const Engine&) {
    return absl::UnimplementedError("this server has no configuration file");
  }
  /// Whether `password` is right. Constant time in the password.
  virtual bool CheckPassword(const Engine& engine, std::string_view password) = 0;
  virtual bool PasswordRequired(const Engine& engine) = 0;
  /// Begins an orderly shutdown; returns at once.
  virtual void RequestShutdown() = 0;
  /// The figures of `engine`'s log. Called on its own shard.
  virtual LogInfo DescribeLog(const Engine& engine) = 0;
  /// Ends on the calling shard after `micros` have passed; its event loop runs on meanwhile.
  virtual Task<void> Sleep(uint64_t micros) = 0;

  struct Facts {
    std::string run_id;       // 40 hex digits
    std::string config_file;  // may be empty
    std::string executable;
    std::string directory;
    int port = 0;
    int shard_port_base = 0;            // 0: shards have no ports of their own
    std::vector<std::string> node_ids;  // 40 hex digits for each shard
    std::string announce_host;          // where clients reach us, for CLUSTER SLOTS
    UnixMillis started_at = 0;
    std::string log_write_mode;  // "direct" or "buffered", and what the probe measured
  };
  virtual const Facts& facts() const = 0;
};

struct SlowLogEntry {
  uint64_t id;
  int64_t unix_seconds;
  uint64_t micros;
  std::vector<std::string> args;  // shortened as Redis does (32 arguments, 128 bytes)
  std::string peer_address;
  std::string client_name;
};

struct LatencySample {
  int64_t unix_seconds;
  uint32_t millis;
};

struct CommandStat {
  uint64_t calls = 0;
  uint64_t cycles = 0;    // see base/cycles.h
  uint64_t rejected = 0;  // refused before they began: arity, NOAUTH, OOM, ...
  uint64_t failed = 0;
};

/// Counters of one shard, for INFO.
struct EngineStats {
  uint64_t commands = 0;
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t reads = 0;   // from sockets
  uint64_t writes = 0;  // to sockets
  uint64_t error_replies = 0;
  uint64_t output_limit_disconnects = 0;
  uint64_t longest_stall_micros = 0;  // of the event loop, since start or CONFIG RESETSTAT
  double commands_per_second = 0;
  double input_kib_per_second = 0;
  double output_kib_per_second = 0;
  double turns_per_second = 0;
  double micros_per_turn = 0;
  std::vector<CommandStat> per_command;  // by Command::number, as far as there were calls
  absl::flat_hash_map<std::string, uint64_t, StringHash, StringEq> errors;  // by code

  CommandStat& Of(const Command& command) {
    if (command.number >= per_command.size()) [[unlikely]] {
      per_command.resize(command.number + size_t{1});
    }
    return per_command[command.number];
  }
};

/// How joint legs (see commands/run.h) that began on this shard have fared.
struct JoinLuck {
  uint32_t pause = 0;    // so many chances are not taken
  uint32_t penalty = 0;  // how long the last pause was; halved by each success
  uint64_t joined = 0;
  uint64_t turned_away = 0;  // or not begun, because something at home was in use
};

struct Engine {
  Shard& shard;
  Keyspace& keys;
  ServerServices& services;
  const Clock& clock;
  Random& random;

  absl::flat_hash_map<uint64_t, Session*> sessions{};
  PubSubRegistry pubsub{};
  EngineStats stats{};

  std::vector<Run*> arrived_runs{};  // by mail, to be executed together
  KeyLookahead lookahead{};          // over the runs that are executed together
  JoinLuck join_luck{};

  std::deque<SlowLogEntry> slow_log{};
  uint64_t next_slow_id = 0;
  int64_t slow_micros = 10000;  // slowlog-log-slower-than; negative: off
  size_t slow_max_entries = 128;
  /// By Command::number; null for commands that were never called.
  std::vector<std::unique_ptr<LatencyHistogram>> histograms{};
  bool latency_tracking = true;
  std::vector<double> latency_percentiles = {50, 99, 99.9};  // that INFO latencystats shows
  absl::flat_hash_map<std::string, std::deque<LatencySample>, StringHash, StringEq> latency{};
  int64_t latency_threshold_millis = 0;
  uint64_t notable_cycles = 0;  // a command of fewer is for neither of them; see ArmThresholds

  uint64_t max_string_bytes = uint64_t{512} << 20;
  uint64_t max_memory = 0;  // of the whole server
  size_t peak_memory = 0;   // highest used memory that INFO (or the event loop) has seen here
  uint32_t max_clients = 0;

  /// CLIENT PAUSE: until when, and whether only writes wait.
  UnixMillis pause_until = 0;
  bool pause_writes_only = false;

  /// To be called after a change of slow_micros or latency_threshold_millis.
  void ArmThresholds();

  /// The running shard's engine.
  static Engine& Current() {
    FLASHDB_CHECK(current_ != nullptr, "called from a thread that runs no shard");
    return *current_;
  }
  static void SetCurrent(Engine* engine) { current_ = engine; }

 private:
  static inline constinit thread_local Engine* current_ = nullptr;
};

}  // namespace flashdb
