// What the server can be told: one plain struct, filled from (strongest first) command line flags,
// environment variables, a file and the defaults below. Each parameter has one name in all of them:
// `--log-write direct`, `FLASHDB_LOG_WRITE=direct`, `log-write direct`. The table of names, texts
// and limits is in config_parameters.cc; CONFIG GET and CONFIG SET (config_table.h) use it too.
//
// A Config belongs to one thread. The server copies what other threads need.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "topics/catalog.h"

namespace flashdb {

/// When a write is on disk, compared with its reply.
enum class SyncMode : uint8_t { kAlways, kPeriodic, kNever };
/// How the log reaches the disk; kAuto probes at start.
enum class LogWriteMode : uint8_t { kAuto, kDirect, kBuffered };
enum class LogLevel : uint8_t { kDebug, kVerbose, kNotice, kWarning, kNothing };

/// A client whose unread replies reach `hard` bytes, or stay above `soft` bytes for `soft_seconds`,
/// is disconnected. 0 bytes means no limit.
struct OutputBufferLimit {
  uint64_t hard = 0;
  uint64_t soft = 0;
  uint32_t soft_seconds = 0;
  bool operator==(const OutputBufferLimit&) const = default;
};

struct Config {
  // Network.
  std::vector<std::string> bind = {"127.0.0.1", "-::1"};  // see ParseBindAddress
  uint16_t port = 6379;                                   // 0: any free port, logged at start
  uint16_t shard_ports = 0;                    // shard i also listens on shard_ports + i; 0: off
  uint16_t http_port = 8080;                   // 0: no HTTP
  uint64_t http_max_body = 32ull << 20;        // bytes
  uint32_t http_idle_timeout = 60;             // seconds between requests; 0: forever
  uint32_t http_request_timeout = 30;          // seconds for a request to arrive
  uint32_t maxclients = 20000;                 // connections, all shards together
  uint32_t tcp_backlog = 511;                  // connections waiting to be accepted, per listener
  uint32_t tcp_keepalive = 300;                // seconds; 0: off
  uint32_t timeout = 0;                        // seconds an idle client may stay; 0: forever
  uint64_t proto_max_bulk_len = 512ull << 20;  // bytes
  uint64_t client_query_buffer_limit = 1024ull << 20;  // bytes
  // Without a hard limit for ordinary clients (as in Redis) one that never reads its replies can
  // exhaust the memory; 1 GiB is twice the largest value.
  OutputBufferLimit client_output_buffer_limit_normal = {1024ull << 20, 0, 0};
  OutputBufferLimit client_output_buffer_limit_replica = {256ull << 20, 64ull << 20, 60};
  OutputBufferLimit client_output_buffer_limit_pubsub = {32ull << 20, 8ull << 20, 60};

  // Access.
  std::string requirepass;  // empty: no password. Never logged
  bool protected_mode = true;

  // Cores and memory.
  uint32_t shards = 0;     // 0: one per core this process may run on; see ShardCount
  uint64_t maxmemory = 0;  // bytes; 0: no limit
  bool active_expire = true;
  uint32_t hash_max_listpack_entries = 128;  // fields
  uint32_t hash_max_listpack_value = 64;     // bytes

  // Durability.
  std::string dir = "./data";
  SyncMode sync = SyncMode::kAlways;
  uint32_t sync_interval_ms = 1000;      // milliseconds, for kPeriodic
  uint32_t commit_poll_us = 500;         // microseconds, for kAlways
  uint32_t commit_records = 16384;       // records in one group commit, at most
  uint64_t commit_bytes = 1ull << 20;    // bytes in one group commit, unless one record is larger
  uint64_t segment_bytes = 32ull << 20;  // bytes of a log segment file; a multiple of 4096
  LogWriteMode log_write = LogWriteMode::kAuto;

  // Topics.
  bool auto_create_topics = true;
  StorageKind topic_storage = StorageKind::kFile;  // of topics that do not say
  uint64_t topic_max_value = 1ull << 20;           // bytes of one record's value
  uint64_t topic_cache = 64ull << 20;              // bytes of records cached, all shards together
  uint64_t topic_segment_bytes = 256ull << 20;     // of a topic's file
  uint64_t topic_unflushed = 256ull << 20;         // bytes that may wait for the topics' files
  uint32_t topic_flush_interval_ms = 10'000;       // milliseconds that a record waits for them
  uint32_t topic_open_files = 16384;               // all shards together

  // Operation.
  LogLevel loglevel = LogLevel::kNotice;
  std::string logfile;                      // empty: standard output
  std::string pidfile;                      // empty: none
  int64_t slowlog_log_slower_than = 10000;  // microseconds; 0: every command; negative: off
  uint32_t slowlog_max_len = 128;           // entries
  uint32_t latency_monitor_threshold = 0;   // milliseconds; 0: off
  bool latency_tracking = true;             // a histogram for each command
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};

  // Settings of Redis without an effect here, by name, where they differ from Redis's defaults.
  std::map<std::string, std::string, std::less<>> remembered;
  std::string config_file;  // absolute path of the file that was read; empty: none
};

/// An entry of Config::bind: a numeric address, `*` (all IPv4) or `::*` (all IPv6), with a leading
/// '-' if the server shall start even where that address cannot be bound.
struct BindAddress {
  std::string host;  // numeric: "0.0.0.0" for `*`, "::" for `::*`
  bool may_fail = false;
  bool loopback = false;
};

/// InvalidArgument if `text` is none of the above.
StatusOr<BindAddress> ParseBindAddress(std::string_view text);

/// Checks what involves several parameters, e.g. that an address reachable from other machines is
/// protected. InvalidArgument with a message for the user.
Status ValidateConfig(const Config& config);

/// Config::shards, or the number of cores in the affinity mask of the calling thread; at least 1.
uint32_t ShardCount(const Config& config);

/// The settings that differ from the defaults, "name=value name=value", for the log; a password
/// is shown as "(hidden)".
std::string DescribeConfig(const Config& config);

/// Reads flags, environment (`environment` as in environ(7), null-terminated; null: none) and the
/// file named by --config or FLASHDB_CONFIG. The result is validated. An empty optional means that
/// --help or --version was asked for and written to `out`: exit with 0. Errors are InvalidArgument
/// (or the failure to read the file) and say which flag, variable or `file:line` is wrong.
StatusOr<std::optional<Config>> ParseConfig(int argc, const char* const* argv,
                                            const char* const* environment, std::ostream& out);

}  // namespace flashdb
