// What a command is: one row of the table, and what its handler sees.
//
// Kinds of handler:
//   local        all keys are in one shard: a plain function, runs there, cannot wait
//   spread       keys may be in several shards: the command is cut into one smaller command of the
//                same name per shard (its keys with the arguments that belong to them), each run by
//                the local handler while all keys are locked, and the replies are merged
//   transaction  a coroutine on the client's shard that visits shards while its keys are locked
//   walk         a coroutine on the client's shard that visits shards and locks nothing
//   session      no keys: a plain function on the client's shard
//   session_task no keys: a coroutine on the client's shard
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "commands/work_meter.h"
#include "resp/reply_writer.h"
#include "shards/commit_queue.h"
#include "shards/keyspace.h"
#include "shards/remote.h"
#include "shards/task.h"
#include "shards/transaction.h"

namespace flashdb {

struct Engine;
struct Session;

using ArgView = std::span<const std::string_view>;

/// What a local handler sees. `keys` belongs to the shard it runs on and owns all of its keys.
struct CommandContext {
  ArgView args;  // args[0] is the name as the client wrote it
  uint32_t db;
  KeyRef key;  // the first key, already hashed; meaningless for a command without keys
  Keyspace& keys;
  Random& random;
  ReplyWriter& reply;
  uint64_t max_string_bytes;  // proto-max-bulk-len
  bool no_touch = false;      // CLIENT NO-TOUCH
  uint32_t partition = 0;     // kTopicData: of the topic

  UnixMillis now() const { return keys.now(); }
  Keyspace::Touch touch() const {
    return no_touch ? Keyspace::Touch::kQuiet : Keyspace::Touch::kYes;
  }
};

/// What a transaction or walk coroutine sees; runs on the client's shard.
struct TransactionContext {
  ArgView args;
  uint32_t db;
  Random& random;
  ReplyWriter& reply;
  uint64_t max_string_bytes;
  Transaction& transaction;
  bool no_touch = false;  // CLIENT NO-TOUCH

  Keyspace::Touch touch() const {
    return no_touch ? Keyspace::Touch::kQuiet : Keyspace::Touch::kYes;
  }
  /// How many shards there are for OwnerOf().
  uint32_t shard_count() const { return ShardCount(); }

  /// Runs `function(Keyspace&)` on the shard that owns `slot` (whose keys are locked) and returns
  /// its result: `co_await context.At(slot, fn)`. Effects and gates are collected on the way.
  template <typename F>
  auto At(SlotId slot, F function) {
    return transaction.At(slot, std::move(function));
  }
  /// Runs `function(Keyspace&)` on every shard; a vector of results (default-constructible).
  template <typename F>
  auto AtAll(F function) {
    return transaction.AtAll(std::move(function));
  }
  /// Runs `function(ShardId, Keyspace&)` on each of `shards` at the same time; a vector of results
  /// (default-constructible), in their order.
  template <typename F>
  auto AtEach(std::vector<ShardId> shards, F function) {
    return transaction.AtEach(std::move(shards), std::move(function));
  }
};

/// What a session handler sees; runs on the client's shard.
struct SessionContext {
  ArgView args;
  Session& session;
  Engine& engine;  // of the client's shard
  ReplyWriter& reply;
  std::vector<Gate>* gates =
      nullptr;            // what the reply depends on; a task that reads keys adds here
  WorkMeter meter{};      // of the cycles that a task executes
  bool rejected = false;  // set by a task that refused to begin, as the dispatcher would have
};

using LocalHandler = void (*)(CommandContext&);
using TransactionHandler = Task<void> (*)(TransactionContext&);
using SessionHandler = void (*)(SessionContext&);
using SessionTaskHandler = Task<void> (*)(SessionContext&);

enum class CommandKind : uint8_t { kLocal, kSpread, kTransaction, kWalk, kSession, kSessionTask };

/// How the replies of a spread command's parts become one.
enum class Merge : uint8_t {
  kNone,
  kSum,    // integers are added (DEL, EXISTS)
  kByKey,  // array elements return to their keys' places (MGET)
  kOk,     // every part says OK (MSET)
};

enum CommandFlag : uint32_t {
  kWrite = 1u << 0,
  kReadOnly = 1u << 1,
  kDenyOom = 1u << 2,
  kAdmin = 1u << 3,
  kPubSub = 1u << 4,
  kNoScript = 1u << 5,
  kFast = 1u << 6,
  kLoading = 1u << 7,
  kStale = 1u << 8,
  kNoAuth = 1u << 9,         // allowed before AUTH
  kNoMulti = 1u << 10,       // refused inside MULTI
  kAllSlots = 1u << 11,      // a transaction over every slot of every shard (FLUSHALL, DBSIZE)
  kInSubscribe = 1u << 12,   // allowed in RESP2 subscribe mode
  kBypassMulti = 1u << 13,   // runs at once inside MULTI (EXEC, DISCARD, MULTI, WATCH, QUIT, RESET)
  kMayReplicate = 1u << 14,  // no write, but CLIENT PAUSE WRITE holds it too (PUBLISH)
  kNoSlowLog = 1u << 15,     // SLOWLOG shows the commands inside it instead (EXEC)
  kTopicData = 1u << 16,     // on a topic's partition instead of keys: see topic_routing.h
};

/// Places of the keys, as COMMAND INFO tells them: 0 = no keys; last < 0 counts from the end.
struct KeyRange {
  int first = 0;
  int last = 0;
  int step = 0;
};

/// Texts for COMMAND DOCS.
struct CommandDoc {
  std::string_view summary;
  std::string_view since;
  std::string_view group;  // "string", "generic", "hash", "connection", "server", ...
  std::string_view complexity;
};

/// One row of the table. Names are lower case; a subcommand's row has "container|sub".
struct Command {
  std::string_view name;
  int arity;  // counts the name; negative: at least that many
  uint32_t flags;
  KeyRange keys;
  CommandKind kind;
  LocalHandler local = nullptr;
  TransactionHandler transaction = nullptr;
  SessionHandler session = nullptr;
  SessionTaskHandler session_task = nullptr;
  Merge merge = Merge::kNone;
  std::string_view acl_categories = {};  // "@string @write", for COMMAND INFO
  CommandDoc doc = {};
  uint16_t number = 0;  // set by the table in the rows that it gives out; below CommandCount()

  bool has(CommandFlag flag) const { return (flags & flag) != 0; }
};

/// Makers, so that each row reads as one.
constexpr Command Local(std::string_view name, int arity, uint32_t flags, KeyRange keys,
                        LocalHandler handler, CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = keys,
          .kind = CommandKind::kLocal,
          .local = handler,
          .doc = doc};
}
constexpr Command Spread(std::string_view name, int arity, uint32_t flags, KeyRange keys,
                         LocalHandler handler, Merge merge, CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = keys,
          .kind = CommandKind::kSpread,
          .local = handler,
          .merge = merge,
          .doc = doc};
}
constexpr Command InTransaction(std::string_view name, int arity, uint32_t flags, KeyRange keys,
                                TransactionHandler handler, CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = keys,
          .kind = CommandKind::kTransaction,
          .transaction = handler,
          .doc = doc};
}
constexpr Command Walk(std::string_view name, int arity, uint32_t flags, TransactionHandler handler,
                       CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = {},
          .kind = CommandKind::kWalk,
          .transaction = handler,
          .doc = doc};
}
constexpr Command OnSession(std::string_view name, int arity, uint32_t flags,
                            SessionHandler handler, CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = {},
          .kind = CommandKind::kSession,
          .session = handler,
          .doc = doc};
}
constexpr Command OnSessionTask(std::string_view name, int arity, uint32_t flags,
                                SessionTaskHandler handler, CommandDoc doc) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .keys = {},
          .kind = CommandKind::kSessionTask,
          .session_task = handler,
          .doc = doc};
}

/// The families' rows; each in the file of its family.
std::span<const Command> StringCommands();
std::span<const Command> GenericCommands();
std::span<const Command> HashCommands();
std::span<const Command> PubSubCommands();
std::span<const Command> TransactionCommands();
std::span<const Command> ConnectionCommands();
std::span<const Command> ClientCommands();
std::span<const Command> ServerCommands();
std::span<const Command> ClusterCommands();
std::span<const Command> TopicCommands();

/// Looks a command up, whatever its letters' case; nullptr if there is none. Any thread.
const Command* FindCommand(std::string_view name);
/// Looks up "container|sub".
const Command* FindSubcommand(std::string_view container, std::string_view sub);
/// Looks up a row by its whole name, "name" or "container|sub".
const Command* FindRow(std::string_view name);
/// How many rows the table has, subcommands included. Statistics are arrays over their numbers.
size_t CommandCount();
/// The row with that number.
const Command& CommandAt(size_t number);
/// Every row but subcommands, in the table's order.
const std::vector<const Command*>& AllCommands();
/// The rows "container|...".
std::vector<const Command*> SubcommandsOf(std::string_view container);

bool ArityFits(const Command& command, size_t args);
/// Calls `visit(index)` for the place of each key in `args`.
template <typename F>
void ForEachKey(const Command& command, size_t args, F visit) {
  if (command.keys.first == 0) return;
  int count = static_cast<int>(args);
  int last = command.keys.last < 0 ? count + command.keys.last : command.keys.last;
  for (int i = command.keys.first; i <= last && i < count; i += command.keys.step) {
    visit(static_cast<size_t>(i));
  }
}

/// Error texts that many families share; each is a whole error line without its "-".
inline constexpr std::string_view kWrongType =
    "WRONGTYPE Operation against a key holding the wrong kind of value";
inline constexpr std::string_view kNotInteger = "ERR value is not an integer or out of range";
inline constexpr std::string_view kNotFloat = "ERR value is not a valid float";
inline constexpr std::string_view kSyntaxError = "ERR syntax error";
inline constexpr std::string_view kNoSuchKey = "ERR no such key";
std::string WrongArity(std::string_view name);

}  // namespace flashdb
