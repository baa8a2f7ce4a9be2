#include "commands/run.h"

#include <algorithm>
#include <array>

#include "base/cycles.h"
#include "commands/engine.h"
#include "commands/observe.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// Of one run at a time, and of all together: what is loaded must still be in the first-level cache
// when it is used.
constexpr size_t kPrefetchOfRun = 16;
constexpr size_t kPrefetchBatch = 64;

void ResumeRun(LockRequest& lock);
void RunThere(Shard& here, const Envelope& mail);

void BackHome(Run& run) {
  if (run.home == CurrentShardId()) {
    run.on_done(run);
    return;
  }
  SendMail(run.home, {.deliver =
                          [](Shard&, const Envelope& mail) {
                            auto* done = static_cast<Run*>(mail.object);
                            done->on_done(*done);
                          },
                      .object = &run});
}

template <typename F>
void ForEachSlot(const Request& request, F visit) {
  if (!request.many_keys) {
    visit(request.key.slot);
    return;
  }
  ForEachKey(*request.command, request.args.size(),
             [&](size_t i) { visit(SlotOf(request.args[i])); });
}

bool Blocked(Shard& here, const Request& request) {
  if (here.locks().idle()) [[likely]] {
    return false;
  }
  bool blocked = false;
  bool write = request.command->has(kWrite);
  ForEachSlot(request, [&](SlotId slot) { blocked |= here.locks().Blocks(slot, write); });
  return blocked;
}

// Queues the run behind the locks of the requests [run.next, end); true if it may go on at once.
bool QueueForLocks(Shard& here, Run& run, size_t end) {
  run.slots.clear();
  run.all = false;
  run.exclusive = false;
  for (size_t i = run.next; i < end; ++i) {
    ForEachSlot(run.requests[i], [&](SlotId slot) { run.slots.push_back(slot); });
    run.exclusive |= run.requests[i].command->has(kWrite);
  }
  for (const auto& [watch, slot] : run.watches) run.slots.push_back(slot);
  std::sort(run.slots.begin(), run.slots.end());
  run.slots.erase(std::unique(run.slots.begin(), run.slots.end()), run.slots.end());
  run.on_granted = &ResumeRun;
  return here.locks().Acquire(run);
}

void NoteGate(Shard& here, Run& run, size_t start) {
  if (Lsn gate = here.TakeGateFor(run.home); gate != 0) run.gates.push_back({start, gate});
}

void ExecuteRequest(Shard& here, Run& run, const Request& request) {
  size_t start = run.out->size();
  ReplyWriter reply(*run.out, run.protocol);
  if (request.command->has(kWrite)) {
    if (auto refusal = here.RefusesWrite(LogBytesOf(request))) [[unlikely]] {
      CountRejection(Engine::Current(), *request.command, *refusal);
      reply.Error(*refusal);
      return;
    }
  }
  RunHandler(request, here.keys(), reply, run.session, run.no_touch);
  here.CommitEffects();
  NoteGate(here, run, start);
}

// True when the run is done, false if it waits for a lock.
bool ExecuteInOrder(Shard& here, Run& run) {
  while (run.next < run.count) {
    if (run.next >= run.prefetched) {
      Run* self = &run;
      PrefetchRuns(here.keys(), {&self, 1});
    }
    const Request& request = run.requests[run.next];
    bool queued = Blocked(here, request);
    if (queued && !QueueForLocks(here, run, run.next + 1)) return false;
    ExecuteRequest(here, run, request);
    ++run.next;
    if (queued) here.locks().Release(run);
    if (run.out->size() > run.output_limit) [[unlikely]] {
      return true;
    }
  }
  return true;
}

bool WatchesHold(Keyspace& keys, const Run& run) {
  bool hold = true;
  for (const auto& [watch, slot] : run.watches) {
    keys.NoteSlot(slot);  // that EXEC fails, or not, tells something of the key
    hold = hold && !watch->Tripped(keys.now());
  }
  return hold;
}

std::optional<std::string> RefusesRun(Shard& here, const Run& run) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < run.count; ++i) {
    if (run.requests[i].command->has(kWrite)) bytes += LogBytesOf(run.requests[i]);
  }
  return bytes == 0 ? std::nullopt : here.RefusesWrite(bytes);
}

// MULTI/EXEC on one shard: all in one go, one log record.
void ExecuteAtomically(Shard& here, Run& run) {
  uint64_t begin = CycleCount();
  size_t start = run.out->size();
  ReplyWriter reply(*run.out, run.protocol);
  if (!WatchesHold(here.keys(), run)) {
    run.aborted = true;
    reply.NullArray();
  } else if (auto refusal = RefusesRun(here, run)) {
    run.refused = true;
    reply.Error(*refusal);
  } else {
    for (; run.next < run.count; ++run.next) {
      RunHandler(run.requests[run.next], here.keys(), reply, run.session, run.no_touch);
    }
    here.CommitEffects();
  }
  NoteGate(here, run, start);
  run.cycles = CycleCount() - begin;
}

bool ExecuteAll(Shard& here, Run& run) {
  if (!run.atomic) return ExecuteInOrder(here, run);
  bool blocked = false;
  for (size_t i = 0; i < run.count; ++i) blocked |= Blocked(here, run.requests[i]);
  // A transaction that holds a watched key may have changed it already, and has no record yet whose
  // LSN the reply could wait for.
  for (const auto& [watch, slot] : run.watches) blocked |= here.locks().Blocks(slot, false);
  if (blocked && !QueueForLocks(here, run, run.count)) return false;
  ExecuteAtomically(here, run);
  if (blocked) here.locks().Release(run);
  return true;
}

void ResumeRun(LockRequest& lock) {
  auto& run = static_cast<Run&>(lock);
  Shard& here = Shard::Current();
  bool done = true;
  if (run.atomic) {
    ExecuteAtomically(here, run);
    here.locks().Release(run);
  } else {
    ExecuteRequest(here, run, run.requests[run.next++]);
    here.locks().Release(run);
    done = run.out->size() > run.output_limit || ExecuteInOrder(here, run);
  }
  if (done) BackHome(run);
}

void RunThere(Shard& here, const Envelope& mail) {
  auto* run = static_cast<Run*>(mail.object);
  if (ExecuteAll(here, *run)) BackHome(*run);
}

}  // namespace

void PrefetchRuns(const Keyspace& keys, std::span<Run* const> runs) {
  std::array<const Request*, kPrefetchBatch> batch;
  size_t count = 0;
  for (Run* run : runs) {
    size_t end =
        std::min({run->count, run->next + kPrefetchOfRun, run->next + batch.size() - count});
    for (run->prefetched = run->next; run->prefetched < end; ++run->prefetched) {
      batch[count++] = &run->requests[run->prefetched];
    }
  }
  if (count < 2) return;
  keys.Prefetch(count, [&](size_t i) {
    return std::pair<uint32_t, const KeyRef&>(batch[i]->db, batch[i]->key);
  });
}

bool StartRun(Run& run) {
  Shard& here = Shard::Current();
  run.home = here.id();
  if (run.owner == here.id()) {
    return ExecuteAll(here, run);
  }
  SendMail(run.owner, {.deliver = &RunThere, .object = &run});
  return false;
}

HandlerOutcome CallHandler(const Request& request, Keyspace& keys, ReplyWriter& reply,
                           bool no_touch) {
  Engine& engine = Engine::Current();
  size_t start = reply.out().size();
  uint64_t begin = CycleCount();
  CommandContext context{.args = request.args,
                         .db = request.db,
                         .key = request.key,
                         .keys = keys,
                         .random = engine.random,
                         .reply = reply,
                         .max_string_bytes = engine.max_string_bytes,
                         .no_touch = no_touch};
  keys.set_no_touch(no_touch);
  request.command->local(context);
  keys.set_no_touch(false);
  bool failed = reply.out().size() > start && reply.out()[start] == '-';
  if (failed) CountError(engine, std::string_view(reply.out()).substr(start + 1));
  return {CycleCount() - begin, failed};
}

void RunHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, const Session* session,
                bool no_touch) {
  HandlerOutcome outcome = CallHandler(request, keys, reply, no_touch);
  ObserveCommand(Engine::Current(), *request.command, request.args, session, outcome.cycles,
                 outcome.failed);
}

uint64_t LogBytesOf(const Request& request) {
  uint64_t bytes = 64;
  for (std::string_view arg : request.args) bytes += arg.size() + 16;
  return bytes;
}

}  // namespace flashdb
