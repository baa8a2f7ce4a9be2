// MULTI, EXEC, DISCARD, WATCH, UNWATCH.
#include <algorithm>
#include <memory>
#include <utility>

#include "base/numbers.h"
#include "commands/dispatch.h"
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/multi.h"
#include "commands/multi_shard.h"
#include "commands/observe.h"
#include "commands/run.h"
#include "commands/topic_args.h"
#include "commands/topic_changes.h"
#include "commands/topic_routing.h"
#include "shards/shard.h"
#include "shards/transaction.h"

namespace flashdb {
namespace {

// ---- WATCH -------------------------------------------------------------------------------------

bool AlreadyWatched(const Session& session, std::string_view key) {
  return std::any_of(session.watches.begin(), session.watches.end(),
                     [&](const WatchedKey& w) { return w.db == session.db && w.key == key; });
}

Task<void> Watch(SessionContext& context) {
  Session& session = context.session;
  if (session.in_multi) {
    context.reply.Error("ERR WATCH inside MULTI is not allowed");
    co_return;
  }
  for (size_t i = 1; i < context.args.size(); ++i) {
    if (AlreadyWatched(session, context.args[i])) continue;
    KeyRef key = MakeKey(context.args[i]);
    uint32_t db = session.db;
    ShardId owner = OwnerOf(key.slot, ShardCount());
    auto start = [key, db] {
      Keyspace& keys = Shard::Current().keys();
      auto* watch = new KeyWatch;
      keys.AddWatch(db, key.bytes, watch);
      (void)keys.TakeGate();  // WATCH's reply tells nothing of the key
      return watch;
    };
    KeyWatch* watch = co_await On(owner, start);
    session.watches.push_back(
        {.db = db, .key = std::string(key.bytes), .owner = owner, .state = watch});
  }
  context.reply.Ok();
}

struct WatchEnd {
  uint32_t db;
  std::string key;
  KeyWatch* state;
};

void EndWatchThere(Shard& here, const Envelope& mail) {
  std::unique_ptr<WatchEnd> end(static_cast<WatchEnd*>(mail.object));
  here.keys().RemoveWatch(end->db, end->key, end->state);
  delete end->state;
}

void EndWatches(std::vector<WatchedKey>& watches) {
  for (WatchedKey& watched : watches) {
    auto* end = new WatchEnd{watched.db, std::move(watched.key), watched.state};
    SendMail(watched.owner, {.deliver = &EndWatchThere, .object = end});
  }
  watches.clear();
}

void Unwatch(SessionContext& context) {
  UnwatchAll(context.session);
  context.reply.Ok();
}

// ---- MULTI, DISCARD ----------------------------------------------------------------------------

void Multi(SessionContext& context) {
  if (context.session.in_multi) {
    context.reply.Error("ERR MULTI calls can not be nested");
    return;
  }
  context.session.in_multi = true;
  context.reply.Ok();
}

void Discard(SessionContext& context) {
  if (!context.session.in_multi) {
    context.reply.Error("ERR DISCARD without MULTI");
    return;
  }
  DiscardMulti(context.session);
  context.reply.Ok();
}

// ---- EXEC --------------------------------------------------------------------------------------

// What EXEC works on, taken out of the session.
struct Batch {
  std::vector<QueuedCommand> queue;
  std::vector<WatchedKey> watches;
  std::vector<Request> requests;
  std::vector<std::optional<ShardId>> owners;  // by request; nullopt: none or several
};

bool HasKeys(const Request& request) {
  return request.command->keys.first != 0 || request.command->has(kAllSlots) ||
         request.command->has(kTopicData) || request.command->kind == CommandKind::kWalk;
}

std::optional<ShardId> OwnerOfRequest(Request& request) {
  return FindOwner(request) ? std::optional<ShardId>(request.owner) : std::nullopt;
}

Batch TakeBatch(Session& session) {
  Batch batch;
  batch.queue.swap(session.queue);
  batch.watches.swap(session.watches);
  session.in_multi = false;
  session.queue_bytes = 0;
  uint32_t db = session.db;
  for (const QueuedCommand& queued : batch.queue) {
    Request request{.command = queued.command, .args = {}, .db = db};
    for (size_t i = 0; i < queued.extents.size(); ++i) request.args.push_back(queued.arg(i));
    batch.owners.push_back(OwnerOfRequest(request));
    if (queued.command->name == "select") {
      if (auto index = ParseInt64(request.args[1]);
          index && *index >= 0 && *index < static_cast<int64_t>(kDatabaseCount)) {
        db = static_cast<uint32_t>(*index);
      }
    }
    batch.requests.push_back(std::move(request));
  }
  return batch;
}

bool IsPlain(const Request& request, const std::optional<ShardId>& owner) {
  return owner.has_value() && (request.command->kind == CommandKind::kLocal ||
                               request.command->kind == CommandKind::kSpread);
}

// The one shard where all of it can run in one go, if there is one.
std::optional<ShardId> OnlyShard(const Batch& batch) {
  std::optional<ShardId> only;
  for (size_t i = 0; i < batch.requests.size(); ++i) {
    if (!IsPlain(batch.requests[i], batch.owners[i])) return std::nullopt;
    if (only.has_value() && only != batch.owners[i]) return std::nullopt;
    only = batch.owners[i];
  }
  for (const WatchedKey& watched : batch.watches) {
    if (only.has_value() && *only != watched.owner) return std::nullopt;
  }
  return only;
}

struct AtomicRun : Run {
  OneShotEvent done;
};

Task<void> ExecuteOnOne(SessionContext& context, Batch& batch, ShardId owner) {
  AtomicRun run;
  run.requests = std::move(batch.requests);
  run.count = run.requests.size();
  run.out = &run.buffer;
  run.other = owner;
  run.protocol = context.session.protocol;
  run.no_touch = context.session.no_touch;
  run.session = &context.session;
  run.atomic = true;
  run.on_done = [](Run& self) { static_cast<AtomicRun&>(self).done.Set(); };
  for (const WatchedKey& watched : batch.watches) {
    run.watches.push_back({watched.state, SlotOf(watched.key)});
  }
  const bool elsewhere = owner != CurrentShardId();
  const bool at_once = StartRun(run);
  if (!at_once) {
    context.meter.Stop();
    co_await run.done;
    context.meter.Start();
  }
  if (elsewhere || !at_once) context.meter.Add(run.cycles);
  context.rejected = run.refused;
  if (!run.aborted && !run.refused) context.reply.Array(run.count);
  context.reply.out().append(run.buffer);
  for (const ReplyGate& gate : run.gates) context.gates->push_back({gate.shard, gate.lsn});
}

// ---- EXEC over several shards ------------------------------------------------------------------

class WideExec {
 public:
  WideExec(SessionContext& context, Batch& batch)
      : context_(context),
        batch_(batch),
        publishes_(Publishes(batch)),
        transaction_(Writes()),
        replies_(batch.requests.size()) {}

  Task<void> Execute() {
    if (Status dealt = DealBatches(); !dealt.ok()) {
      context_.rejected = true;
      co_return context_.reply.Error(ErrorLineOf(dealt));
    }
    for (const Request& request : batch_.requests) AddKeys(transaction_, request);
    for (const WatchedKey& watched : batch_.watches) transaction_.AddSlot(SlotOf(watched.key));
    std::optional<std::string> refusal = co_await transaction_.Lock(LogBytes());
    if (refusal.has_value()) {
      context_.rejected = true;
      context_.reply.Error(*refusal);
    } else {
      bool unchanged = co_await WatchesHold();
      if (!unchanged) {
        context_.reply.NullArray();
      } else if (Status possible = co_await TopicsAgree(); !possible.ok()) {
        context_.rejected = true;
        context_.reply.Error(ErrorLineOf(possible));
      } else {
        co_await ExecuteQueue();
      }
    }
    co_await transaction_.Finish();
    context_.meter.Start();
    TakeGates();
  }

 private:
  static bool Publishes(const Batch& batch) {
    return std::any_of(batch.requests.begin(), batch.requests.end(), [](const Request& request) {
      return request.command->name == "publish" || request.command->name == "spublish";
    });
  }

  void TakeGates() {
    if (std::exchange(gates_taken_, true)) return;
    const std::vector<Gate>& gates = transaction_.gates();
    context_.gates->insert(context_.gates->end(), gates.begin(), gates.end());
  }

  bool Writes() const {
    return std::any_of(batch_.requests.begin(), batch_.requests.end(),
                       [](const Request& request) { return request.command->has(kWrite); });
  }

  uint64_t LogBytes() const {
    uint64_t bytes = 0;
    for (const Request& request : batch_.requests) bytes += LogBytesOf(request);
    return bytes;
  }

  Task<bool> WatchesHold() {
    std::vector<ShardId> owners;
    for (const WatchedKey& watched : batch_.watches) owners.push_back(watched.owner);
    std::sort(owners.begin(), owners.end());
    owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
    auto check = [this](ShardId shard, Keyspace& keys) -> int {
      for (const WatchedKey& watched : batch_.watches) {
        if (watched.owner != shard) continue;
        keys.NoteSlot(SlotOf(watched.key));
        if (watched.state->Tripped(keys.now())) return 0;
      }
      return 1;
    };
    std::vector<int> held = co_await transaction_.AtEach(owners, check);
    co_return std::find(held.begin(), held.end(), 0) == held.end();
  }

  // The partitions of a batch are chosen once: they are locked, and a topic may get more meanwhile.
  Status DealBatches() {
    dealt_.resize(batch_.requests.size());
    for (size_t i = 0; i < batch_.requests.size(); ++i) {
      const Request& request = batch_.requests[i];
      if (!request.command->has(kTopicData) || request.routed) continue;
      FLASHDB_ASSIGN_OR_RETURN(dealt_[i], DealBatch(request));
      for (SlotId slot : dealt_[i]->plan.slots()) transaction_.AddSlot(slot);
    }
    return OkStatus();
  }

  std::vector<ShardId> OwnersOfTopics() const {
    std::vector<ShardId> owners;
    for (size_t i = 0; i < batch_.requests.size(); ++i) {
      if (batch_.requests[i].routed) owners.push_back(batch_.requests[i].owner);
      if (dealt_[i] == nullptr) continue;
      for (ShardId owner : dealt_[i]->plan.Owners()) owners.push_back(owner);
    }
    std::sort(owners.begin(), owners.end());
    owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
    return owners;
  }

  // What is refused of appends and commits is known before anything is executed. The status is that
  // of the first one, in the client's order.
  Task<Status> TopicsAgree() {
    const std::vector<ShardId> owners = OwnersOfTopics();
    if (owners.empty()) co_return OkStatus();
    auto rehearse = [this](ShardId, Keyspace&) { return RehearseTopics(batch_.requests, dealt_); };
    std::vector<std::optional<TopicRefusal>> refusals =
        co_await transaction_.AtEach(owners, rehearse);
    std::optional<TopicRefusal> first;
    for (std::optional<TopicRefusal>& refusal : refusals) {
      if (refusal && (!first || refusal->request < first->request)) first = std::move(refusal);
    }
    co_return first ? first->status : OkStatus();
  }

  Task<void> ExecuteQueue() {
    for (size_t i = 0; i < batch_.requests.size(); ++i) {
      if (IsPlain(batch_.requests[i], batch_.owners[i])) {
        AddToStep(i);
        continue;
      }
      co_await RunStep();
      co_await ExecuteApart(i);
    }
    co_await RunStep();
    if (publishes_) co_await ExecuteAfterCommit();
    context_.reply.Array(replies_.size());
    for (const std::string& reply : replies_) context_.reply.out().append(reply);
  }

  // A step: plain commands that run at the same time, each shard's in order. The locks make their
  // order across shards invisible.
  void AddToStep(size_t index) {
    ShardId owner = *batch_.owners[index];
    if (std::find(step_shards_.begin(), step_shards_.end(), owner) == step_shards_.end()) {
      step_shards_.push_back(owner);
    }
    step_.push_back(index);
  }

  Task<void> RunStep() {
    if (step_.empty()) co_return;
    auto run = [this](ShardId shard, Keyspace& keys) {
      const uint64_t begin = CycleCount();
      LapTimer timer;
      for (size_t index : step_) {
        if (*batch_.owners[index] != shard) continue;
        ReplyWriter reply(replies_[index], context_.session.protocol);
        RunHandler(batch_.requests[index], keys, reply, nullptr, context_.session.no_touch, timer);
      }
      return CycleCount() - begin;
    };
    context_.meter.Stop();
    std::vector<uint64_t> cycles = co_await transaction_.AtEach(step_shards_, run);
    for (uint64_t part : cycles) context_.meter.Add(part);
    step_.clear();
    step_shards_.clear();
  }

  Task<void> ExecuteApart(size_t index) {
    const Request& request = batch_.requests[index];
    std::string& out = replies_[index];
    if (dealt_[index] != nullptr) {
      co_return co_await AppendBatchInside(transaction_, dealt_[index]->plan,
                                           context_.session.protocol, out);
    }
    if (HasKeys(request)) {
      co_await ExecuteInside(transaction_, request, context_.session.protocol,
                             context_.session.no_touch, out);
      co_return;
    }
    if (publishes_) {
      after_commit_.push_back(index);
    } else {
      co_await ExecuteOnSession(request, out);
    }
  }

  // A message must not be seen before the changes that it may tell of, so it needs their gates; and
  // messages of several EXECs come in the order of those, so it is published under the locks. The
  // commands without keys keep their order among themselves.
  Task<void> ExecuteAfterCommit() {
    co_await transaction_.Commit();
    TakeGates();
    for (size_t index : after_commit_) {
      co_await ExecuteOnSession(batch_.requests[index], replies_[index]);
    }
  }

  Task<void> ExecuteOnSession(const Request& request, std::string& out) {
    ReplyWriter reply(out, context_.session.protocol);
    SessionContext inner{.args = request.args,
                         .session = context_.session,
                         .engine = context_.engine,
                         .reply = reply,
                         .gates = context_.gates};
    context_.meter.Stop();
    co_await RunMetered(*request.command, inner);
    context_.meter.Add(inner.meter.cycles());
    bool failed = out.starts_with('-');
    if (failed) CountError(context_.engine, std::string_view(out).substr(1));
    ObserveCommand(context_.engine, *request.command, request.args, &context_.session,
                   inner.meter.cycles(), failed);
  }

  SessionContext& context_;
  Batch& batch_;
  const bool publishes_;
  bool gates_taken_ = false;
  Transaction transaction_;
  std::vector<std::unique_ptr<DealtBatch>> dealt_;  // by request; null: it is none for several
  std::vector<std::string> replies_;
  std::vector<size_t> step_;
  std::vector<ShardId> step_shards_;
  std::vector<size_t> after_commit_;  // commands without keys, if there are messages among them
};

// Topics (and groups) that the first use creates are there before the transaction begins. If one
// cannot be, nothing is executed.
Task<Status> PrepareTopics(SessionContext& context, Batch& batch) {
  for (size_t i = 0; i < batch.requests.size(); ++i) {
    Request& request = batch.requests[i];
    if (!request.command->has(kTopicData) || request.routed) continue;
    Status prepared = co_await PrepareTopicCommand(request, *context.gates);
    if (!prepared.ok()) co_return prepared;
    batch.owners[i] = OwnerOfRequest(request);
  }
  co_return OkStatus();
}

Task<void> ExecuteBatch(SessionContext& context, Batch& batch) {
  Status prepared = co_await PrepareTopics(context, batch);
  if (!prepared.ok()) {
    context.rejected = true;
    context.reply.Error(ErrorLineOf(prepared));
    co_return;
  }
  std::optional<ShardId> only = OnlyShard(batch);
  if (only.has_value()) {
    co_await ExecuteOnOne(context, batch, *only);
  } else {
    WideExec wide(context, batch);
    co_await wide.Execute();
  }
}

Task<void> Exec(SessionContext& context) {
  Session& session = context.session;
  if (!session.in_multi) {
    context.reply.Error("ERR EXEC without MULTI");
    co_return;
  }
  if (session.multi_failed) {
    DiscardMulti(session);
    context.reply.Error("EXECABORT Transaction discarded because of previous errors.");
    co_return;
  }
  Batch batch = TakeBatch(session);
  co_await ExecuteBatch(context, batch);
  EndWatches(batch.watches);
}

constexpr Command kCommands[] = {
    OnSession("multi", 1, kNoScript | kLoading | kStale | kFast | kBypassMulti, &Multi,
              {"Starts to queue commands for EXEC.", "1.2.0", "transactions", "O(1)"}),
    OnSessionTask("exec", 1, kNoScript | kLoading | kStale | kBypassMulti | kNoSlowLog, &Exec,
                  {"Executes the queued commands as one step: all or nothing.", "1.2.0",
                   "transactions", "That of the queued commands"}),
    OnSession("discard", 1, kNoScript | kLoading | kStale | kFast | kBypassMulti, &Discard,
              {"Forgets the queued commands.", "2.0.0", "transactions",
               "O(N), N being the queued commands"}),
    OnSessionTask("watch", -2, kNoScript | kLoading | kStale | kFast | kBypassMulti, &Watch,
                  {"Makes EXEC fail if one of the keys changes before it.", "2.2.0", "transactions",
                   "O(1) for each key"}),
    OnSession(
        "unwatch", 1, kNoScript | kLoading | kStale | kFast, &Unwatch,
        {"Forgets the watched keys.", "2.2.0", "transactions", "O(N), N being the watched keys"}),
};

}  // namespace

void UnwatchAll(Session& session) { EndWatches(session.watches); }

void DiscardMulti(Session& session) {
  session.in_multi = false;
  session.multi_failed = false;
  session.queue.clear();
  session.queue_bytes = 0;
  UnwatchAll(session);
}

std::span<const Command> TransactionCommands() { return kCommands; }

}  // namespace flashdb
