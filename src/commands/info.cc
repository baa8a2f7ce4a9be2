#include "commands/info.h"

#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "base/numbers.h"
#include "commands/metered.h"
#include "commands/server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr std::array<std::string_view, kInfoSections> kSectionNames = {
    "server",       "clients", "memory",   "persistence",  "stats",
    "replication",  "cpu",     "modules",  "commandstats", "errorstats",
    "latencystats", "cluster", "keyspace", "topics",       "flashdb"};

constexpr bool IsDefault(size_t section) {
  return section != static_cast<size_t>(InfoSection::kCommandStats) &&
         section != static_cast<size_t>(InfoSection::kLatencyStats);
}

void AddSections(InfoSectionSet& set, std::string_view name) {
  for (size_t i = 0; i < kInfoSections; ++i) {
    bool asked = EqualsIgnoreCase(name, kSectionNames[i]) || EqualsIgnoreCase(name, "everything") ||
                 (EqualsIgnoreCase(name, "default") && IsDefault(i)) ||
                 EqualsIgnoreCase(name, "all");
    set[i] = set[i] || asked;
  }
}

std::vector<uint64_t> HashNames(const PubSubRegistry::ByName& names) {
  std::vector<uint64_t> hashes;
  hashes.reserve(names.size());
  for (const auto& [name, listeners] : names) hashes.push_back(HashBytes(name));
  return hashes;
}

void GatherClients(const Engine& engine, ShardFigures& figures) {
  for (const auto& [id, session] : engine.sessions) {
    uint64_t input = session->link->InputBytes();
    uint64_t output = session->link->OutputBytes();
    ++figures.connections;
    figures.pubsub_clients += session->subscribed();
    figures.blocked_clients += session->postponed;
    figures.longest_input = std::max(figures.longest_input, input);
    figures.longest_output = std::max(figures.longest_output, output);
    figures.client_bytes += sizeof(Session) + input + output + session->queue_bytes;
  }
  figures.channels = HashNames(engine.pubsub.channels);
  figures.patterns = HashNames(engine.pubsub.patterns);
  figures.shard_channels = HashNames(engine.pubsub.shard_channels);
}

uint64_t Micros(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
}

// The second field of /proc/self/statm counts resident pages (proc(5)).
uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0;
  uint64_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

Task<void> Info(SessionContext& context) {
  InfoSectionSet sections = ParseInfoSections(context.args.subspan(1));
  ServerFigures server;
  bool histograms = sections[static_cast<size_t>(InfoSection::kLatencyStats)];
  auto gather = [histograms](ShardId) { return GatherShard(histograms); };
  server.shards = co_await MeteredOnAll(context, gather);
  server.process = GatherProcess();
  server.facts = context.engine.services.facts();
  server.now_micros = context.engine.clock.NowMicros();
  server.now = server.now_micros / 1000;
  server.max_memory = context.engine.max_memory;
  server.max_clients = context.engine.max_clients;
  server.latency_percentiles = context.engine.latency_percentiles;
  context.reply.Verbatim("txt", FormatInfo(server, sections));
}

constexpr std::array kRows = {
    WithAcl(OnSessionTask("info", -1, kLoading | kStale, &Info,
                          {"Tells facts and figures of the server.", "1.0.0", "server",
                           "O(N) in the number of connections"}),
            "@dangerous"),
};

}  // namespace

uint64_t ShardFigures::Keys() const {
  uint64_t total = 0;
  for (const DatabaseFigures& database : databases) total += database.keys;
  return total;
}

InfoSectionSet ParseInfoSections(ArgView names) {
  InfoSectionSet set{};
  if (names.empty()) AddSections(set, "default");
  for (std::string_view name : names) AddSections(set, name);
  return set;
}

ShardFigures GatherShard(bool with_histograms) {
  Engine& engine = Engine::Current();
  Keyspace& keys = engine.keys;
  ShardFigures figures;
  figures.first_slot = keys.first_slot();
  figures.end_slot = keys.end_slot();
  for (uint32_t db = 0; db < kDatabaseCount; ++db) {
    figures.databases[db] = {keys.Size(db), keys.VolatileSize(db)};
  }
  keys.TakeGate();  // a count of keys that INFO shows waits for nothing
  figures.key_bytes = keys.MemoryBytes();
  figures.changes = keys.changes();
  figures.keys = keys.stats();
  GatherClients(engine, figures);
  engine.peak_memory = std::max<size_t>(engine.peak_memory, figures.Bytes());
  figures.peak_bytes = engine.peak_memory;
  figures.stats = engine.stats;
  figures.stats.longest_stall_micros = std::max(
      figures.stats.longest_stall_micros, engine.shard.loop_stats().longest_turn_nanos / 1000);
  const Shard::LoopStats& loop = engine.shard.loop_stats();
  figures.loop_turns = loop.turns;
  figures.loop_busy_micros = loop.busy_nanos / 1000;
  if (with_histograms && engine.latency_tracking) {
    figures.histograms = CopyHistograms(engine, [](size_t) { return true; });
  }
  figures.log = engine.services.DescribeLog(engine);
  if (keys.tenant() != nullptr) figures.topics = StatsOfTopics();
  return figures;
}

ProcessFigures GatherProcess() {
  utsname system;
  rusage own;
  rusage children;
  FLASHDB_CHECK(uname(&system) == 0 && getrusage(RUSAGE_SELF, &own) == 0 &&
                getrusage(RUSAGE_CHILDREN, &children) == 0);
  return {.pid = getpid(),
          .system = fmt::format("{} {} {}", system.sysname, system.release, system.machine),
          .resident_bytes = ResidentBytes(),
          .system_bytes = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                          static_cast<uint64_t>(sysconf(_SC_PAGESIZE)),
          .user_micros = Micros(own.ru_utime),
          .kernel_micros = Micros(own.ru_stime),
          .children_user_micros = Micros(children.ru_utime),
          .children_kernel_micros = Micros(children.ru_stime)};
}

std::span<const Command> InfoCommands() { return kRows; }

}  // namespace flashdb
