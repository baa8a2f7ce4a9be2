// The words of INFO. Names of sections and fields are Redis 7.2's, so that tools which read them
// find what they know; what FlashDB has no counterpart of says 0.
#include <algorithm>

#include "base/cycles.h"
#include "commands/info.h"
#include "commands/server.h"

namespace flashdb {
namespace {

// Appends "name:value" lines.
class Lines {
 public:
  explicit Lines(std::string& out) : out_(out) {}

  template <typename T>
  void Add(std::string_view name, const T& value) {
    fmt::format_to(std::back_inserter(out_), "{}:{}\r\n", name, value);
  }
  void Fixed(std::string_view name, double value) {
    fmt::format_to(std::back_inserter(out_), "{}:{:.2f}\r\n", name, value);
  }
  void Human(std::string_view name, uint64_t bytes) {
    Add(name, bytes);
    fmt::format_to(std::back_inserter(out_), "{}_human:{}\r\n", name, HumanBytes(bytes));
  }
  void Seconds(std::string_view name, uint64_t micros) {
    fmt::format_to(std::back_inserter(out_), "{}:{}.{:06}\r\n", name, micros / 1'000'000,
                   micros % 1'000'000);
  }
  void Zeros(std::initializer_list<std::string_view> names) {
    for (std::string_view name : names) Add(name, 0);
  }

 private:
  std::string& out_;
};

template <typename F>
auto Sum(const ServerFigures& server, F of) {
  decltype(of(server.shards[0])) total{};
  for (const ShardFigures& shard : server.shards) total += of(shard);
  return total;
}

template <typename F>
uint64_t Max(const ServerFigures& server, F of) {
  uint64_t highest = 0;
  for (const ShardFigures& shard : server.shards) highest = std::max(highest, of(shard));
  return highest;
}

size_t CountDistinct(const ServerFigures& server, std::vector<uint64_t> ShardFigures::*names) {
  std::vector<uint64_t> all;
  for (const ShardFigures& shard : server.shards) {
    all.insert(all.end(), (shard.*names).begin(), (shard.*names).end());
  }
  std::sort(all.begin(), all.end());
  return static_cast<size_t>(std::unique(all.begin(), all.end()) - all.begin());
}

double MicrosOf(uint64_t cycles) { return static_cast<double>(cycles) / CyclesPerMicro(); }

bool HasShardPorts(const ServerFigures& server) { return server.facts.shard_port_base != 0; }

void Server(const ServerFigures& server, Lines& lines) {
  int64_t uptime = std::max<int64_t>(0, server.now - server.facts.started_at) / 1000;
  lines.Add("redis_version", kRedisVersion);
  lines.Add("flashdb_version", FLASHDB_VERSION);
  lines.Add("redis_git_sha1", "00000000");
  lines.Add("redis_git_dirty", 0);
  lines.Add("redis_build_id", "0");
  lines.Add("redis_mode", HasShardPorts(server) ? "cluster" : "standalone");
  lines.Add("os", server.process.system);
  lines.Add("arch_bits", sizeof(void*) * 8);
  lines.Add("monotonic_clock", "POSIX clock_gettime");
  lines.Add("multiplexing_api", "io_uring");
  lines.Add("atomicvar_api", "c11-builtin");
  lines.Add("gcc_version", fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  lines.Add("process_id", server.process.pid);
  lines.Add("process_supervised", "no");
  lines.Add("run_id", server.facts.run_id);
  lines.Add("tcp_port", server.facts.port);
  lines.Add("server_time_usec", server.now_micros);
  lines.Add("uptime_in_seconds", uptime);
  lines.Add("uptime_in_days", uptime / 86400);
  lines.Add("hz", 10);
  lines.Add("configured_hz", 10);
  lines.Add("lru_clock", (server.now / 1000) & 0xffffff);
  lines.Add("executable", server.facts.executable);
  lines.Add("config_file", server.facts.config_file);
  lines.Add("io_threads_active", server.shards.size() > 1 ? 1 : 0);
}

void Clients(const ServerFigures& server, Lines& lines) {
  lines.Add("connected_clients", Sum(server, [](auto& shard) { return shard.connections; }));
  lines.Add("cluster_connections", 0);
  lines.Add("maxclients", server.max_clients);
  lines.Add("client_recent_max_input_buffer",
            Max(server, [](auto& shard) { return shard.longest_input; }));
  lines.Add("client_recent_max_output_buffer",
            Max(server, [](auto& shard) { return shard.longest_output; }));
  lines.Add("blocked_clients", Sum(server, [](auto& shard) { return shard.blocked_clients; }));
  lines.Zeros({"tracking_clients"});
  lines.Add("pubsub_clients", Sum(server, [](auto& shard) { return shard.pubsub_clients; }));
  lines.Zeros({"clients_in_timeout_table", "total_blocking_keys", "total_blocking_keys_on_nokey"});
}

double Ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

void MemoryUse(const ServerFigures& server, Lines& lines) {
  uint64_t used = Sum(server, [](auto& shard) { return shard.Bytes(); });
  uint64_t keys = Sum(server, [](auto& shard) { return shard.key_bytes; });
  uint64_t peak = Sum(server, [](auto& shard) { return shard.peak_bytes; });
  lines.Human("used_memory", used);
  lines.Human("used_memory_rss", server.process.resident_bytes);
  lines.Human("used_memory_peak", peak);
  lines.Add("used_memory_peak_perc", fmt::format("{:.2f}%", 100 * Ratio(used, peak)));
  lines.Add("used_memory_overhead", used - keys);
  lines.Add("used_memory_startup", 0);
  lines.Add("used_memory_dataset", keys);
  lines.Add("used_memory_dataset_perc", fmt::format("{:.2f}%", 100 * Ratio(keys, used)));
}

void Memory(const ServerFigures& server, Lines& lines) {
  uint64_t used = Sum(server, [](auto& shard) { return shard.Bytes(); });
  uint64_t resident = server.process.resident_bytes;
  MemoryUse(server, lines);
  lines.Add("allocator_allocated", used);
  lines.Add("allocator_active", resident);
  lines.Add("allocator_resident", resident);
  lines.Fixed("allocator_frag_ratio", Ratio(resident, used));
  lines.Add("allocator_frag_bytes", static_cast<int64_t>(resident) - static_cast<int64_t>(used));
  lines.Fixed("allocator_rss_ratio", 1);
  lines.Add("allocator_rss_bytes", 0);
  lines.Fixed("rss_overhead_ratio", 1);
  lines.Add("rss_overhead_bytes", 0);
  lines.Human("total_system_memory", server.process.system_bytes);
  lines.Human("used_memory_lua", 0);
  lines.Human("used_memory_scripts", 0);
  lines.Zeros({"used_memory_vm_eval", "used_memory_scripts_eval", "number_of_cached_scripts",
               "number_of_functions", "number_of_libraries", "used_memory_vm_functions",
               "used_memory_functions"});
  lines.Human("used_memory_vm_total", 0);
  lines.Human("maxmemory", server.max_memory);
  lines.Add("maxmemory_policy", "noeviction");
  lines.Fixed("mem_fragmentation_ratio", Ratio(resident, used));
  lines.Add("mem_fragmentation_bytes", static_cast<int64_t>(resident) - static_cast<int64_t>(used));
  lines.Zeros({"mem_not_counted_for_evict", "mem_replication_backlog",
               "mem_total_replication_buffers", "mem_clients_slaves"});
  lines.Add("mem_clients_normal", Sum(server, [](auto& shard) { return shard.client_bytes; }));
  lines.Zeros({"mem_cluster_links"});
  lines.Add("mem_aof_buffer", Sum(server, [](auto& shard) { return shard.log.unsynced_bytes; }));
#ifdef FLASHDB_MIMALLOC
  lines.Add("mem_allocator", "mimalloc");
#else
  lines.Add("mem_allocator", "libc");
#endif
  lines.Zeros({"active_defrag_running", "lazyfree_pending_objects", "lazyfreed_objects"});
}

// The log stands where Redis has its append-only file. There are no snapshots, so what is "saved"
// is the state the server started with.
void Persistence(const ServerFigures& server, Lines& lines) {
  bool failed = std::any_of(server.shards.begin(), server.shards.end(),
                            [](const ShardFigures& shard) { return !shard.log.error.empty(); });
  lines.Zeros(
      {"loading", "async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age"});
  lines.Fixed("current_fork_perc", 0);
  lines.Zeros({"current_save_keys_processed", "current_save_keys_total"});
  lines.Add("rdb_changes_since_last_save", Sum(server, [](auto& shard) { return shard.changes; }));
  lines.Add("rdb_bgsave_in_progress", 0);
  lines.Add("rdb_last_save_time", server.facts.started_at / 1000);
  lines.Add("rdb_last_bgsave_status", "ok");
  lines.Add("rdb_last_bgsave_time_sec", -1);
  lines.Add("rdb_current_bgsave_time_sec", -1);
  lines.Zeros({"rdb_saves", "rdb_last_cow_size", "rdb_last_load_keys_expired",
               "rdb_last_load_keys_loaded"});
  lines.Add("aof_enabled", 1);
  lines.Zeros({"aof_rewrite_in_progress", "aof_rewrite_scheduled"});
  lines.Add("aof_last_rewrite_time_sec", -1);
  lines.Add("aof_current_rewrite_time_sec", -1);
  lines.Add("aof_last_bgrewrite_status", "ok");
  lines.Zeros({"aof_rewrites", "aof_rewrites_consecutive_failures"});
  lines.Add("aof_last_write_status", failed ? "err" : "ok");
  lines.Zeros({"aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"});
  lines.Add("aof_current_size", Sum(server, [](auto& shard) { return shard.log.disk_bytes; }));
  lines.Zeros({"aof_base_size", "aof_pending_rewrite"});
  lines.Add("aof_buffer_length", Sum(server, [](auto& shard) { return shard.log.unsynced_bytes; }));
  lines.Zeros({"aof_pending_bio_fsync", "aof_delayed_fsync"});
}

void Traffic(const ServerFigures& server, Lines& lines) {
  auto sum = [&server](auto EngineStats::*field) {
    return Sum(server, [field](const ShardFigures& shard) { return shard.stats.*field; });
  };
  lines.Add("total_connections_received", sum(&EngineStats::connections_received));
  lines.Add("total_commands_processed", sum(&EngineStats::commands));
  lines.Add("instantaneous_ops_per_sec",
            static_cast<uint64_t>(sum(&EngineStats::commands_per_second) + 0.5));
  lines.Add("total_net_input_bytes", sum(&EngineStats::input_bytes));
  lines.Add("total_net_output_bytes", sum(&EngineStats::output_bytes));
  lines.Zeros({"total_net_repl_input_bytes", "total_net_repl_output_bytes"});
  lines.Fixed("instantaneous_input_kbps", sum(&EngineStats::input_kib_per_second));
  lines.Fixed("instantaneous_output_kbps", sum(&EngineStats::output_kib_per_second));
  lines.Fixed("instantaneous_input_repl_kbps", 0);
  lines.Fixed("instantaneous_output_repl_kbps", 0);
  lines.Add("rejected_connections", sum(&EngineStats::connections_rejected));
  lines.Zeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
}

// EXEC's time is that of the commands in it, which are counted themselves.
uint64_t CommandCycles(const ShardFigures& shard) {
  uint64_t cycles = 0;
  for (size_t number = 0; number < shard.stats.per_command.size(); ++number) {
    if (!CommandAt(number).has(kNoSlowLog)) cycles += shard.stats.per_command[number].cycles;
  }
  return cycles;
}

void EventLoops(const ServerFigures& server, Lines& lines) {
  double turns = Sum(server, [](auto& shard) { return shard.stats.turns_per_second; });
  lines.Add("eventloop_cycles", Sum(server, [](auto& shard) { return shard.loop_turns; }));
  lines.Add("eventloop_duration_sum",
            Sum(server, [](auto& shard) { return shard.loop_busy_micros; }));
  lines.Add("eventloop_duration_cmd_sum",
            static_cast<uint64_t>(MicrosOf(Sum(server, &CommandCycles))));
  lines.Add("instantaneous_eventloop_cycles_per_sec", static_cast<uint64_t>(turns + 0.5));
  lines.Add("instantaneous_eventloop_duration_usec", Max(server, [](auto& shard) {
              return static_cast<uint64_t>(shard.stats.micros_per_turn + 0.5);
            }));
}

void Stats(const ServerFigures& server, Lines& lines) {
  auto keys = [&server](uint64_t Keyspace::Stats::*field) {
    return Sum(server, [field](const ShardFigures& shard) { return shard.keys.*field; });
  };
  Traffic(server, lines);
  lines.Add("expired_keys", keys(&Keyspace::Stats::expired_keys));
  lines.Add("expired_subkeys", keys(&Keyspace::Stats::expired_fields));
  lines.Fixed("expired_stale_perc", 0);
  lines.Zeros({"expired_time_cap_reached_count", "expire_cycle_cpu_milliseconds", "evicted_keys",
               "evicted_clients", "total_eviction_exceeded_time",
               "current_eviction_exceeded_time"});
  lines.Add("keyspace_hits", keys(&Keyspace::Stats::hits));
  lines.Add("keyspace_misses", keys(&Keyspace::Stats::misses));
  lines.Add("pubsub_channels", CountDistinct(server, &ShardFigures::channels));
  lines.Add("pubsub_patterns", CountDistinct(server, &ShardFigures::patterns));
  lines.Add("pubsubshard_channels", CountDistinct(server, &ShardFigures::shard_channels));
  lines.Zeros({"latest_fork_usec", "total_forks", "migrate_cached_sockets",
               "slave_expires_tracked_keys", "active_defrag_hits", "active_defrag_misses",
               "active_defrag_key_hits", "active_defrag_key_misses", "total_active_defrag_time",
               "current_active_defrag_time", "tracking_total_keys", "tracking_total_items",
               "tracking_total_prefixes", "unexpected_error_replies"});
  lines.Add("total_error_replies",
            Sum(server, [](auto& shard) { return shard.stats.error_replies; }));
  lines.Add("client_output_buffer_limit_disconnections",
            Sum(server, [](auto& shard) { return shard.stats.output_limit_disconnects; }));
  lines.Add("total_reads_processed", Sum(server, [](auto& shard) { return shard.stats.reads; }));
  lines.Add("total_writes_processed", Sum(server, [](auto& shard) { return shard.stats.writes; }));
  lines.Zeros({"io_threaded_reads_processed", "io_threaded_writes_processed",
               "reply_buffer_shrinks", "reply_buffer_expands"});
  EventLoops(server, lines);
  lines.Zeros({"dump_payload_sanitizations"});
}

void Replication(const ServerFigures& server, Lines& lines) {
  lines.Add("role", "master");
  lines.Add("connected_slaves", 0);
  lines.Add("master_failover_state", "no-failover");
  lines.Add("master_replid", server.facts.run_id);
  lines.Add("master_replid2", std::string(40, '0'));
  lines.Add("master_repl_offset", 0);
  lines.Add("second_repl_offset", -1);
  lines.Zeros({"repl_backlog_active", "repl_backlog_size", "repl_backlog_first_byte_offset",
               "repl_backlog_histlen"});
}

void Cpu(const ServerFigures& server, Lines& lines) {
  lines.Seconds("used_cpu_sys", server.process.kernel_micros);
  lines.Seconds("used_cpu_user", server.process.user_micros);
  lines.Seconds("used_cpu_sys_children", server.process.children_kernel_micros);
  lines.Seconds("used_cpu_user_children", server.process.children_user_micros);
}

void CommandStats(const ServerFigures& server, Lines& lines) {
  absl::btree_map<std::string_view, CommandStat> by_name;
  for (const ShardFigures& shard : server.shards) {
    for (size_t number = 0; number < shard.stats.per_command.size(); ++number) {
      const CommandStat& stat = shard.stats.per_command[number];
      if (stat.calls + stat.rejected + stat.failed == 0) continue;
      CommandStat& total = by_name[CommandAt(number).name];
      total.calls += stat.calls;
      total.cycles += stat.cycles;
      total.rejected += stat.rejected;
      total.failed += stat.failed;
    }
  }
  for (const auto& [name, stat] : by_name) {
    const double micros = MicrosOf(stat.cycles);
    const double per_call = stat.calls == 0 ? 0 : micros / static_cast<double>(stat.calls);
    lines.Add(
        fmt::format("cmdstat_{}", name),
        fmt::format("calls={},usec={:.0f},usec_per_call={:.2f},rejected_calls={},failed_calls={}",
                    stat.calls, micros, per_call, stat.rejected, stat.failed));
  }
}

void LatencyStats(const ServerFigures& server, Lines& lines) {
  absl::btree_map<std::string_view, LatencyHistogram> by_name;
  for (const ShardFigures& shard : server.shards) {
    for (const auto& [number, histogram] : shard.histograms) {
      by_name[CommandAt(number).name].Merge(histogram);
    }
  }
  for (const auto& [name, histogram] : by_name) {
    std::vector<std::string> texts;
    for (double percentile : server.latency_percentiles) {
      texts.push_back(
          fmt::format("p{}={:.3f}", percentile, MicrosOf(histogram.Percentile(percentile))));
    }
    lines.Add(fmt::format("latency_percentiles_usec_{}", name),
              fmt::format("{}", fmt::join(texts, ",")));
  }
}

void ErrorStats(const ServerFigures& server, Lines& lines) {
  absl::btree_map<std::string, uint64_t> by_code;
  for (const ShardFigures& shard : server.shards) {
    for (const auto& [code, count] : shard.stats.errors) by_code[code] += count;
  }
  for (const auto& [code, count] : by_code) {
    lines.Add(fmt::format("errorstat_{}", code), fmt::format("count={}", count));
  }
}

void ClusterFacts(const ServerFigures& server, Lines& lines) {
  lines.Add("cluster_enabled", HasShardPorts(server) ? 1 : 0);
}

void Databases(const ServerFigures& server, Lines& lines) {
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    DatabaseFigures total;
    for (const ShardFigures& shard : server.shards) {
      total.keys += shard.databases[db].keys;
      total.expires += shard.databases[db].expires;
    }
    if (total.keys == 0) continue;
    lines.Add(fmt::format("db{}", db),
              fmt::format("keys={},expires={},avg_ttl=0", total.keys, total.expires));
  }
}

void Topics(const ServerFigures& server, Lines& lines) {
  auto sum = [&server](uint64_t TopicStats::*figure) {
    return Sum(server, [figure](auto& shard) { return shard.topics.*figure; });
  };
  const uint64_t hits = sum(&TopicStats::cache_hits);
  const uint64_t lookups = hits + sum(&TopicStats::cache_misses);
  // Each shard knows all topics and groups.
  lines.Add("topics", Max(server, [](auto& shard) { return shard.topics.topics; }));
  lines.Add("topic_groups", Max(server, [](auto& shard) { return shard.topics.groups; }));
  lines.Add("topic_partitions", sum(&TopicStats::partitions));
  lines.Add("topic_records_appended", sum(&TopicStats::records_appended));
  lines.Add("topic_bytes_appended", sum(&TopicStats::bytes_appended));
  lines.Add("topic_records_fetched", sum(&TopicStats::records_fetched));
  lines.Add("topic_bytes_fetched", sum(&TopicStats::bytes_fetched));
  lines.Add("topic_cache_hits", hits);
  lines.Add("topic_cache_misses", lookups - hits);
  lines.Add(
      "topic_cache_hit_rate",
      fmt::format("{:.4f}",
                  lookups == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(lookups)));
  lines.Add("topic_cache_bytes", sum(&TopicStats::cache_bytes));
  lines.Add("topic_unflushed_bytes", sum(&TopicStats::unflushed_bytes));
  lines.Add("topic_stored_bytes", sum(&TopicStats::stored_bytes));
  lines.Add("topic_waiting_fetches", sum(&TopicStats::waiting_fetches));
  std::string errors;
  for (const ShardFigures& shard : server.shards) {
    if (!shard.topics.files_error.empty()) errors += "; " + shard.topics.files_error;
  }
  lines.Add("topic_files_status", errors.empty() ? "ok" : errors.substr(2));
}

std::string DescribeShard(const ShardFigures& shard) {
  const LogInfo& log = shard.log;
  return fmt::format(
      "slots={}-{},keys={},connections={},commands={},memory={},last_lsn={},durable_lsn={},"
      "settled_lsn={},log_bytes={},log_segments={},log_commits={},log_commit_bytes={},"
      "commit_p50_usec={},commit_p99_usec={},commit_max_usec={},unsynced_bytes={},"
      "parked_replies={},longest_stall_usec={},log_status={}",
      shard.first_slot, static_cast<int64_t>(shard.end_slot) - 1, shard.Keys(), shard.connections,
      shard.stats.commands, shard.Bytes(), log.last_lsn, log.durable_lsn, log.settled_lsn,
      log.disk_bytes, log.segments, log.commits, log.commit_bytes, log.commit_micros_p50,
      log.commit_micros_p99, log.commit_micros_max, log.unsynced_bytes, log.parked_replies,
      shard.stats.longest_stall_micros, log.error.empty() ? "ok" : log.error);
}

void FlashDb(const ServerFigures& server, Lines& lines) {
  lines.Add("shards", server.shards.size());
  lines.Add("shard_port_base", server.facts.shard_port_base);
  lines.Add("directory", server.facts.directory);
  lines.Add("log_sync", server.shards.empty() ? "" : server.shards[0].log.sync);
  lines.Add("log_write_mode", server.facts.log_write_mode);
  lines.Add("longest_stall_usec",
            Max(server, [](auto& shard) { return shard.stats.longest_stall_micros; }));
  for (size_t i = 0; i < server.shards.size(); ++i) {
    lines.Add(fmt::format("shard{}", i), DescribeShard(server.shards[i]));
  }
}

void Nothing(const ServerFigures&, Lines&) {}

struct SectionWriter {
  std::string_view title;
  void (*write)(const ServerFigures&, Lines&);
};

constexpr std::array<SectionWriter, kInfoSections> kWriters = {{
    {"Server", &Server},
    {"Clients", &Clients},
    {"Memory", &Memory},
    {"Persistence", &Persistence},
    {"Stats", &Stats},
    {"Replication", &Replication},
    {"CPU", &Cpu},
    {"Modules", &Nothing},
    {"Commandstats", &CommandStats},
    {"Errorstats", &ErrorStats},
    {"Latencystats", &LatencyStats},
    {"Cluster", &ClusterFacts},
    {"Keyspace", &Databases},
    {"Topics", &Topics},
    {"FlashDB", &FlashDb},
}};

}  // namespace

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double value = static_cast<double>(bytes);
  for (char unit : std::string_view("KMGTP")) {
    value /= 1024;
    if (value < 1024 || unit == 'P') return fmt::format("{:.2f}{}", value, unit);
  }
  return {};
}

std::string FormatInfo(const ServerFigures& server, const InfoSectionSet& sections) {
  std::string text;
  Lines lines(text);
  for (size_t i = 0; i < kInfoSections; ++i) {
    if (!sections[i]) continue;
    if (!text.empty()) text += "\r\n";
    text += fmt::format("# {}\r\n", kWriters[i].title);
    kWriters[i].write(server, lines);
  }
  return text;
}

}  // namespace flashdb
