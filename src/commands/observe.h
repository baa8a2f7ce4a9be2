// Statistics of executed commands: counts, times, slow log, latency events, errors by code.
#pragma once

#include <string_view>

#include "commands/engine.h"

namespace flashdb {

/// Notes one executed command that took `cycles`. `session` may be null.
void ObserveCommand(Engine& engine, const Command& command, ArgView args, const Session* session,
                    uint64_t cycles, bool failed);

/// Puts `micros` that a command spent waiting, which ObserveCommand does not see, into the slow log
/// and the latency monitor if they pass the thresholds. `session` may be null.
void NoteWait(Engine& engine, ArgView args, const Session* session, uint64_t micros);

/// Notes an error reply; `line` begins with its code ("ERR ...").
void CountError(Engine& engine, std::string_view line);

/// Notes that `event` (as LATENCY names them) took `millis`, if that passes the threshold.
void NoteLatency(Engine& engine, std::string_view event, uint64_t millis);

}  // namespace flashdb
