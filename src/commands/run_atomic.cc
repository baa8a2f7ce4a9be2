#include "commands/run_atomic.h"

#include "base/cycles.h"
#include "commands/run_locks.h"
#include "commands/topic_changes.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

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
  if (auto refusal = bytes == 0 ? std::nullopt : here.RefusesWrite(bytes)) return refusal;
  auto refused = RehearseTopics({run.requests.data(), run.count});
  return refused ? std::optional(ErrorLineOf(refused->status)) : std::nullopt;
}

void ExecuteInOneGo(Shard& here, Run& run) {
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
    LapTimer timer;
    for (; run.next < run.count; ++run.next) {
      RunHandler(run.requests[run.next], here.keys(), reply, run.session, run.no_touch, timer);
    }
    here.CommitEffects();
  }
  if (Lsn gate = here.TakeGateFor(run.home); gate != 0) {
    run.AddGate(start, here.id(), gate);
  }
  run.cycles = CycleCount() - begin;
}

bool Blocked(Shard& here, const Run& run) {
  bool blocked = false;
  for (size_t i = 0; i < run.count; ++i) blocked |= Blocked(here, run.requests[i]);
  // A transaction that holds a watched key may have changed it already, and has no record yet whose
  // LSN the reply could wait for.
  for (const auto& [watch, slot] : run.watches) blocked |= here.locks().Blocks(slot, false);
  return blocked;
}

void Done(Run& run) {
  if (run.home == CurrentShardId()) return run.on_done(run);
  SendMail(run.home, {.deliver =
                          [](Shard&, const Envelope& mail) {
                            auto* done = static_cast<Run*>(mail.object);
                            done->on_done(*done);
                          },
                      .object = &run});
}

void OnLockGranted(LockRequest& lock) {
  auto& run = static_cast<Run&>(lock);
  Shard& here = Shard::Current();
  ExecuteInOneGo(here, run);
  here.locks().Release(run);
  Done(run);
}

// True when it is done, false if it waits for a lock.
bool Execute(Shard& here, Run& run) {
  const bool blocked = Blocked(here, run);
  if (blocked && !QueueForLocks(here, run, 0, run.count, &OnLockGranted)) return false;
  ExecuteInOneGo(here, run);
  if (blocked) here.locks().Release(run);
  return true;
}

}  // namespace

bool StartAtomicRun(Run& run) {
  if (run.other == run.home) return Execute(Shard::Current(), run);
  SendMail(run.other, {.deliver =
                           [](Shard& here, const Envelope& mail) {
                             auto* there = static_cast<Run*>(mail.object);
                             if (Execute(here, *there)) Done(*there);
                           },
                       .object = &run});
  return false;
}

}  // namespace flashdb
