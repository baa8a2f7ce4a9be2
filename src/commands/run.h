// A run: consecutive commands of one client that belong to its home shard and to one other shard,
// which is visited with as few messages as order allows: one there, one back (a *leg*). It is the
// unit that crosses between cores.
//
// A client's commands take effect in the order it sent them. So when a leg has commands of home
// between those of the other shard, home holds their slots (LockTable::TryHold) while the run is
// away, the other shard executes its part in one go, and home executes the rest when the run is
// back: nobody can have seen a state in between, all of it happens at one instant. If something is
// in the way, here or there, the leg shrinks to consecutive commands of the other shard, which
// need no holds and may wait there.
#pragma once

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cycles.h"
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
  ShardId owner = 0;       // of all its keys
  uint32_t partition = 0;  // kTopicData: of the topic
  bool routed = false;     // kTopicData: the handler can run on `owner`
};

/// From `start` (an offset into the replies) on, nothing may be sent before `shard` has settled
/// `lsn`.
struct ReplyGate {
  size_t start;
  ShardId shard;
  Lsn lsn;
};

/// Owned by its connection, which reuses it: no allocation per run in the steady state. While it is
/// on another shard it belongs to that one.
struct Run : LockRequest {
  // Set by the connection.
  std::vector<Request> requests;
  size_t count = 0;  // of `requests` that are in use
  std::string* out;  // replies are appended here, in the commands' order
  std::string buffer;
  ShardId home = 0;
  ShardId other = 0;  // the owner of those requests that are not home's
  int protocol = 2;
  bool no_touch = false;
  /// Once `out` has grown beyond this many bytes the run ends early, with next < count: the client
  /// has to read before the rest is executed. Not for atomic runs.
  size_t output_limit = SIZE_MAX;
  bool atomic = false;  // all commands are of `other`, one step and one log record (MULTI/EXEC)
  /// atomic: if one has tripped, nothing runs and `aborted` is set.
  std::vector<std::pair<KeyWatch*, SlotId>> watches;
  const Session* session = nullptr;  // for the slow log; read only while the client waits
  /// All are called on the home shard. If StartRun returns false, on_pause has been called: what is
  /// in `out` and `gates` so far is complete and may be taken. Each time the run goes on, on_resume
  /// is called before (it may set another `out`) and on_pause or, when all is executed, on_done
  /// after. An atomic run only calls on_done.
  void (*on_pause)(Run& self) = [](Run&) {};
  void (*on_resume)(Run& self) = [](Run&) {};
  void (*on_done)(Run& self) = [](Run&) {};

  // Results.
  std::vector<ReplyGate> gates;
  bool aborted = false;  // atomic: a watched key had changed; the null array was written
  bool refused = false;  // atomic: it cannot be done; one error was written
  uint64_t cycles = 0;   // atomic: that it took

  // Progress.
  size_t next = 0;        // all before it are executed
  size_t at = 0;          // what the shard that has the run executes next,
  size_t until = 0;       // and where it stops
  size_t in_view = 0;     // all before it, if they are this shard's, are in its KeyLookahead
  size_t prefetched = 0;  // the keys of all before it are on their way into the cache
  bool away = false;      // on the other shard

  // The leg under way: requests [next, leg_end).
  struct AwayReply {
    size_t end;  // in away_out
    Lsn lsn;     // its gate; 0: none
  };
  size_t leg_end = 0;
  bool joint = false;        // home's slots in between are held
  bool turned_away = false;  // joint: something there was locked, nothing has been executed
  absl::InlinedVector<SlotHold, 16> holds;
  std::string away_out;
  std::vector<AwayReply> away_replies;  // one for each request of the other shard
  // The latest gates of the two shards: what comes behind in `out` waits for them anyway.
  Lsn held_home = 0;
  Lsn held_other = 0;

  static constexpr size_t kArgsKept = 1024;  // a huge command's memory is given back

  /// The next request to be in use, once `count` says so.
  Request& Spare() {
    if (count == requests.size()) requests.emplace_back();
    return requests[count];
  }
  Request& Add() {
    Request& request = Spare();
    ++count;
    return request;
  }
  bool Unfinished() const { return next < count; }
  // These two build their element where it stays: a copy would load what was just stored, in other
  // sizes, and so wait until all stores before have left the processor.
  void AddGate(size_t start, ShardId shard, Lsn lsn) {
    ReplyGate& gate = gates.emplace_back();
    gate.start = start;
    gate.shard = shard;
    gate.lsn = lsn;
  }
  void AddAwayReply(Lsn lsn) {
    AwayReply& reply = away_replies.emplace_back();
    reply.end = away_out.size();
    reply.lsn = lsn;
  }
  void Clear() {
    for (size_t i = 0; i < std::min(count + 1, requests.size()); ++i) {  // the spare one too
      if (requests[i].args.capacity() > kArgsKept) Args().swap(requests[i].args);
    }
    count = 0;
    next = at = until = 0;
    in_view = prefetched = 0;
    held_home = held_other = 0;
    gates.clear();
    aborted = false;
    refused = false;
    atomic = false;
    watches.clear();
  }
};

/// What of the run the shard `here`, which has it, can execute next without leaving.
void BeginStretch(ShardId here, Run& run);
/// These runs are about to be executed here, one after the other: loads what they will look up
/// ahead of them.
void LookAhead(Shard& here, std::span<Run* const> runs);

/// Executes the run. To be called on its home shard. True: done already. False: on_done will be
/// called.
bool StartRun(Run& run);

/// Runs one local handler against `keys`, on the shard of the running thread; the reply's bytes go
/// to `reply`. True if the reply is an error, which has been counted; the caller counts the
/// command.
bool CallHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, bool no_touch);

/// CallHandler for a whole command, which is counted, with what `timer` says when it is done.
void RunHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, const Session* session,
                bool no_touch, LapTimer& timer);

/// About how many bytes the command may add to the log.
uint64_t LogBytesOf(const Request& request);

}  // namespace flashdb
