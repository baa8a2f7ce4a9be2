#include "commands/run.h"

#include <algorithm>
#include <array>

#include "commands/engine.h"
#include "commands/observe.h"
#include "commands/run_atomic.h"
#include "commands/run_locks.h"
#include "commands/topic_routing.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

// What is loaded at a time must still be in the first-level cache when it is used.
constexpr size_t kPrefetchBatch = 64;
constexpr size_t kArrivedTogether = 16;
// A reply buffer larger than this gives its memory back.
constexpr size_t kAwayKeep = 64 * 1024;

void Arrive(Shard& here, const Envelope& mail);

void SendRun(ShardId to, Run& run) { SendMail(to, {.deliver = &Arrive, .object = &run}); }

// ---- On either shard ---------------------------------------------------------------------------

using RequestBatch = absl::InlinedVector<const Request*, kPrefetchBatch>;

// Loads for the next requests of a run that is not in view, all at a time.
void PrefetchBatch(Shard& here, Run& run) {
  RequestBatch on_keys, on_topics;
  for (run.prefetched = run.at;
       run.prefetched < run.until && on_keys.size() + on_topics.size() < kPrefetchBatch;
       ++run.prefetched) {
    const Request& request = run.requests[run.prefetched];
    if (request.owner != here.id()) continue;
    (request.command->has(kTopicData) ? on_topics : on_keys).push_back(&request);
  }
  if (on_topics.size() > 1) PrefetchPartitions(on_topics);
  if (on_keys.size() < 2) return;
  here.keys().Prefetch(on_keys.size(), [&](size_t i) {
    return std::pair<uint32_t, const KeyRef&>(on_keys[i]->db, on_keys[i]->key);
  });
}

void ExecuteRequest(Shard& here, Run& run, const Request& request, LapTimer& timer) {
  const bool home = here.id() == run.home;
  std::string& out = home ? *run.out : run.away_out;
  const size_t start = out.size();
  ReplyWriter reply(out, run.protocol);
  std::optional<std::string> refusal;
  if (request.command->has(kWrite)) refusal = here.RefusesWrite(LogBytesOf(request));
  if (refusal.has_value()) [[unlikely]] {
    CountRejection(Engine::Current(), *request.command, *refusal);
    reply.Error(*refusal);
  } else {
    RunHandler(request, here.keys(), reply, run.session, run.no_touch, timer);
    here.CommitEffects();
  }
  Lsn& held = home ? run.held_home : run.held_other;
  const Lsn gate = here.TakeGateFor(run.home, held);
  held = std::max(held, gate);
  if (!home) {
    run.AddAwayReply(gate);
  } else if (gate != 0) {
    run.AddGate(start, here.id(), gate);
  }
}

bool OutputIsFull(const Shard& here, const Run& run) {
  return (here.id() == run.home ? *run.out : run.away_out).size() > run.output_limit;
}

void OnLockGranted(LockRequest& lock);

// Executes what of [at, until) `here` owns, or less if the output is full. False if it waits for a
// lock.
bool ExecuteStretch(Shard& here, Run& run) {
  LapTimer timer;
  while (run.at < run.until) {
    const Request& request = run.requests[run.at];
    if (request.owner != here.id()) {
      ++run.at;
      continue;
    }
    if (run.at < run.in_view) {
      Engine::Current().lookahead.Pass(here.keys());
    } else if (run.at >= run.prefetched) {
      PrefetchBatch(here, run);
    }
    const bool queued = Blocked(here, request);
    if (queued && !QueueForLocks(here, run, run.at, run.at + 1, &OnLockGranted)) return false;
    ExecuteRequest(here, run, request, timer);
    ++run.at;
    if (queued) here.locks().Release(run);
    if (OutputIsFull(here, run)) [[unlikely]] {
      return true;
    }
  }
  return true;
}

// ---- On the other shard ------------------------------------------------------------------------

void GoHome(Shard& here, Run& run) {
  if (!run.turned_away && OutputIsFull(here, run)) run.leg_end = run.at;
  SendRun(run.home, run);
}

bool AnyBlocked(Shard& here, const Run& run) {
  for (size_t i = run.at; i < run.until; ++i) {
    if (run.requests[i].owner == here.id() && Blocked(here, run.requests[i])) return true;
  }
  return false;
}

void Visit(Shard& here, Run& run) {
  run.turned_away = run.joint && AnyBlocked(here, run);
  if (run.turned_away || ExecuteStretch(here, run)) GoHome(here, run);
}

// ---- At home -----------------------------------------------------------------------------------

// Some batches in a row that were in each other's way are a sign of more: the next ones try it
// less often.
bool MayJoin(JoinLuck& luck) {
  if (luck.pause == 0) return true;
  --luck.pause;
  return false;
}

void NoteJoin(JoinLuck& luck, bool turned_away) {
  constexpr uint32_t kLongestPause = 64;
  if (turned_away) {
    luck.penalty = std::min(luck.penalty * 2 + 1, kLongestPause);
    luck.pause = luck.penalty;
    ++luck.turned_away;
  } else {
    luck.penalty /= 2;
    ++luck.joined;
  }
}

// Chooses the leg that begins at `next`, a request of the other shard.
void PlanLeg(Shard& here, Run& run) {
  size_t end = run.next;
  while (end < run.count && run.requests[end].owner == run.other) ++end;
  run.leg_end = end;
  run.joint = false;
  size_t joint_end = run.count;
  while (run.requests[joint_end - 1].owner != run.other) --joint_end;
  if (joint_end == end || !MayJoin(Engine::Current().join_luck)) return;
  run.joint = HoldSlots(here, run, end, joint_end);
  if (run.joint) {
    run.leg_end = joint_end;
  } else {
    NoteJoin(Engine::Current().join_luck, true);
  }
}

void Leave(Shard& here, Run& run) {
  PlanLeg(here, run);
  run.away_out.clear();
  run.away_replies.clear();
  run.away = true;
  run.on_pause(run);
  SendRun(run.other, run);
}

// Goes on where nothing of the run is under way; true when all is executed.
bool GoOn(Shard& here, Run& run) {
  while (run.next < run.count && !OutputIsFull(here, run)) {
    BeginStretch(here.id(), run);
    if (run.at == run.until) {
      Leave(here, run);
      return false;
    }
    if (!ExecuteStretch(here, run)) {
      run.on_pause(run);
      return false;
    }
    run.next = run.at;
  }
  return true;
}

// Puts the replies in order, and executes home's part of a joint leg at its places among them.
void EndLeg(Shard& here, Run& run) {
  size_t begin = 0;
  auto reply = run.away_replies.begin();
  LapTimer timer;
  for (; run.next < run.leg_end; ++run.next) {
    const Request& request = run.requests[run.next];
    if (request.owner == here.id()) {
      if (run.next < run.in_view) Engine::Current().lookahead.Pass(here.keys());
      ExecuteRequest(here, run, request, timer);
      continue;
    }
    if (reply->lsn != 0) run.AddGate(run.out->size(), run.other, reply->lsn);
    run.out->append(run.away_out, begin, reply->end - begin);
    begin = (reply++)->end;
  }
  if (run.away_out.capacity() > kAwayKeep) std::string().swap(run.away_out);
}

void Return(Shard& here, Run& run) {
  run.away = false;
  run.on_resume(run);
  if (!run.turned_away) EndLeg(here, run);
  if (run.joint) {
    NoteJoin(Engine::Current().join_luck, run.turned_away);
    here.locks().ReleaseHolds(run.holds);
  }
  if (GoOn(here, run)) run.on_done(run);
}

void OnLockGranted(LockRequest& lock) {
  auto& run = static_cast<Run&>(lock);
  Shard& here = Shard::Current();
  const bool home = here.id() == run.home;
  if (home) run.on_resume(run);
  LapTimer timer;
  ExecuteRequest(here, run, run.requests[run.at++], timer);
  here.locks().Release(run);
  if (home) {
    run.next = run.at;
    if (GoOn(here, run)) run.on_done(run);
  } else if (OutputIsFull(here, run) || ExecuteStretch(here, run)) {
    GoHome(here, run);
  }
}

// ---- Arrivals, on either shard -----------------------------------------------------------------

// Those of one delivery of mail go on together, so that the keys of all are loaded at once.
void GoOnTogether(Shard& here, std::span<Run* const> runs) {
  for (Run* run : runs) {
    run->prefetched = run->at = run->next;
    run->until = run->leg_end;
  }
  LookAhead(here, runs);
  for (Run* run : runs) {
    if (here.id() == run->home) {
      Return(here, *run);
    } else {
      Visit(here, *run);
    }
  }
}

void ExecuteArrived(Shard& here, const Envelope&) {
  std::vector<Run*>& arrived = Engine::Current().arrived_runs;
  for (size_t i = 0; i < arrived.size(); i += kArrivedTogether) {
    GoOnTogether(here,
                 std::span(arrived).subspan(i, std::min(kArrivedTogether, arrived.size() - i)));
  }
  arrived.clear();
}

void Arrive(Shard& here, const Envelope& mail) {
  std::vector<Run*>& arrived = Engine::Current().arrived_runs;
  // Mail to oneself is delivered last.
  if (arrived.empty()) SendMail(here.id(), {.deliver = &ExecuteArrived});
  arrived.push_back(static_cast<Run*>(mail.object));
}

}  // namespace

void BeginStretch(ShardId here, Run& run) {
  run.at = run.until = run.next;
  while (run.until < run.count && run.requests[run.until].owner == here) ++run.until;
}

void LookAhead(Shard& here, std::span<Run* const> runs) {
  KeyLookahead& lookahead = Engine::Current().lookahead;
  RequestBatch on_topics;
  lookahead.Clear();
  for (Run* run : runs) {
    for (run->in_view = run->at;
         run->in_view < run->until && !lookahead.full() && on_topics.size() < kPrefetchBatch;
         ++run->in_view) {
      const Request& request = run->requests[run->in_view];
      if (request.owner != here.id()) continue;
      if (request.command->has(kTopicData)) {
        on_topics.push_back(&request);
      } else {
        lookahead.Add(request.db, request.key);
      }
    }
  }
  if (!on_topics.empty()) PrefetchPartitions(on_topics);
  lookahead.Begin(here.keys());
}

bool StartRun(Run& run) {
  Shard& here = Shard::Current();
  run.home = here.id();
  if (run.atomic) return StartAtomicRun(run);
  return GoOn(here, run);
}

bool CallHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, bool no_touch) {
  Engine& engine = Engine::Current();
  size_t start = reply.out().size();
  CommandContext context{.args = request.args,
                         .db = request.db,
                         .key = request.key,
                         .keys = keys,
                         .random = engine.random,
                         .reply = reply,
                         .max_string_bytes = engine.max_string_bytes,
                         .no_touch = no_touch,
                         .partition = request.partition};
  keys.set_no_touch(no_touch);
  request.command->local(context);
  keys.set_no_touch(false);
  bool failed = reply.out().size() > start && reply.out()[start] == '-';
  if (failed) CountError(engine, std::string_view(reply.out()).substr(start + 1));
  return failed;
}

void RunHandler(const Request& request, Keyspace& keys, ReplyWriter& reply, const Session* session,
                bool no_touch, LapTimer& timer) {
  bool failed = CallHandler(request, keys, reply, no_touch);
  ObserveCommand(Engine::Current(), *request.command, request.args, session, timer.Lap(), failed);
}

uint64_t LogBytesOf(const Request& request) {
  uint64_t bytes = 64;
  for (std::string_view arg : request.args) bytes += arg.size() + 16;
  return bytes;
}

}  // namespace flashdb
