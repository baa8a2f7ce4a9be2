// Statistics of executed commands: counts, times, slow log, latency events, errors by code.
#pragma once

#include <absl/functional/function_ref.h>

#include <string_view>
#include <utility>
#include <vector>

#include "commands/engine.h"
#include "commands/latency_histogram.h"

namespace flashdb {

/// A command's number and how long its calls took.
using NumberedHistogram = std::pair<size_t, LatencyHistogram>;

namespace internal {

LatencyHistogram& AddHistogram(Engine& engine, const Command& command);
void NoteNotable(Engine& engine, const Command& command, ArgView args, const Session* session,
                 uint64_t cycles);

}  // namespace internal

/// Notes one executed command that took `cycles`. `session` may be null. On every command's path,
/// hence nothing but increments.
inline void ObserveCommand(Engine& engine, const Command& command, ArgView args,
                           const Session* session, uint64_t cycles, bool failed) {
  ++engine.stats.commands;
  CommandStat& stat = engine.stats.Of(command);
  ++stat.calls;
  stat.cycles += cycles;
  stat.failed += failed ? 1 : 0;
  if (engine.latency_tracking) {
    bool known = command.number < engine.histograms.size();
    LatencyHistogram* histogram = known ? engine.histograms[command.number].get() : nullptr;
    if (histogram == nullptr) [[unlikely]] {
      histogram = &internal::AddHistogram(engine, command);
    }
    histogram->Record(cycles);
  }
  if (cycles >= engine.notable_cycles) [[unlikely]] {
    internal::NoteNotable(engine, command, args, session, cycles);
  }
}

/// Copies of the engine's histograms of those commands for whose numbers `wanted` says true.
std::vector<NumberedHistogram> CopyHistograms(const Engine& engine,
                                              absl::FunctionRef<bool(size_t)> wanted);

/// Notes that `command` was refused before it began, with the error `line`.
void CountRejection(Engine& engine, const Command& command, std::string_view line);

/// Puts `micros` that a command spent waiting, which ObserveCommand does not see, into the slow log
/// and the latency monitor if they pass the thresholds. `session` may be null.
void NoteWait(Engine& engine, ArgView args, const Session* session, uint64_t micros);

/// Notes an error reply; `line` begins with its code ("ERR ...").
void CountError(Engine& engine, std::string_view line);

/// Notes that `event` (as LATENCY names them) took `millis`, if that passes the threshold.
void NoteLatency(Engine& engine, std::string_view event, uint64_t millis);

}  // namespace flashdb
