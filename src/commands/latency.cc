// LATENCY: what the latency monitor has noted on all shards (NoteLatency in observe.h).
#include <absl/container/btree_map.h>

#include <algorithm>
#include <array>

#include "base/cycles.h"
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/observe.h"
#include "commands/server.h"

namespace flashdb {
namespace {

constexpr size_t kMaxSamples = 160;

using Samples = std::vector<LatencySample>;
using Events = absl::btree_map<std::string, Samples>;

Events EventsHere(ShardId) {
  Events events;
  for (const auto& [name, samples] : Engine::Current().latency) {
    events[name].assign(samples.begin(), samples.end());
  }
  return events;
}

// The samples of all shards, oldest first, the worst of each second.
Task<Events> GatherEvents() {
  std::vector<Events> by_shard = co_await OnAll(&EventsHere);
  Events merged;
  for (Events& part : by_shard) {
    for (auto& [name, samples] : part) {
      Samples& all = merged[name];
      all.insert(all.end(), samples.begin(), samples.end());
    }
  }
  for (auto& [name, samples] : merged) {
    std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
      return std::pair(a.unix_seconds, b.millis) < std::pair(b.unix_seconds, a.millis);
    });
    auto same_second = [](const auto& a, const auto& b) {
      return a.unix_seconds == b.unix_seconds;
    };
    samples.erase(std::unique(samples.begin(), samples.end(), same_second), samples.end());
    if (samples.size() > kMaxSamples) {
      samples.erase(samples.begin(), samples.end() - static_cast<ptrdiff_t>(kMaxSamples));
    }
  }
  co_return merged;
}

uint32_t Worst(const Samples& samples) {
  uint32_t worst = 0;
  for (const LatencySample& sample : samples) worst = std::max(worst, sample.millis);
  return worst;
}

Task<void> Latest(SessionContext& context) {
  Events events = co_await GatherEvents();
  context.reply.Array(events.size());
  for (const auto& [name, samples] : events) {
    context.reply.Array(4);
    context.reply.Bulk(name);
    context.reply.Integer(samples.back().unix_seconds);
    context.reply.Integer(samples.back().millis);
    context.reply.Integer(Worst(samples));
  }
}

Task<void> History(SessionContext& context) {
  Events events = co_await GatherEvents();
  auto it = events.find(std::string(context.args[2]));
  if (it == events.end()) co_return context.reply.EmptyArray();
  context.reply.Array(it->second.size());
  for (const LatencySample& sample : it->second) {
    context.reply.Array(2);
    context.reply.Integer(sample.unix_seconds);
    context.reply.Integer(sample.millis);
  }
}

// One line per sample, its bar as long as its share of the worst.
std::string DrawGraph(std::string_view event, const Samples& samples, int64_t now_seconds) {
  constexpr size_t kBar = 40;
  auto faster = [](const auto& a, const auto& b) { return a.millis < b.millis; };
  uint32_t best = std::min_element(samples.begin(), samples.end(), faster)->millis;
  uint32_t worst = std::max<uint32_t>(Worst(samples), 1);
  std::string text = fmt::format("{} - high {} ms, low {} ms ({} samples)\n", event, Worst(samples),
                                 best, samples.size());
  for (const LatencySample& sample : samples) {
    text += fmt::format("{:>6}s ago {:>6} ms {}\n", now_seconds - sample.unix_seconds,
                        sample.millis, std::string(1 + sample.millis * (kBar - 1) / worst, '#'));
  }
  return text;
}

Task<void> Graph(SessionContext& context) {
  Events events = co_await GatherEvents();
  auto it = events.find(std::string(context.args[2]));
  if (it == events.end()) {
    co_return context.reply.Error(
        fmt::format("ERR No samples available for event '{}'", context.args[2]));
  }
  int64_t now = context.engine.clock.NowMillis() / 1000;
  context.reply.Verbatim("txt", DrawGraph(it->first, it->second, now));
}

std::string Report(const Events& events) {
  if (events.empty()) return "No latency spike was seen since the monitor was turned on.\n";
  std::string text = "Events that took longer than latency-monitor-threshold:\n";
  for (const auto& [name, samples] : events) {
    uint64_t sum = 0;
    for (const LatencySample& sample : samples) sum += sample.millis;
    text += fmt::format("- {}: {} seconds with spikes, average {} ms, worst {} ms, last at {}\n",
                        name, samples.size(), sum / samples.size(), Worst(samples),
                        samples.back().unix_seconds);
  }
  return text +
         "Look for the cause with SLOWLOG GET (slow commands) and in INFO's FlashDB section "
         "(time of log commits, longest stall of each event loop).\n";
}

Task<void> Doctor(SessionContext& context) {
  Events events = co_await GatherEvents();
  if (events.empty() && context.engine.latency_threshold_millis == 0) {
    co_return context.reply.Verbatim(
        "txt",
        "The latency monitor is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it "
        "on.\n");
  }
  context.reply.Verbatim("txt", Report(events));
}

// Names that were dropped from this shard.
std::vector<std::string> ResetHere(const std::vector<std::string>& wanted) {
  auto& events = Engine::Current().latency;
  std::vector<std::string> dropped;
  for (const auto& [name, samples] : events) {
    bool named = std::find(wanted.begin(), wanted.end(), name) != wanted.end();
    if (wanted.empty() || named) dropped.push_back(name);
  }
  for (const std::string& name : dropped) events.erase(name);
  return dropped;
}

Task<void> Reset(SessionContext& context) {
  ArgView names = context.args.subspan(2);
  std::vector<std::string> wanted(names.begin(), names.end());
  auto reset = [&wanted](ShardId) { return ResetHere(wanted); };
  std::vector<std::vector<std::string>> by_shard = co_await MeteredOnAll(context, reset);
  StringSet dropped;
  for (auto& part : by_shard) dropped.insert(part.begin(), part.end());
  context.reply.Integer(static_cast<int64_t>(dropped.size()));
}

// The rows that HISTOGRAM's arguments name, a container meaning its subcommands too; all rows
// without arguments.
std::vector<bool> WantedRows(ArgView names) {
  std::vector<bool> wanted(CommandCount(), names.empty());
  for (std::string_view name : names) {
    const Command* row = FindRow(name);
    if (row == nullptr) continue;
    wanted[row->number] = true;
    for (const Command* sub : SubcommandsOf(row->name)) wanted[sub->number] = true;
  }
  return wanted;
}

// Pairs of a time and how many calls took at most that long, the time doubling from one pair to the
// next. The times are those that Redis's histogram of two digits comes to.
void ReplyHistogram(ReplyWriter& reply, const LatencyHistogram& histogram) {
  std::vector<std::pair<uint64_t, uint64_t>> pairs;
  uint64_t seen = 0;
  for (uint64_t nanos = 1032; seen < histogram.total(); nanos *= 2) {
    const bool last = nanos > uint64_t{1} << 40;
    const auto cycles = static_cast<uint64_t>(static_cast<double>(nanos) / 1000 * CyclesPerMicro());
    const uint64_t count = last ? histogram.total() : histogram.CountUpTo(cycles);
    if (count > seen) pairs.emplace_back((nanos - 1) / 1000, count);
    seen = count;
  }
  reply.Map(2);
  reply.Bulk("calls");
  reply.Integer(static_cast<int64_t>(histogram.total()));
  reply.Bulk("histogram_usec");
  reply.Map(pairs.size());
  for (const auto& [micros, count] : pairs) {
    reply.Integer(static_cast<int64_t>(micros));
    reply.Integer(static_cast<int64_t>(count));
  }
}

Task<void> Histogram(SessionContext& context) {
  const std::vector<bool> wanted = WantedRows(context.args.subspan(2));
  auto gather = [&wanted](ShardId) {
    return CopyHistograms(Engine::Current(), [&wanted](size_t row) { return wanted[row]; });
  };
  std::vector<std::vector<NumberedHistogram>> by_shard = co_await MeteredOnAll(context, gather);
  absl::btree_map<size_t, LatencyHistogram> merged;
  for (const auto& part : by_shard) {
    for (const auto& [number, histogram] : part) merged[number].Merge(histogram);
  }
  context.reply.Map(merged.size());
  for (const auto& [number, histogram] : merged) {
    context.reply.Bulk(CommandAt(number).name);
    ReplyHistogram(context.reply, histogram);
  }
}

void Help(SessionContext& context) {
  ReplyHelp(context, {"DOCTOR", "    Sum up what was noted, in words.", "GRAPH <event>",
                      "    Draw the samples of <event>.", "HISTOGRAM [COMMAND ...]",
                      "    Tell how long the calls of all or the named commands took.",
                      "HISTORY <event>", "    List the samples of <event>.", "LATEST",
                      "    Show the latest sample of every event.", "RESET [<event> ...]",
                      "    Forget the samples of all or the named events."});
}

constexpr std::string_view kGroup = "server";
constexpr std::string_view kOne = "O(1)";
constexpr uint32_t kFlags = kAdmin | kNoScript | kLoading | kStale;

constexpr std::array kRows = {
    Container("latency",
              {"Commands on latency diagnostics.", "2.8.13", kGroup, "Depends on subcommand."}),
    OnSessionTask("latency|doctor", 2, kFlags, &Doctor,
                  {"Sums up latency spikes in words.", "2.8.13", kGroup, kOne}),
    OnSessionTask("latency|graph", 3, kFlags, &Graph,
                  {"Draws an event's latency spikes.", "2.8.13", kGroup, kOne}),
    OnSession("latency|help", 2, kLoading | kStale, &Help,
              {"Explains the subcommands.", "2.8.13", kGroup, kOne}),
    OnSessionTask("latency|histogram", -2, kFlags, &Histogram,
                  {"Tells the distribution of command latencies.", "7.0.0", kGroup, kOne}),
    OnSessionTask("latency|history", 3, kFlags, &History,
                  {"Lists an event's latency spikes.", "2.8.13", kGroup, kOne}),
    OnSessionTask("latency|latest", 2, kFlags, &Latest,
                  {"Shows the latest spike of every event.", "2.8.13", kGroup, kOne}),
    OnSessionTask("latency|reset", -2, kFlags, &Reset,
                  {"Forgets latency spikes.", "2.8.13", kGroup, kOne}),
};

}  // namespace

std::span<const Command> LatencyCommands() { return kRows; }

}  // namespace flashdb
