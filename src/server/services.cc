// Server: what commands ask of it.
#include <limits.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "base/histogram.h"
#include "server/config_rewrite.h"
#include "server/config_table.h"
#include "server/server.h"

namespace flashdb {
namespace {

std::string HexId(Random& random) {
  std::string id;
  while (id.size() < 40) id += fmt::format("{:016x}", random.Next());
  id.resize(40);
  return id;
}

// The end of the bucket in which that share of the commits lies, in microseconds.
uint64_t PercentileMicros(const LogWriterStats& stats, double percent) {
  const auto& counts = stats.commit_nanos_log2;
  const uint64_t total = std::accumulate(counts.begin(), counts.end(), uint64_t{0});
  if (total == 0) return 0;
  return (uint64_t{2} << PercentileBucket(counts, total, percent)) / 1000;
}

// Such as "direct (probe: direct 61 us, buffered 130 us)"; only what was measured.
std::string DescribeWriting(const ProbeResult& probe) {
  std::string text = probe.mode == WriteMode::kBuffered ? "buffered" : "direct";
  if (probe.direct_micros == 0 && probe.buffered_micros == 0) return text;
  text += " (probe:";
  if (probe.direct_micros > 0) text += fmt::format(" direct {:.0f} us", probe.direct_micros);
  if (probe.direct_micros > 0 && probe.buffered_micros > 0) text += ",";
  if (probe.buffered_micros > 0) text += fmt::format(" buffered {:.0f} us", probe.buffered_micros);
  return text + ")";
}

}  // namespace

void Server::FillFacts() {
  Random random(EntropySeed());
  facts_.run_id = HexId(random);
  for (uint32_t i = 0; i < shards_; ++i) facts_.node_ids.push_back(HexId(random));
  std::error_code ignored;
  facts_.executable = std::filesystem::read_symlink("/proc/self/exe", ignored).string();
  facts_.directory = std::filesystem::absolute(config_.dir, ignored).string();
  facts_.config_file = config_.config_file;
  facts_.shard_port_base = config_.shard_ports;
  facts_.started_at = clock_.NowMillis();
  facts_.log_write_mode = DescribeWriting(probe_);
}

bool Server::AdmitConnection() {
  if (ShuttingDown()) return false;
  if (connections_.fetch_add(1, std::memory_order_relaxed) < Here().config().maxclients) {
    return true;
  }
  ReleaseConnection();
  return false;
}

ShardId Server::NextHome() {
  return static_cast<ShardId>(next_home_.fetch_add(1, std::memory_order_relaxed) % shards_);
}

std::vector<std::pair<std::string, std::string>> Server::ConfigGet(const Engine&,
                                                                   std::string_view pattern) {
  return flashdb::ConfigGet(Here().config(), pattern);
}

Task<Status> Server::ConfigSet(std::vector<std::pair<std::string, std::string>> changes) {
  Config changed = Here().config();
  Status status = flashdb::ConfigSet(changed, changes);
  if (!status.ok()) co_return status;
  auto configure = [&changed](ShardId) {
    Server::Here().Configure(changed);
    return 0;
  };
  co_await OnAll(configure);
  co_return OkStatus();
}

Status Server::ConfigRewrite(const Engine&) { return RewriteConfigFile(Here().config()); }

bool Server::CheckPassword(const Engine&, std::string_view password) {
  const std::string& right = Here().config().requirepass;
  // The time depends on the candidate's length only.
  unsigned difference = right.size() == password.size() ? 0 : 1;
  for (size_t i = 0; i < password.size(); ++i) {
    char expected = right.empty() ? '\0' : right[i % right.size()];
    difference |= static_cast<unsigned>(expected ^ password[i]);
  }
  return difference == 0;
}

bool Server::PasswordRequired(const Engine&) { return !Here().config().requirepass.empty(); }

LogInfo Server::DescribeLog(const Engine& engine) {
  Shard& shard = engine.shard;
  LogWriterStats stats = shard.log().stats();
  const char* sync = config_.sync == SyncMode::kAlways     ? "always"
                     : config_.sync == SyncMode::kPeriodic ? "periodic"
                                                           : "never";
  LogInfo info;
  info.last_lsn = shard.log().appended();
  info.durable_lsn = shard.log().synced_lsn();
  info.settled_lsn = shard.commits().settled();
  info.sync = sync;
  info.disk_bytes = stats.bytes;
  info.segments = stats.segments;
  info.unsynced_bytes = stats.buffered_bytes;
  info.commits = stats.frames;
  info.commit_bytes = stats.bytes;
  info.commit_micros_p50 = PercentileMicros(stats, 50);
  info.commit_micros_p99 = PercentileMicros(stats, 99);
  info.commit_micros_max = stats.max_commit_nanos / 1000;
  info.error = shard.commits().FailureOf(shard.id());
  return info;
}

Task<void> Server::Sleep(uint64_t micros) {
  co_await Shard::Current().Sleep((micros + 999) / 1000);
}

}  // namespace flashdb
