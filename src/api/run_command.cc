#include "api/run_command.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "base/cycles.h"
#include "commands/dispatch.h"
#include "commands/engine.h"
#include "commands/metered.h"
#include "commands/multi_shard.h"
#include "commands/observe.h"
#include "commands/run.h"
#include "shards/shard.h"

namespace flashdb {
namespace {

constexpr int kProtocol = 3;
constexpr uint64_t kPauseStepMillis = 20;

// Rows whose effect is a state of the connection, or which wait for something on it.
constexpr std::string_view kStateful[] = {
    "asking",          "auth",
    "client|caching",  "client|getname",
    "client|getredir", "client|id",
    "client|info",     "client|no-evict",
    "client|no-touch", "client|reply",
    "client|setinfo",  "client|setname",
    "client|tracking", "client|trackinginfo",
    "discard",         "exec",
    "hello",           "monitor",
    "multi",           "psubscribe",
    "punsubscribe",    "quit",
    "readonly",        "readwrite",
    "reset",           "select",
    "ssubscribe",      "subscribe",
    "sunsubscribe",    "unsubscribe",
    "unwatch",         "wait",
    "waitaof",         "watch",
};

struct AwaitedRun : Run {
  OneShotEvent done;
};

// One command whose keys are all on one shard.
Task<void> RunOnOwner(Session& session, Request request, std::string& out,
                      std::vector<Gate>& gates) {
  AwaitedRun run;
  run.other = request.owner;
  run.Add() = std::move(request);
  run.out = &out;
  run.protocol = kProtocol;
  run.no_touch = session.no_touch;
  run.session = &session;
  run.on_done = [](Run& self) { static_cast<AwaitedRun&>(self).done.Set(); };
  if (!StartRun(run)) co_await run.done;
  for (const ReplyGate& gate : run.gates) gates.push_back({gate.shard, gate.lsn});
}

Task<void> RunOnSession(Engine& engine, Session& session, const Request& request, std::string& out,
                        std::vector<Gate>& gates) {
  const size_t start = out.size();
  ReplyWriter reply(out, kProtocol);
  SessionContext context{
      .args = request.args, .session = session, .engine = engine, .reply = reply, .gates = &gates};
  co_await RunMetered(*request.command, context);
  const std::string_view answer = std::string_view(out).substr(start);
  const bool failed = answer.starts_with('-');
  if (context.rejected) {
    CountRejection(engine, *request.command, answer.substr(1));
    co_return;
  }
  if (failed) CountError(engine, answer.substr(1));
  ObserveCommand(engine, *request.command, context.args, &session, context.meter.cycles(), failed);
}

// CLIENT PAUSE holds it back.
bool Waits(const Engine& engine, const Command& command) {
  if (engine.pause_until <= engine.keys.now()) return false;
  return !engine.pause_writes_only || command.has(kWrite) || command.has(kMayReplicate);
}

void Refuse(Engine& engine, std::string_view line, std::string& out) {
  CountError(engine, line);
  ReplyWriter(out, kProtocol).Error(line);
}

// The row, or nullptr after an error reply.
const Command* Admit(Engine& engine, Session& session, const Args& args, std::string& out) {
  ++session.commands;
  session.last_active_at = engine.keys.now();
  std::string error;
  const Command* named = nullptr;
  const Command* command = ResolveCommand(args, &error, &named);
  if (command == nullptr) {
    if (named != nullptr) ++engine.stats.Of(*named).rejected;
    Refuse(engine, error, out);
    return nullptr;
  }
  session.last_command = command->name;
  if (std::optional<std::string> refusal = Forbids(engine, session, *command)) {
    ++engine.stats.Of(*command).rejected;
    Refuse(engine, *refusal, out);
    return nullptr;
  }
  return command;
}

}  // namespace

Task<void> RunCommand(Engine& engine, Session& session, const Args& args, std::string& out,
                      std::vector<Gate>& gates) {
  const Command* command = Admit(engine, session, args, out);
  if (command == nullptr) co_return;
  while (Waits(engine, *command)) {
    session.postponed = true;
    co_await engine.shard.Sleep(kPauseStepMillis);
  }
  session.postponed = false;
  Request request{.command = command, .args = args, .db = session.db};
  switch (command->kind) {
    case CommandKind::kLocal:
    case CommandKind::kSpread:
      if (FindOwner(request)) {
        co_await RunOnOwner(session, std::move(request), out, gates);
      } else {
        co_await ExecuteAlone(request, kProtocol, session.no_touch, out, gates);
      }
      break;
    case CommandKind::kSession:
    case CommandKind::kSessionTask:
      co_await RunOnSession(engine, session, request, out, gates);
      break;
    default:
      co_await ExecuteAlone(request, kProtocol, session.no_touch, out, gates);
  }
}

std::optional<std::string> RefusesTopicCommand(std::string_view subcommand, Engine& engine,
                                               Session& session) {
  const Command* command = FindSubcommand("topic", subcommand);
  FLASHDB_CHECK(command != nullptr, "there is no TOPIC {}", subcommand);
  std::optional<std::string> refusal = Forbids(engine, session, *command);
  if (refusal.has_value()) {
    ++engine.stats.Of(*command).rejected;
    CountError(engine, *refusal);
  }
  return refusal;
}

std::string RefusesStateless(const Args& args) {
  std::string ignored;
  const Command* command = ResolveCommand(args, &ignored);
  if (command == nullptr) command = FindCommand(args[0]);
  if (command == nullptr) return {};
  if (std::find(std::begin(kStateful), std::end(kStateful), command->name) == std::end(kStateful)) {
    return {};
  }
  return fmt::format("{} is about the connection, which an HTTP request does not have", args[0]);
}

}  // namespace flashdb
