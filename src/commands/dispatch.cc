#include "commands/dispatch.h"

#include "base/numbers.h"
#include "commands/engine.h"
#include "commands/topic_routing.h"

namespace flashdb {
namespace {

constexpr size_t kShownBytes = 128;  // of a stranger's words in an error

std::string UnknownCommand(ArgView args) {
  std::string shown;
  for (size_t i = 1; i < args.size() && shown.size() < kShownBytes; ++i) {
    shown += fmt::format("'{}' ", args[i].substr(0, kShownBytes - shown.size()));
  }
  return fmt::format("ERR unknown command '{}', with args beginning with: {}",
                     args[0].substr(0, kShownBytes), shown);
}

bool IsContainer(const Command& command) {
  return command.local == nullptr && command.transaction == nullptr && command.session == nullptr &&
         command.session_task == nullptr;
}

std::string UpperName(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return upper;
}

std::string NotInSubscribeMode(const Command& command) {
  return fmt::format(
      "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
      "allowed in this context",
      command.name);
}

}  // namespace

const Command* ResolveCommand(ArgView args, std::string* error, const Command** named) {
  if (named != nullptr) *named = nullptr;
  const Command* command = FindCommand(args[0]);
  if (command == nullptr) {
    *error = UnknownCommand(args);
    return nullptr;
  }
  if (args.size() >= 2 && IsContainer(*command)) {
    const Command* sub = FindSubcommand(command->name, args[1]);
    if (sub == nullptr) {
      *error = fmt::format("ERR unknown subcommand '{}'. Try {} HELP.",
                           args[1].substr(0, kShownBytes), UpperName(command->name));
      return nullptr;
    }
    command = sub;
  }
  if (!ArityFits(*command, args.size()) || IsContainer(*command)) {
    *error = WrongArity(command->name);
    if (named != nullptr) *named = command;
    return nullptr;
  }
  return command;
}

std::optional<std::string> Forbids(const Engine& engine, const Session& session,
                                   const Command& command) {
  if (!session.authenticated && !command.has(kNoAuth)) [[unlikely]] {
    return "NOAUTH Authentication required.";
  }
  if (session.protocol == 2 && session.subscribed() && !command.has(kInSubscribe)) [[unlikely]] {
    return NotInSubscribeMode(command);
  }
  // What MULTI queues needs memory whatever it is.
  bool needs_memory = command.has(kDenyOom) || (session.in_multi && !command.has(kBypassMulti));
  if (engine.max_memory != 0 && needs_memory &&
      engine.keys.DataBytes() > engine.max_memory / ShardCount()) [[unlikely]] {
    return "OOM command not allowed when used memory > 'maxmemory'.";
  }
  return std::nullopt;
}

void QueueForExec(Session& session, const Command& command, ArgView args) {
  QueuedCommand queued{.command = &command, .bytes = {}, .extents = {}};
  size_t total = 0;
  for (std::string_view arg : args) total += arg.size();
  queued.bytes.reserve(total);
  queued.extents.reserve(args.size());
  for (std::string_view arg : args) {
    queued.extents.emplace_back(static_cast<uint32_t>(queued.bytes.size()),
                                static_cast<uint32_t>(arg.size()));
    queued.bytes.append(arg);
  }
  session.queue_bytes += total;
  session.queue.push_back(std::move(queued));
}

bool FindOwner(Request& request) {
  if (request.command->has(kTopicData)) [[unlikely]] {
    return RouteTopicCommand(request);
  }
  const KeyRange& range = request.command->keys;
  size_t first = static_cast<size_t>(range.first);
  if (range.first == 0 || first >= request.args.size()) return false;
  SetKey(request.key, request.args[first]);
  const ShardId owner = OwnerOf(request.key.slot, ShardCount());
  request.owner = owner;
  request.many_keys = range.last != range.first;
  if (!request.many_keys) return true;
  bool same = true;
  ForEachKey(*request.command, request.args.size(), [&](size_t i) {
    same = same && OwnerOf(SlotOf(request.args[i]), ShardCount()) == owner;
  });
  return same;
}

}  // namespace flashdb
