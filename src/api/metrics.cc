// GET /metrics: the figures of all shards for Prometheus.
#include <algorithm>
#include <array>

#include "api/exchange.h"
#include "api/prometheus.h"
#include "api/route.h"
#include "api/serve.h"
#include "api/topic_json.h"
#include "base/cycles.h"
#include "commands/info.h"
#include "shards/shard.h"
#include "topics/topic_service.h"

namespace flashdb {
namespace {

// Bounds of the buckets of commands' times, seconds.
constexpr std::array kCommandBounds = {1e-6,   2e-6, 5e-6,   1e-5,   2e-5, 5e-5, 1e-4,
                                       2.5e-4, 5e-4, 1e-3,   2.5e-3, 5e-3, 1e-2, 2.5e-2,
                                       5e-2,   1e-1, 2.5e-1, 5e-1,   1.0,  2.5,  10.0};
// Of the log's commits: powers of two of nanoseconds, 2^14 (16 us) to 2^33 (8.6 s).
constexpr size_t kFirstCommitBound = 14;
constexpr size_t kLastCommitBound = 33;

// Lags of more groups are not shown: each is a visit to all partitions.
constexpr size_t kMaxGroups = 1000;

struct Figures {
  ShardFigures shard;
  LogWriterStats log;
  HttpStats http;
};

struct GroupLag {
  std::string group;
  std::vector<GroupOffsets> topics;
};

class Metrics {
 public:
  Metrics(std::vector<Figures> shards, std::vector<GroupLag> lags, std::string& out)
      : shards_(std::move(shards)), lags_(std::move(lags)), out_(out) {}

  void Write(const Engine& engine) {
    WriteServer(engine);
    WriteConnections();
    WriteHttp();
    WriteCommands();
    WriteCommandTimes();
    WriteLog();
    WriteCommitTimes();
    WriteMemory(engine);
    WriteKeys();
    WriteLoops();
    WriteTopics();
    WriteGroups();
  }

 private:
  template <typename F>
  double Sum(F of) const {
    double sum = 0;
    for (const Figures& figures : shards_) sum += static_cast<double>(of(figures));
    return sum;
  }
  template <typename F>
  void PerShard(std::string_view name, std::string_view type, std::string_view help, F of) {
    out_.Family(name, type, help);
    for (size_t id = 0; id < shards_.size(); ++id) {
      out_.Sample({{"shard", std::to_string(id)}}, static_cast<double>(of(shards_[id])));
    }
  }

  void WriteServer(const Engine& engine) {
    const ServerServices::Facts& facts = engine.services.facts();
    out_.Family("flashdb_info", "gauge", "The server's version.");
    out_.Sample({{"version", FLASHDB_VERSION}}, 1);
    out_.Gauge("flashdb_start_time_seconds", "When the server started, Unix time.",
               static_cast<double>(facts.started_at) / 1000);
  }

  void WriteConnections() {
    out_.Gauge("flashdb_connections", "Open connections, of Redis and HTTP clients.",
               Sum([](const Figures& f) { return f.shard.connections; }));
    out_.Family("flashdb_connections_received_total", "counter",
                "Connections accepted, by protocol.");
    const double http = Sum([](const Figures& f) { return f.http.connections_received; });
    const double all = Sum([](const Figures& f) { return f.shard.stats.connections_received; });
    out_.Sample({{"protocol", "http"}}, http);
    out_.Sample({{"protocol", "resp"}}, all - http);
    out_.Counter("flashdb_connections_rejected_total", "Connections refused for maxclients.",
                 Sum([](const Figures& f) { return f.shard.stats.connections_rejected; }));
    out_.Counter("flashdb_input_bytes_total", "Bytes received from clients.",
                 Sum([](const Figures& f) { return f.shard.stats.input_bytes; }));
    out_.Counter("flashdb_output_bytes_total", "Bytes sent to clients.",
                 Sum([](const Figures& f) { return f.shard.stats.output_bytes; }));
  }

  void WriteHttp() {
    out_.Family("flashdb_http_requests_total", "counter", "HTTP requests, by route and status.");
    const std::span<const Route> routes = AllRoutes();
    for (size_t row = 0; row <= routes.size(); ++row) {
      const std::string_view method = row < routes.size() ? NameOf(routes[row].method) : "";
      const std::string_view path = row < routes.size() ? routes[row].path : "";
      for (const auto& [status, requests] : HttpCounts(row)) {
        out_.Sample({{"method", method}, {"route", path}, {"status", std::to_string(status)}},
                    static_cast<double>(requests));
      }
    }
  }

  std::map<int, uint64_t> HttpCounts(size_t row) const {
    std::map<int, uint64_t> counts;
    for (const Figures& figures : shards_) {
      if (row >= figures.http.by_route.size()) continue;
      for (const HttpStats::Count& count : figures.http.by_route[row]) {
        counts[count.status] += count.requests;
      }
    }
    return counts;
  }

  // One family for each figure of a command.
  template <typename F>
  void PerCommand(std::string_view name, std::string_view help, F of) {
    out_.Family(name, "counter", help);
    for (size_t number = 0; number < CommandCount(); ++number) {
      const double sum = Sum([&](const Figures& f) {
        const auto& stats = f.shard.stats.per_command;
        return number < stats.size() ? of(stats[number]) : 0;
      });
      if (sum > 0) out_.Sample({{"command", CommandAt(number).name}}, sum);
    }
  }

  void WriteCommands() {
    PerCommand("flashdb_commands_total", "Commands executed, by name.",
               [](const CommandStat& stat) { return stat.calls; });
    PerCommand("flashdb_commands_failed_total", "Commands that replied with an error.",
               [](const CommandStat& stat) { return stat.failed; });
    PerCommand("flashdb_commands_rejected_total", "Commands refused before they began.",
               [](const CommandStat& stat) { return stat.rejected; });
  }

  void WriteCommandTimes() {
    out_.Family("flashdb_command_duration_seconds", "histogram",
                "Time that commands executed, without waiting for the disk.");
    std::map<size_t, LatencyHistogram> merged;
    for (const Figures& figures : shards_) {
      for (const auto& [number, histogram] : figures.shard.histograms) {
        merged[number].Merge(histogram);
      }
    }
    for (const auto& [number, histogram] : merged) WriteHistogram(number, histogram);
  }

  void WriteHistogram(size_t number, const LatencyHistogram& histogram) {
    const std::string_view name = CommandAt(number).name;
    const double cycles_per_second = CyclesPerMicro() * 1e6;
    for (double bound : kCommandBounds) {
      const auto cycles = static_cast<uint64_t>(bound * cycles_per_second);
      out_.Sample({{"command", name}, {"le", fmt::format("{}", bound)}},
                  static_cast<double>(histogram.CountUpTo(cycles)), "_bucket");
    }
    const auto count = static_cast<double>(histogram.total());
    out_.Sample({{"command", name}, {"le", "+Inf"}}, count, "_bucket");
    const double cycles = Sum([number = number](const Figures& f) {
      const auto& stats = f.shard.stats.per_command;
      return number < stats.size() ? stats[number].cycles : 0;
    });
    out_.Sample({{"command", name}}, cycles / cycles_per_second, "_sum");
    out_.Sample({{"command", name}}, count, "_count");
  }

  void WriteLog() {
    PerShard("flashdb_log_up", "gauge", "1 while the shard's log takes writes, 0 after it failed.",
             [](const Figures& f) { return f.shard.log.error.empty() ? 1 : 0; });
    PerShard("flashdb_log_lsn", "gauge", "Number of the last record appended.",
             [](const Figures& f) { return f.shard.log.last_lsn; });
    PerShard("flashdb_log_settled_lsn", "gauge", "Number of the last record clients may see.",
             [](const Figures& f) { return f.shard.log.settled_lsn; });
    PerShard("flashdb_log_written_bytes_total", "counter", "Bytes written to the log.",
             [](const Figures& f) { return f.log.bytes; });
    PerShard("flashdb_log_records_total", "counter", "Records appended to the log.",
             [](const Figures& f) { return f.log.records; });
    PerShard("flashdb_log_syncs_total", "counter", "Syncs of log files.",
             [](const Figures& f) { return f.log.syncs; });
    PerShard("flashdb_log_unsynced_bytes", "gauge", "Bytes appended and not yet written.",
             [](const Figures& f) { return f.log.buffered_bytes; });
  }

  void WriteCommitTimes() {
    out_.Family("flashdb_log_commit_duration_seconds", "histogram",
                "Time from handing a group commit to the disk until it is durable.");
    for (size_t id = 0; id < shards_.size(); ++id) {
      const LogWriterStats& log = shards_[id].log;
      const std::string shard = std::to_string(id);
      uint64_t count = 0;
      for (size_t i = 0; i < log.commit_nanos_log2.size(); ++i) {
        count += log.commit_nanos_log2[i];
        if (i + 1 < kFirstCommitBound || i + 1 > kLastCommitBound) continue;
        const double bound = static_cast<double>(uint64_t{1} << (i + 1)) / 1e9;
        out_.Sample({{"shard", shard}, {"le", fmt::format("{}", bound)}},
                    static_cast<double>(count), "_bucket");
      }
      out_.Sample({{"shard", shard}, {"le", "+Inf"}}, static_cast<double>(count), "_bucket");
      out_.Sample({{"shard", shard}}, static_cast<double>(log.total_commit_nanos) / 1e9, "_sum");
      out_.Sample({{"shard", shard}}, static_cast<double>(count), "_count");
    }
  }

  void WriteMemory(const Engine& engine) {
    out_.Gauge("flashdb_memory_used_bytes", "Memory of keys and clients.",
               Sum([](const Figures& f) { return f.shard.Bytes(); }));
    out_.Gauge("flashdb_memory_keys_bytes", "Memory of keys.",
               Sum([](const Figures& f) { return f.shard.key_bytes; }));
    out_.Gauge("flashdb_memory_resident_bytes", "Resident memory of the process.",
               static_cast<double>(GatherProcess().resident_bytes));
    out_.Gauge("flashdb_memory_limit_bytes", "maxmemory; 0 is no limit.",
               static_cast<double>(engine.max_memory));
  }

  void WriteKeys() {
    out_.Family("flashdb_keys", "gauge", "Keys, by database.");
    for (uint32_t db = 0; db < kDatabaseCount; ++db) {
      const double keys = Sum([db](const Figures& f) { return f.shard.databases[db].keys; });
      if (keys > 0 || db == 0) out_.Sample({{"db", std::to_string(db)}}, keys);
    }
    out_.Counter("flashdb_keys_expired_total", "Keys removed because their time was over.",
                 Sum([](const Figures& f) { return f.shard.keys.expired_keys; }));
    out_.Counter("flashdb_keyspace_hits_total", "Lookups that found their key.",
                 Sum([](const Figures& f) { return f.shard.keys.hits; }));
    out_.Counter("flashdb_keyspace_misses_total", "Lookups that did not.",
                 Sum([](const Figures& f) { return f.shard.keys.misses; }));
  }

  void WriteLoops() {
    PerShard("flashdb_loop_turns_total", "counter", "Turns of the event loop.",
             [](const Figures& f) { return f.shard.loop_turns; });
    PerShard("flashdb_loop_busy_seconds_total", "counter", "Time that the event loop worked.",
             [](const Figures& f) { return static_cast<double>(f.shard.loop_busy_micros) / 1e6; });
    PerShard("flashdb_loop_longest_stall_seconds", "gauge",
             "The longest turn of the event loop since the start or CONFIG RESETSTAT.",
             [](const Figures& f) {
               return static_cast<double>(f.shard.stats.longest_stall_micros) / 1e6;
             });
  }

  void TopicCounter(std::string_view name, std::string_view help, uint64_t TopicStats::*field) {
    out_.Counter(name, help, Sum([field](const Figures& f) { return f.shard.topics.*field; }));
  }
  void TopicGauge(std::string_view name, std::string_view help, uint64_t TopicStats::*field) {
    out_.Gauge(name, help, Sum([field](const Figures& f) { return f.shard.topics.*field; }));
  }

  void WriteTopics() {
    // Each shard knows all topics and groups.
    const TopicStats& any = shards_.front().shard.topics;
    out_.Gauge("flashdb_topics", "Topics.", static_cast<double>(any.topics));
    out_.Gauge("flashdb_groups", "Consumer groups.", static_cast<double>(any.groups));
    TopicGauge("flashdb_topic_partitions", "Partitions of all topics.", &TopicStats::partitions);
    TopicCounter("flashdb_topic_records_appended_total", "Records appended to topics.",
                 &TopicStats::records_appended);
    TopicCounter("flashdb_topic_bytes_appended_total", "Bytes appended to topics.",
                 &TopicStats::bytes_appended);
    TopicCounter("flashdb_topic_records_fetched_total", "Records read from topics.",
                 &TopicStats::records_fetched);
    TopicCounter("flashdb_topic_bytes_fetched_total", "Bytes read from topics.",
                 &TopicStats::bytes_fetched);
    TopicCounter("flashdb_topic_cache_hits_total", "Lookups that the cache of records answered.",
                 &TopicStats::cache_hits);
    TopicCounter("flashdb_topic_cache_misses_total", "Lookups that went to the files.",
                 &TopicStats::cache_misses);
    TopicGauge("flashdb_topic_cache_bytes", "Size of the cache of records.",
               &TopicStats::cache_bytes);
    TopicGauge("flashdb_topic_stored_bytes", "Size of all records kept.",
               &TopicStats::stored_bytes);
    TopicGauge("flashdb_topic_unflushed_bytes", "Records in the log and not yet in their files.",
               &TopicStats::unflushed_bytes);
    TopicGauge("flashdb_topic_waiting_fetches", "Fetches that wait for new records.",
               &TopicStats::waiting_fetches);
    const auto failed = std::count_if(shards_.begin(), shards_.end(), [](const Figures& figures) {
      return !figures.shard.topics.files_error.empty();
    });
    out_.Gauge("flashdb_topic_files_failed", "Shards whose topics' files take no more records.",
               static_cast<double>(failed));
  }

  void WriteGroups() {
    out_.Family("flashdb_group_lag", "gauge", "Records that a group has not committed, by topic.");
    for (const auto& [group, offsets] : lags_) {
      for (const GroupOffsets& topic : offsets) {
        out_.Sample({{"group", group}, {"topic", topic.topic}}, static_cast<double>(LagOf(topic)));
      }
    }
  }

  std::vector<Figures> shards_;
  std::vector<GroupLag> lags_;
  PrometheusWriter out_;
};

// As all figures, these wait for nothing: a scrape is answered also when a disk has failed. Hence
// the gates are dropped.
Task<std::vector<GroupLag>> GatherLags() {
  Gates dropped;
  std::vector<GroupLag> lags;
  std::vector<Group> groups = co_await ListGroups(dropped);
  for (size_t i = 0; i < groups.size() && i < kMaxGroups; ++i) {
    StatusOr<std::vector<GroupOffsets>> topics = co_await ReadOffsets(groups[i].name, "", dropped);
    if (topics.ok()) lags.push_back({groups[i].name, std::move(*topics)});
  }
  co_return lags;
}

Task<void> GetMetrics(HttpExchange& exchange) {
  auto gather = [](ShardId) {
    Figures figures;
    figures.shard = GatherShard(true);
    figures.log = Shard::Current().log().stats();
    figures.http = HttpStats::Here();
    return figures;
  };
  std::vector<Figures> shards = co_await OnAll(gather);
  std::vector<GroupLag> lags = co_await GatherLags();
  Metrics(std::move(shards), std::move(lags), exchange.response.Begin(200, PrometheusWriter::kType))
      .Write(exchange.engine);
}

}  // namespace

std::vector<Route> MetricsRoutes() {
  return {{.method = HttpMethod::kGet,
           .path = "/metrics",
           .handler = &GetMetrics,
           .id = "getMetrics",
           .tag = "server",
           .summary = "Figures of the server for Prometheus, text format 0.0.4.",
           .responses = {{200, "The figures.", {{PrometheusWriter::kType, ""}}}}}};
}

}  // namespace flashdb
