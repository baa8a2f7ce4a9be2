// A run: consecutive commands of one client that belong to one shard, executed there in order.
// It is the unit that crosses between cores: one message carries all of its commands, one brings
// all replies back. A client's next run starts when this one has been executed, so its commands
// take effect in the order it sent them, whichever shards they visit.
#pragma once

#include <absl/container/inlined_vector.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"
#include "resp/args.h"
#include "shards/commit_queue.h"
#include "shards/lock_table.h"

namespace flashdb {

/// One parsed command. `args` are views into memory that stays put until the run is done.
struct Request {
  const Command* command = nullptr;
  Args args;
  uint32_t db = 0;
  KeyRef key{};
  bool many_keys = false;  // has keys besides `key`
};

/// From `start` (an offset into the replies) on, nothing may be sent before `lsn` is settled.
struct ReplyGate {
  size_t start;
  Lsn lsn;
};

/// Owned by its connection, which reuses it: no allocation per run in the steady state. While it is
/// under way it belongs to the owner shard.
struct Run : LockRequest {
  // Set by the connection.
  std::vector<Request> requests;
  size_t count = 0;  // of `requests` that are in use
  std::string* out;  // replies are appended here; `buffer` if the owner is another shard
  std::string buffer;
  ShardId home = 0;
  ShardId owner = 0;
  int protocol = 2;
  bool no_touch = false;
  /// Once `out` has grown beyond this many bytes the run ends early, with next < count: the client
  /// has to read before the rest is executed. Not for atomic runs.
  size_t output_limit = SIZE_MAX;
  bool atomic = false;  // all commands are one step and one log record (MULTI/EXEC)
  /// atomic: if one has tripped, nothing runs and `aborted` is set.
  std::vector<std::pair<KeyWatch*, SlotId>> watches;
  const Session* session = nullptr;  // for the slow log; read only while the client waits
  /// Called on the home shard when all is executed, unless StartRun returned true.
  void (*on_done)(Run& self) = nullptr;

  // Results.
  absl::InlinedVector<ReplyGate, 8> gates;
  bool aborted = false;  // atomic: a watched key had changed; the null array was written
  bool refused = false;  // atomic: the log takes no writes; one error was written
  uint64_t cycles = 0;   // atomic: that it took

  // Progress.
  size_t next = 0;
  size_t prefetched = 0;  // the keys of so many requests are on their way into the cache

  static constexpr size_t kArgsKept = 1024;  // a huge command's memory is given back

  Request& Add() {
    if (count == requests.size()) requests.emplace_back();
    return requests[count++];
  }
  bool Unfinished() const { return next < count; }
  void Clear() {
    for (size_t i = 0; i < count; ++i) {
      if (requests[i].args.capacity() > kArgsKept) Args().swap(requests[i].args);
    }
    count = 0;
    next = 0;
    prefetched = 0;
    gates.clear();
    aborted = false;
    refused = false;
    atomic = false;
    watches.clear();
  }
};

/// Loads what the next requests of these runs, which belong to this shard, will look up. The more
/// keys are loaded at a time, the less each of them waits for the memory.
void PrefetchRuns(const Keyspace& keys, std::span<Run* const> runs);

/// Executes the run on its owner. True: done already. False: on_done will be called.
bool StartRun(Run& run);

/// What a handler did.
struct HandlerOutcome {
  uint64_t cycles = 0;
  bool failed = false;  // its reply is an error, which has been counted
};

/// Runs one local handler against `keys`, on the shard of the running thread; the reply's bytes go
/// to `reply`. The caller counts the command.
HandlerOutcome CallHandler(const Request& request, Keyspace& keys, ReplyWriter& reply,
                           bool no_touch);

/// CallHandler for a whole command, which is counted and timed.
void RunHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, const Session* session,
                bool no_touch);

/// About how many bytes the command may add to the log.
uint64_t LogBytesOf(const Request& request);

}  // namespace flashdb
