// Connection: from parsed bytes to executed commands.
#include "base/cycles.h"
#include "commands/dispatch.h"
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/multi.h"
#include "commands/multi_shard.h"
#include "commands/observe.h"
#include "server/connection.h"
#include "server/shard_server.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr size_t kCommandsPerRun = 128;
constexpr size_t kStepsPerTurn = 64;

bool PointsInto(std::string_view buffer, std::string_view part) {
  return part.data() >= buffer.data() && part.data() + part.size() <= buffer.data() + buffer.size();
}

// What CLIENT PAUSE WRITE holds back.
bool MayWrite(const Command& command, const Session& session) {
  if (command.has(kWrite) || command.has(kMayReplicate)) return true;
  return command.name == "exec" &&
         std::any_of(session.queue.begin(), session.queue.end(), [](const QueuedCommand& queued) {
           return queued.command->has(kWrite) || queued.command->has(kMayReplicate);
         });
}

// Whether the command's replies are pushes, as a subscription's confirmations: the client gets them
// whatever it said with CLIENT REPLY.
bool RepliesArePushes(const Command& command) {
  return command.has(kPubSub) && command.has(kInSubscribe);
}

}  // namespace

bool Connection::Work(uint64_t until_nanos) {
  bool more = WorkForAWhile(until_nanos);
  if (run_ != nullptr && !busy_ && !run_->Unfinished()) server_.ReturnRun(std::move(run_));
  return more;
}

Run* Connection::Prepare() {
  if (Holds()) return nullptr;
  if (!RunUnfinished()) FillRun();
  BeginStretch(server_.shard().id(), *run_);
  return run_->at < run_->until ? run_.get() : nullptr;
}

bool Connection::WorkForAWhile(uint64_t until_nanos) {
  if (closing_) return false;
  for (size_t steps = 0; steps < kStepsPerTurn; ++steps) {
    if (Holds()) return false;
    if (steps > 0 && TurnIsOver(until_nanos)) return true;
    if (Step()) continue;
    if (next_ != Next::kNone) return false;  // CLIENT PAUSE holds it back
    if (TidyInput()) continue;
    ReceiveMore();
    if (end_of_input_) Close(true);
    return false;
  }
  return true;
}

// Executes the next run or command; false if no whole command is there (or must wait).
bool Connection::Step() {
  if (!RunUnfinished()) FillRun();
  if (run_->Unfinished()) {
    ExecuteRun();
    return true;
  }
  switch (next_) {
    case Next::kNone:
    case Next::kRun:
      return false;
    case Next::kSession:
      if (WaitsForUnpause(*next_request_.command)) return false;
      ExecuteSession();
      return true;
    case Next::kSlow:
      return StartSlow();
    case Next::kError:
      next_ = Next::kNone;
      ReplyError(next_error_);
      return true;
  }
  return false;
}

// Gathers consecutive commands of home and one other shard; the first that does not fit stays in
// next_request_.
void Connection::FillRun() {
  if (run_ == nullptr) run_ = server_.BorrowRun();
  run_->Clear();
  const ShardId home = server_.shard().id();
  run_->other = home;
  // CLIENT REPLY SKIP silences one command, and a run is silenced as a whole.
  size_t most = session_.reply_mode == ReplyMode::kSkipThis ? 1 : kCommandsPerRun;
  while (run_->count < most) {
    Request& request = run_->Spare();
    if (next_ != Next::kNone) {
      std::swap(request, next_request_);
    } else if (!ParseNext(request)) {
      return;
    }
    if (!FitsRun(request)) return std::swap(request, next_request_);
    if (request.owner != home) run_->other = request.owner;
    next_ = Next::kNone;
    ++run_->count;
    // Words of a quoted inline command live in the parser, until it parses again.
    for (std::string_view arg : request.args) {
      if (!PointsInto(in_, arg)) return;
    }
  }
}

bool Connection::FitsRun(const Request& request) {
  if (next_ != Next::kRun) return false;
  const ShardId home = server_.shard().id();
  const bool together =
      request.owner == home || request.owner == run_->other || run_->other == home;
  return together && !WaitsForUnpause(*request.command);
}

bool Connection::ParseNext(Request& request) {
  if (in_at_ == in_.size()) return false;
  RequestLimits limits = server_.limits().request;
  limits.authenticated = session_.authenticated;
  size_t consumed = 0;
  ParseResult result =
      parser_.Parse(std::string_view(in_).substr(in_at_), limits, &request.args, &consumed);
  in_at_ += consumed;
  if (result == ParseResult::kNeedMore) return false;
  if (result == ParseResult::kError) {
    next_ = Next::kError;
    next_error_ = "ERR " + parser_.error();
    in_at_ = in_.size();
    end_of_input_ = true;
    return true;
  }
  next_ = Classify(request);
  return true;
}

Connection::Next Connection::Classify(Request& request) {
  ++session_.commands;
  session_.last_active_at = server_.shard().keys().now();
  request.db = session_.db;
  const Command* named = nullptr;
  const Command* command = ResolveCommand(request.args, &next_error_, &named);
  if (command == nullptr) {
    if (named != nullptr) ++server_.engine().stats.Of(*named).rejected;
    if (session_.in_multi) session_.multi_failed = true;
    return Next::kError;
  }
  request.command = command;
  session_.last_command = command->name;
  if (auto refusal = Forbids(server_.engine(), session_, *command)) {
    if (session_.in_multi) session_.multi_failed = true;
    next_error_ = *refusal;
    ++server_.engine().stats.Of(*command).rejected;
    return Next::kError;
  }
  if (session_.in_multi && !command->has(kBypassMulti)) return Next::kSession;
  switch (command->kind) {
    case CommandKind::kLocal:
    case CommandKind::kSpread:
      return FindOwner(request) ? Next::kRun : Next::kSlow;
    case CommandKind::kSession:
      return Next::kSession;
    default:
      return Next::kSlow;
  }
}

bool Connection::WaitsForUnpause(const Command& command) {
  const Engine& engine = server_.engine();
  if (engine.pause_until == 0) [[likely]] {
    session_.postponed = false;
    return false;
  }
  session_.postponed = engine.pause_until > server_.shard().keys().now() &&
                       (!engine.pause_writes_only || MayWrite(command, session_));
  if (session_.postponed) server_.RetryLater(*this);
  return session_.postponed;
}

// ---- Runs --------------------------------------------------------------------------------------

void Connection::ExecuteRun() {
  run_->protocol = session_.protocol;
  run_->no_touch = session_.no_touch;
  run_->session = &session_;
  run_->output_limit = kOutputHigh;
  run_->on_pause = [](Run& self) { ConnectionOf(self).EndOutput(); };
  run_->on_resume = [](Run& self) { ConnectionOf(self).BeginOutput(); };
  run_->on_done = [](Run& self) {
    Connection& connection = ConnectionOf(self);
    connection.FinishRun();
    connection.Resume();
  };
  busy_ = true;
  BeginOutput();
  if (StartRun(*run_)) {
    FinishRun();
    busy_ = false;
  }
}

Connection& Connection::ConnectionOf(const Run& run) {
  return *static_cast<Connection*>(run.session->link);
}

// From here to EndOutput() nothing is sent, so places in out_ stay what they are.
void Connection::BeginOutput() {
  run_->gates.clear();
  run_->buffer.clear();
  const bool dropped = closing_ || cut_short_ || session_.reply_mode != ReplyMode::kOn;
  run_->out = dropped ? &run_->buffer : &out_;
}

void Connection::EndOutput() {
  if (closing_ || cut_short_) return;
  for (const ReplyGate& gate : run_->gates) {
    if (run_->out == &out_) {
      AddGate(out_start_ + gate.start, gate.shard, gate.lsn);
    } else {
      NoteLatest(gate.shard, gate.lsn);
    }
  }
  server_.MarkDirty(*this);
  CheckOutputLimit();
}

void Connection::FinishRun() {
  EndOutput();
  if (session_.reply_mode == ReplyMode::kSkipThis) session_.reply_mode = ReplyMode::kOn;
}

// ---- Commands outside of runs ------------------------------------------------------------------

void Connection::ReplyError(std::string_view line) {
  CountError(server_.engine(), line);
  size_t start = out_.size();
  ReplyWriter(out_, session_.protocol).Error(line);
  EndReply(start);
  if (end_of_input_ && in_at_ == in_.size() && line.starts_with("ERR Protocol error")) {
    close_after_output_ = true;
  }
}

// Drops a reply that the client does not want (CLIENT REPLY OFF or SKIP), unless it was `pushed`.
void Connection::EndReply(size_t start, bool pushed) {
  if (session_.reply_mode != ReplyMode::kOn && !pushed) out_.resize(start);
  if (session_.reply_mode == ReplyMode::kSkipNext) {
    session_.reply_mode = ReplyMode::kSkipThis;
  } else if (session_.reply_mode == ReplyMode::kSkipThis) {
    session_.reply_mode = ReplyMode::kOn;
  }
  server_.MarkDirty(*this);
  CheckOutputLimit();
}

void Connection::ExecuteSession() {
  next_ = Next::kNone;
  const Command& command = *next_request_.command;
  size_t start = out_.size();
  ReplyWriter reply(out_, session_.protocol);
  if (session_.in_multi && !command.has(kBypassMulti)) {
    if (command.has(kNoMulti)) {
      constexpr std::string_view kRefusal = "ERR Command not allowed inside a transaction";
      session_.multi_failed = true;
      CountRejection(server_.engine(), command, kRefusal);
      reply.Error(kRefusal);
    } else if (session_.queue_bytes > server_.limits().max_query_bytes) {
      session_.multi_failed = true;
      reply.Error("ERR The queued commands are longer than client-query-buffer-limit");
    } else {
      QueueForExec(session_, command, next_request_.args);
      reply.Simple("QUEUED");
    }
    EndReply(start);
    return;
  }
  SessionContext context{
      .args = next_request_.args, .session = session_, .engine = server_.engine(), .reply = reply};
  uint64_t begin = CycleCount();
  busy_ = true;
  command.session(context);
  busy_ = false;
  bool failed = out_.size() > start && out_[start] == '-';
  if (failed) CountError(server_.engine(), std::string_view(out_).substr(start + 1));
  ObserveCommand(server_.engine(), command, context.args, &session_, CycleCount() - begin, failed);
  EndReply(start, RepliesArePushes(command));
}

bool Connection::StartSlow() {
  if (WaitsForUnpause(*next_request_.command)) return false;
  next_ = Next::kNone;
  busy_ = true;
  Detach(ExecuteSlow());
  return true;
}

void Connection::ObserveTask(const SessionContext& context, const Command& command,
                             std::string_view reply) {
  Engine& engine = server_.engine();
  bool failed = reply.starts_with('-');
  if (context.rejected) return CountRejection(engine, command, reply.substr(1));
  if (failed) CountError(engine, reply.substr(1));
  ObserveCommand(engine, command, context.args, &session_, context.meter.cycles(), failed);
}

Task<void> Connection::ExecuteSlow() {
  std::string text;
  std::vector<Gate> gates;
  const Command& command = *next_request_.command;
  if (command.kind == CommandKind::kSessionTask) {
    ReplyWriter reply(text, session_.protocol);
    SessionContext context{.args = next_request_.args,
                           .session = session_,
                           .engine = server_.engine(),
                           .reply = reply,
                           .gates = &gates};
    co_await RunMetered(command, context);
    ObserveTask(context, command, text);
  } else {
    co_await ExecuteAlone(next_request_, session_.protocol, session_.no_touch, text, gates);
  }
  if (!closing_ && !cut_short_) {
    for (const Gate& gate : gates) AddGate(OutputEnd(), gate.shard, gate.lsn);
    size_t start = out_.size();
    if (out_.empty()) {
      out_.swap(text);  // KEYS may have found millions
    } else {
      out_.append(text);
    }
    EndReply(start);
  }
  Resume();
}

}  // namespace flashdb
