#include "commands/observe.h"

#include <algorithm>

#include "base/cycles.h"
#include "commands/slowlog.h"

namespace flashdb {
namespace {

constexpr size_t kSlowLogMaxArgs = 32;
constexpr size_t kSlowLogMaxArgBytes = 128;
constexpr size_t kLatencySamples = 160;

std::string Shortened(std::string_view arg) {
  if (arg.size() <= kSlowLogMaxArgBytes) return std::string(arg);
  return fmt::format("{}... ({} more bytes)", arg.substr(0, kSlowLogMaxArgBytes),
                     arg.size() - kSlowLogMaxArgBytes);
}

std::vector<std::string> SlowLogArgs(ArgView args) {
  std::vector<std::string> shown;
  bool cut = args.size() > kSlowLogMaxArgs;
  size_t keep = cut ? kSlowLogMaxArgs - 1 : args.size();
  for (size_t i = 0; i < keep; ++i) {
    shown.push_back(IsSecretArgument(args, i) ? std::string(kRedacted) : Shortened(args[i]));
  }
  if (cut) shown.push_back(fmt::format("... ({} more arguments)", args.size() - keep));
  return shown;
}

void NoteSlow(Engine& engine, ArgView args, const Session* session, uint64_t micros) {
  engine.slow_log.push_front({.id = engine.next_slow_id++,
                              .unix_seconds = engine.keys.now() / 1000,
                              .micros = micros,
                              .args = SlowLogArgs(args),
                              .peer_address = session != nullptr ? session->peer_address : "",
                              .client_name = session != nullptr ? session->name : ""});
  while (engine.slow_log.size() > engine.slow_max_entries) engine.slow_log.pop_back();
}

}  // namespace

namespace internal {

LatencyHistogram& AddHistogram(Engine& engine, const Command& command) {
  if (command.number >= engine.histograms.size()) {
    engine.histograms.resize(command.number + size_t{1});
  }
  auto& histogram = engine.histograms[command.number];
  histogram = std::make_unique<LatencyHistogram>();
  return *histogram;
}

void NoteNotable(Engine& engine, const Command& command, ArgView args, const Session* session,
                 uint64_t cycles) {
  double micros = static_cast<double>(cycles) / CyclesPerMicro();
  bool slow = engine.slow_micros >= 0 && micros >= static_cast<double>(engine.slow_micros);
  if (slow && !command.has(kNoSlowLog)) {
    NoteSlow(engine, args, session, static_cast<uint64_t>(micros));
  }
  NoteLatency(engine, command.has(kFast) ? "fast-command" : "command",
              static_cast<uint64_t>(micros / 1000));
}

}  // namespace internal

std::vector<NumberedHistogram> CopyHistograms(const Engine& engine,
                                              absl::FunctionRef<bool(size_t)> wanted) {
  std::vector<NumberedHistogram> copies;
  for (size_t number = 0; number < engine.histograms.size(); ++number) {
    if (!engine.histograms[number] || !wanted(number)) continue;
    copies.emplace_back(number, *engine.histograms[number]);
  }
  return copies;
}

void CountRejection(Engine& engine, const Command& command, std::string_view line) {
  ++engine.stats.Of(command).rejected;
  CountError(engine, line);
}

void NoteWait(Engine& engine, ArgView args, const Session* session, uint64_t micros) {
  // With a threshold of 0 the command itself is noted when it ends.
  if (engine.slow_micros > 0 && micros >= static_cast<uint64_t>(engine.slow_micros)) {
    NoteSlow(engine, args, session, micros);
  }
  NoteLatency(engine, "command", micros / 1000);
}

void CountError(Engine& engine, std::string_view line) {
  ++engine.stats.error_replies;
  std::string_view code = line.substr(0, line.find_first_of(" \r\n"));
  engine.stats.errors[std::string(code)] += 1;
}

void NoteLatency(Engine& engine, std::string_view event, uint64_t millis) {
  if (engine.latency_threshold_millis <= 0 ||
      millis < static_cast<uint64_t>(engine.latency_threshold_millis)) {
    return;
  }
  auto& samples = engine.latency[std::string(event)];
  int64_t now = engine.keys.now() / 1000;
  if (!samples.empty() && samples.back().unix_seconds == now) {
    samples.back().millis = std::max(samples.back().millis, static_cast<uint32_t>(millis));
    return;
  }
  samples.push_back({now, static_cast<uint32_t>(millis)});
  if (samples.size() > kLatencySamples) samples.pop_front();
}

}  // namespace flashdb
