// INFO: figures are copied out of every shard, then put into words in one place. They are estimates
// of a moment: shards are asked one after the other's clock, nothing waits for the log, so INFO
// answers also when a disk has failed.
#pragma once

#include <absl/container/btree_map.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "commands/engine.h"
#include "commands/observe.h"
#include "topics/topic_service.h"

namespace flashdb {

struct DatabaseFigures {
  uint64_t keys = 0;
  uint64_t expires = 0;
};

/// Copies of one shard's figures.
struct ShardFigures {
  uint32_t first_slot = 0;
  uint32_t end_slot = 0;
  std::array<DatabaseFigures, kDatabaseCount> databases{};
  uint64_t key_bytes = 0;
  uint64_t client_bytes = 0;
  uint64_t peak_bytes = 0;
  uint64_t changes = 0;
  Keyspace::Stats keys;

  uint64_t connections = 0;
  uint64_t pubsub_clients = 0;
  uint64_t blocked_clients = 0;
  uint64_t longest_input = 0;
  uint64_t longest_output = 0;
  // Hashes of the names, so that one name heard on several shards counts once.
  std::vector<uint64_t> channels;
  std::vector<uint64_t> patterns;
  std::vector<uint64_t> shard_channels;

  EngineStats stats;
  std::vector<NumberedHistogram> histograms;
  uint64_t loop_turns = 0;
  uint64_t loop_busy_micros = 0;  // turns without the sleep between them
  LogInfo log;
  TopicStats topics;

  uint64_t Keys() const;
  uint64_t Bytes() const { return key_bytes + client_bytes; }
};

/// What the process as a whole has used.
struct ProcessFigures {
  int64_t pid = 0;
  std::string system;  // "Linux 6.1.0 x86_64"
  uint64_t resident_bytes = 0;
  uint64_t system_bytes = 0;
  uint64_t user_micros = 0;
  uint64_t kernel_micros = 0;
  uint64_t children_user_micros = 0;
  uint64_t children_kernel_micros = 0;
};

struct ServerFigures {
  std::vector<ShardFigures> shards;
  ProcessFigures process;
  ServerServices::Facts facts;
  UnixMillis now = 0;
  int64_t now_micros = 0;
  uint64_t max_memory = 0;
  uint32_t max_clients = 0;
  std::vector<double> latency_percentiles;
};

/// In the order in which INFO shows them.
enum class InfoSection : uint8_t {
  kServer,
  kClients,
  kMemory,
  kPersistence,
  kStats,
  kReplication,
  kCpu,
  kModules,
  kCommandStats,
  kErrorStats,
  kLatencyStats,
  kCluster,
  kKeyspace,
  kTopics,
  kFlashDb,
};
inline constexpr size_t kInfoSections = 15;
using InfoSectionSet = std::array<bool, kInfoSections>;

/// The sections that INFO's arguments (after the name) ask for. Unknown names ask for nothing.
InfoSectionSet ParseInfoSections(ArgView names);

/// The running shard's figures; the histograms only if they are asked for, for they are large.
ShardFigures GatherShard(bool with_histograms);
ProcessFigures GatherProcess();

/// INFO's text: for each section "# Name\r\n" and its "field:value\r\n" lines, an empty line
/// between sections.
std::string FormatInfo(const ServerFigures& server, const InfoSectionSet& sections);

/// Bytes as Redis shows them to people: "512B", "1.50K", "3.00G".
std::string HumanBytes(uint64_t bytes);

}  // namespace flashdb
